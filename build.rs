//! Makes `include/keyviz.h` from the sources, and gives the shared library its name.
//!
//! The header is committed; a build writes it only when it differs and `KEYVIZ_WRITE_HEADER` is set (`make header`),
//! and always into `OUT_DIR`, where a test compares the two.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

macro_rules! labels {
    ($($name:ident = $number:literal, $wire:literal;)*) => {
        const LABELS: &[(&str, u32, &str)] = &[$((stringify!($name), $number, $wire)),*];
    };
}
include!("src/labels.rs");

/// The structs that begin with their size, and what their initialiser sets besides.
const INITIALISED: &[(&str, &str)] = &[
    ("error", ", 0, 0, {0}"),
    ("options", ", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {{0, 0}, {0, 0}, {0, 0}, {0, 0}}, 0, 0, 0, 0, 0, 0, 0, 0, {0, 0, 0, 0}"),
    ("route", ", 0, 0, 0, 0, 0, 0, 0, 0"),
    ("column_info", ", 0, 0, 0, 0, 0, 0"),
    ("column_buffer", ", sizeof(keyviz_row_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0"),
    ("column", ", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0"),
    ("matrix_query", ", 0, 0, 1, 0, 0, 0, 0"),
    ("matrix_info", ", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0"),
    ("matrix_row", ", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0"),
    ("matrix_node", ", 0, 0, 0, 0"),
    ("merge_options", ", -1, 0, 1, 0, 0, 0"),
    ("limits", ", 0, 0, 0"),
    ("png_options", ", 0, 0, 0, 0"),
    ("verdict", ", 0, 0, 0, 0, 0, 0, 0"),
    ("split", ", 0, 0, 0, 0, 0, 0, 0"),
    ("live_page", ", 0, 0, 0, 0, 0, 0, 0, 0"),
    ("stats", ", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0"),
    ("hot_keys_query", ", 0, 0, 1, 0, 0, 0, 0, 0, 0"),
    ("hot_keys_info", ", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0"),
    ("hot_key", ", 0, 0, 0, 0, 0"),
    ("hot_keys_source", ", 0, 0, 0, 0, 0"),
    ("event", ", 0, 0, 0, 0, 0, 0, 0"),
    ("hot_layout", ", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0"),
];

fn main() {
    for changed in ["build.rs", "cbindgen.toml", "src", "include/keyviz.h"] {
        println!("cargo:rerun-if-changed={changed}");
    }
    println!("cargo:rerun-if-env-changed=KEYVIZ_WRITE_HEADER");
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let generated = Path::new(&variable("OUT_DIR")).join("keyviz.h");
    write_header(&root, &generated);
    let committed = root.join("include/keyviz.h");
    if std::env::var_os("KEYVIZ_WRITE_HEADER").is_some() {
        std::fs::copy(&generated, &committed).expect("include/keyviz.h can be written");
    }
    println!("cargo:rustc-env=KEYVIZ_GENERATED_HEADER={}", generated.display());
    if variable("CARGO_CFG_TARGET_OS") == "linux" {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libkeyviz.so.{}", variable("CARGO_PKG_VERSION_MAJOR"));
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}

fn write_header(root: &Path, to: &Path) {
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml is valid");
    config.after_includes = Some(constants() + &initialisers());
    // The order of a host's first steps; what few need comes last.
    let sources = [
        "sampler", "routes", "observe", "lanes", "columns", "stored", "history", "matrix/mod", "hot_keys", "info", "status",
        "layout",
    ];
    let builder = sources.iter().fold(cbindgen::Builder::new().with_config(config), |builder, name| {
        builder.with_src(root.join(format!("src/ffi/{name}.rs")))
    });
    builder.generate().expect("the C API can be read").write_to_file(to);
}

fn constants() -> String {
    let mut text = String::new();
    let version = variable("CARGO_PKG_VERSION");
    let _ = writeln!(text, "\n/// The version that this header belongs to, \"x.y.z\".\n#define KEYVIZ_VERSION \"{version}\"");
    for part in ["MAJOR", "MINOR", "PATCH"] {
        let _ = writeln!(text, "/// Its {} number.\n#define KEYVIZ_VERSION_{part} {}", part.to_lowercase(), variable(&format!("CARGO_PKG_VERSION_{part}")));
    }
    let _ = writeln!(text, "\n// Labels: the adapter family that sent a request.");
    for (name, number, wire) in LABELS {
        let _ = writeln!(text, "/// The label \"{wire}\".\n#define KEYVIZ_LABEL_{} {number}", name.to_uppercase());
    }
    text
}

fn initialisers() -> String {
    let mut text = String::from("\n// Initialisers: sizes where a struct tells them, and zero for the rest.\n");
    for (name, rest) in INITIALISED {
        let _ = writeln!(text, "/// A new keyviz_{name}_t.\n#define KEYVIZ_{}_INIT {{sizeof(keyviz_{name}_t){rest}}}", name.to_uppercase());
    }
    text
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
