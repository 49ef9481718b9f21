# The library as one that is installed: linked with symbol versions, laid down below a prefix, packed. The Makefile
# includes this.

VERSION := $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml | head -n 1)
SOURCES := Cargo.toml Cargo.lock build.rs cbindgen.toml bindings/c/package/keyviz.map $(shell find src -type f)
RELEASE := $(or $(CARGO_TARGET_DIR),target)/release
SHARED  := $(RELEASE)/libkeyviz.so.$(VERSION)
SONAME  := libkeyviz.so.$(firstword $(subst ., ,$(VERSION)))

# What the static library needs of the system; tests/check_install.sh compares it with what the compiler says. The
# C compiler adds the unwinder (libgcc_s or libgcc_eh) and libc by itself.
STATIC_LIBS := -lutil -lrt -lpthread -lm -ldl

PREFIX       ?= $(or $(prefix),/usr/local)
LIBDIR       ?= $(or $(libdir),$(PREFIX)/lib)
INCLUDEDIR   ?= $(or $(includedir),$(PREFIX)/include)
DATADIR      ?= $(or $(datadir),$(PREFIX)/share)
MANDIR       ?= $(or $(mandir),$(DATADIR)/man)
DOCDIR       ?= $(or $(docdir),$(DATADIR)/doc/libkeyviz)
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
CMAKEDIR     ?= $(LIBDIR)/cmake/keyviz
STRIP        ?= strip

# cargo's shared library has no symbol versions (the compiler's own version script leaves no room for ours), so the
# one to install is linked here, of the same object code. `build` always asks cargo; `install` only where a source is
# newer than what was built, so that root needs no cargo.
build $(SHARED): $(SOURCES)
	$(CARGO) build --release --lib
	@if ! [ $(SHARED) -nt $(RELEASE)/libkeyviz.a ]; then \
		$(CC) -shared -o $(SHARED).new $(LDFLAGS) -Wl,-soname,$(SONAME) -Wl,--version-script=bindings/c/package/keyviz.map \
			-Wl,-z,nodelete,-z,relro,-z,now,-z,defs -Wl,--gc-sections,--build-id \
			-Wl,--whole-archive $(RELEASE)/libkeyviz.a -Wl,--no-whole-archive -Wl,--as-needed -lgcc_s $(STATIC_LIBS) -lc && \
		mv -f $(SHARED).new $(SHARED) && ln -sf libkeyviz.so.$(VERSION) $(RELEASE)/$(SONAME); \
	fi
	@touch $(SHARED)

PLACES := VERSION RELEASE DESTDIR PREFIX LIBDIR INCLUDEDIR DATADIR MANDIR DOCDIR PKGCONFIGDIR CMAKEDIR STATIC_LIBS STRIP
PLACED  = $(foreach name,$(PLACES),$(name)='$($(name))')

install: $(SHARED)
	@$(PLACED) bindings/c/package/install.sh install

uninstall:
	@$(PLACED) bindings/c/package/install.sh uninstall

# Of the prefix in build/, unless it is told which.
check-install: PREFIX := $(if $(filter file,$(origin PREFIX)),$(BUILD)/prefix,$(PREFIX))
check-install:
	@$(PLACED) tests/check_install.sh

doc-c:
	@mkdir -p $(BUILD)/doc-c $(BUILD)/doc-cpp
	doxygen bindings/c/package/Doxyfile
	doxygen bindings/cpp/Doxyfile

abi-check:
	@tests/check_abi.sh

abi-dump:
	@tests/check_abi.sh accept

dist: $(SHARED)
	@VERSION=$(VERSION) bindings/c/package/dist.sh

check-dist: dist
	@VERSION=$(VERSION) tests/check_dist.sh

check-cinstall:
	@tests/check_cinstall.sh
