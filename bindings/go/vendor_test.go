//go:build cgo && !keyviz_system

package keyviz_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestAHostThatVendorsThePackageBuilds(t *testing.T) {
	if testing.Short() {
		t.Skip("it links a program")
	}
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	host := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module host\n\ngo 1.24\n\nrequire github.com/libkeyviz/libkeyviz/bindings/go v0.0.0\n\n" +
			"replace github.com/libkeyviz/libkeyviz/bindings/go => " + here + "\n",
		"main.go": `package main

import keyviz "github.com/libkeyviz/libkeyviz/bindings/go"

func main() {
	s := keyviz.NewMemSampler(keyviz.MemSamplerOptions{})
	s.RegisterRoute(1, nil, nil, 0)
	s.Flush()
	if s.Stats().Columns != 1 {
		panic(keyviz.Ready())
	}
}
`,
	} {
		if err := os.WriteFile(filepath.Join(host, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, arguments := range [][]string{{"mod", "vendor"}, {"run", "-mod=vendor", "."}} {
		command := exec.Command("go", arguments...)
		command.Dir = host
		command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", arguments[0], err, output)
		}
	}
}
