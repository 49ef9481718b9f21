# libkeyviz. `make` lists the targets.

CARGO ?= cargo
GO    := $(CURDIR)/.ci/go
BUILD := $(CURDIR)/build
GODIR := bindings/go
HOST  := $(GODIR)/examples/storageserver

.PHONY: help build header go demo heatmap serve test test-rust test-c test-go test-host test-wire test-page test-cpp test-abi test-cluster test-python python-bindings wheel notebook check-sdist test-install install uninstall check-install dist check-dist check-cinstall abi-check abi-dump doc-c loom sanitize fuzz-smoke bench-observe bench-core bench-sampler bench-hotkeys bench-matrix bench-python bench-go redis redis-demo test-redis bench-redis clean

help:
	@echo "make build          the library, shared and static, in target/release"
	@echo "make install        the library below PREFIX (/usr/local), headers, pkg-config, CMake and manual with it; uninstall"
	@echo "make check-install  what is installed in PREFIX (build/prefix), by building programs with it"
	@echo "make dist           tarballs of the sources and of the installed library, Debian packages, checksums; in build/dist"
	@echo "make check-cinstall what cargo cinstall (cargo-c) installs (2 minutes once cargo-c is compiled)"
	@echo "make abi-check      the header against the ABI that was promised (tests/abi/keyviz.abi); abi-dump accepts a change"
	@echo "make doc-c          the references of the C and C++ API, in build/doc-c/html and build/doc-cpp/html"
	@echo "make go             the library where the Go package looks for it"
	@echo "make demo           a real server, real clients, and where their traffic went (about a minute; TRACES=dir replays)"
	@echo "make heatmap        a page and a picture of the traces in KEYVIZ_TRACES or ../shared/traces, or else of the demo's load"
	@echo "make serve          three servers with load, and one live heatmap of them all, until Ctrl-C (SERVE=flags: build/cluster -h)"
	@echo "make test           every test, in every language (about 15 minutes)"
	@echo "make header         include/keyviz.h from the sources"
	@echo "make python-bindings  the ctypes declarations from the header"
	@echo "make wheel          a wheel of the Python package, with the library inside, in build/wheels"
	@echo "make notebook       the Python notebook, run on the traces, as a page with its pictures in build/notebook (half a minute)"
	@echo "make check-sdist    the Python package's source distribution, built, and installed elsewhere (about 2 minutes)"
	@echo "make loom           the concurrency models (about 3 minutes once it is compiled)"
	@echo "make sanitize       the C and C++ tests, their examples and the stress test with sanitizers in the library too (about 10 minutes)"
	@echo "make fuzz-smoke     a minute of fuzzing for each reader of untrusted bytes"
	@echo "make bench-observe  the cost of an observation, beside its peers (about 2 minutes)"
	@echo "make bench-core     the parts of the way to a matrix, one by one, against the last run (about 2 minutes)"
	@echo "make bench-sampler  registration, flush, history and memory, with their limits (about 1 minute)"
	@echo "make bench-matrix   query, merge and wire forms of a matrix, beside their peers (about 2 minutes)"
	@echo "make bench-hotkeys  hot keys: sketch updates beside peers, and an observation with and without (about 2 minutes)"
	@echo "make redis          the module for redis-server: build/redis/keyviz.so"
	@echo "make redis-demo     a real Redis with the module under load, and where its traffic went (about 20 s)"
	@echo "make bench-redis    a real Redis with and without the module, in pairs (about 5 minutes)"
	@echo "make bench-go       the Go package beside its peers: a textbook sampler, Prometheus, VictoriaMetrics, cgo (about 1 minute)"
	@echo "make bench-python   counting from Python, beside numpy, pandas and a loop (about 1 minute)"
	@echo "make clean          removes what the above made"

include bindings/c/package/package.mk

header:
	KEYVIZ_WRITE_HEADER=1 $(CARGO) build --lib

go: build
	$(GODIR)/build.sh

demo: go
	@mkdir -p $(BUILD)
	cd $(HOST) && $(GO) build -o $(BUILD)/demo ./cmd/demo
	$(BUILD)/demo -out $(BUILD)/demo-heatmap.html

TRACE_FILES := $(wildcard $(or $(KEYVIZ_TRACES),../shared/traces)/*.csv.zst)

heatmap: go
	@mkdir -p $(BUILD)
	cd $(HOST) && $(GO) build -o $(BUILD) ./cmd/demo ./cmd/replay
ifneq ($(TRACE_FILES),)
	$(BUILD)/replay -columns 240 -key-buckets 64 -series reads -out $(BUILD)/heatmap.html -picture $(BUILD)/heatmap.png $(TRACE_FILES)
else
	TRACES= $(BUILD)/demo -key-buckets 64 -out $(BUILD)/heatmap.html -picture $(BUILD)/heatmap.png
endif

# Each node is a process of its own; none outlives this.
serve: $(BUILD)/cluster
	$(BUILD)/cluster $(SERVE)

$(BUILD)/cluster: go
	@mkdir -p $(BUILD)
	cd $(HOST) && $(GO) build -o $(BUILD)/cluster ./cmd/cluster

test: test-rust test-c test-cpp test-abi test-install test-go test-host test-redis test-wire test-page test-cluster test-python

test-rust: build
	$(CARGO) test

test-c: build
	tests/check_elf.sh
	tests/check_doc.sh
	tests/run_c.sh

test-cpp: build
	tests/run_cpp.sh
	tests/run_examples.sh

test-abi: build abi-check
	tests/check_growth.sh

test-install: build
	tests/run_install.sh
	$(MAKE) --no-print-directory check-dist

# At the end: with a garbage collector that runs all the time and overwrites what it frees, and with every pointer checked.
test-go: go
	cd $(GODIR) && $(GO) vet ./... && $(GO) test ./...
	cd $(GODIR) && $(GO) test -short -tags keyviz_cgo ./...
	cd $(GODIR) && $(GO) test -short -tags keyviz_atomic ./...
	cd $(GODIR) && $(GO) test -short -race ./...
	cd $(GODIR) && KEYVIZ_TEST_GC=1 GOGC=1 GODEBUG=cgocheck=1,clobberfree=1 $(GO) test -short .
	cd $(GODIR) && $(GO) test -short -gcflags=all=-d=checkptr .
	cd $(GODIR) && GOEXPERIMENT=cgocheck2 $(GO) test -short .
	cd $(GODIR)/internal/bench && $(GO) vet . && $(GO) run . -rounds 1 -slice 1ms -rows 100 >/dev/null
	cd $(GODIR) && $(GO) test -short -tags netgo,osusergo -ldflags '-linkmode external -extldflags -static' .
	cd $(GODIR) && CGO_ENABLED=0 $(GO) vet . ./keyvizhttp && CGO_ENABLED=0 $(GO) test . ./keyvizhttp

test-host: go
	cd $(HOST) && $(GO) vet ./... && $(GO) test ./...

test-wire:
	tests/run_wire.sh

# In a real redis-server.
test-redis:
	bindings/redis/run.sh tests

# In a real Chromium.
test-page:
	tests/run_page.sh

# The same page, on servers that run.
test-cluster: $(BUILD)/cluster
	CLUSTER=$(BUILD)/cluster tests/run_page.sh tests/cluster/*.test.mjs

# The Python package; what it needs of a package index goes into build/python.
test-python: build
	tests/run_python.sh

python-bindings:
	tests/run_python.sh generate

wheel: build
	tests/run_python.sh wheel

# On KEYVIZ_TRACES or ../shared/traces, or else on generated ones.
notebook: build
	tests/run_python.sh notebook

check-sdist:
	tests/run_python.sh sdist

loom:
	RUSTFLAGS="--cfg loom" $(CARGO) test --release --lib --target-dir target/loom loom

sanitize: build
	tests/run_c.sh rust-asan tsan
	tests/run_cpp.sh rust-asan tsan
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address $(CARGO) test --test stress --target x86_64-unknown-linux-gnu \
		--target-dir target/rust-asan

fuzz-smoke:
	tests/run_fuzz.sh

bench-observe: go
	python3 benches/observe.py

bench-core:
	$(CARGO) bench --bench core

bench-sampler:
	$(CARGO) bench --bench sampler

bench-matrix:
	$(CARGO) bench --bench matrix
	KEYVIZ_GO=$(GO) $(CARGO) bench --bench wire

bench-hotkeys: go
	$(CARGO) bench --bench hotkeys
	cd $(GODIR) && $(GO) run ./internal/benchhotkeys

redis:
	bindings/redis/build.sh

redis-demo:
	bindings/redis/run.sh demo

bench-redis:
	bindings/redis/run.sh bench

bench-go: go
	cd $(GODIR)/internal/bench && $(GO) run .

bench-python: build
	tests/run_python.sh bench

clean:
	$(CARGO) clean
	rm -rf $(BUILD) $(GODIR)/libkeyviz.a $(GODIR)/keyviz_built.h
