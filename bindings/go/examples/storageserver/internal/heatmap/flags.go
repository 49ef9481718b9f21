package heatmap

import (
	"flag"

	keyviz "github.com/libkeyviz/libkeyviz/bindings/go"
)

// Flags defines the flags of a command that writes a heatmap. The result is
// right once they are parsed.
func Flags(page string) *Output {
	out := &Output{Series: keyviz.SeriesWrites}
	flag.StringVar(&out.Page, "out", page, "write the heatmap to this `file`")
	flag.StringVar(&out.Picture, "picture", "", "write a picture of it to this `file`, a PNG")
	flag.Func("series", "`series` of the picture, and first on the page: writes (the default), reads, write_bytes or read_bytes",
		func(name string) (err error) {
			out.Series, err = keyviz.ParseSeries(name)
			return err
		})
	return out
}
