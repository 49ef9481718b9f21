//! The C header: it is what the sources give, compiles on its own as C and C++, and all of it is tested from C.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn header() -> String {
    std::fs::read_to_string(root().join("include/keyviz.h")).expect("include/keyviz.h is there")
}

#[test]
fn the_committed_header_is_what_the_sources_give() {
    let generated = std::fs::read_to_string(env!("KEYVIZ_GENERATED_HEADER")).expect("build.rs made one");
    let committed = header();
    let differing = committed.lines().zip(generated.lines()).position(|(a, b)| a != b);
    let line = differing.unwrap_or_else(|| committed.lines().count().min(generated.lines().count())) + 1;
    assert!(committed == generated, "include/keyviz.h differs from the sources, from line {line} on; `make header` renews it");
}

/// Compiles a text that includes the header. `None`: there is no such compiler.
fn compile(compiler: &str, language: &str, standard: &str, text: &str) -> Option<Result<(), String>> {
    let mut command = Command::new(compiler);
    command.args(["-x", language, standard, "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", "-I"]);
    command.arg(root().join("include")).arg("-");
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
    child.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("the compiler reads");
    let output = child.wait_with_output().expect("the compiler ends");
    Some(if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) })
}

/// Says, past the test harness's capture, that something was not tested for want of a compiler. In CI that is a failure.
fn skip(compiler: &str) {
    let what = format!("there is no {compiler} to compile include/keyviz.h with");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{what}");
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}");
}

#[test]
fn it_compiles_alone_and_twice_as_c_and_as_cpp() {
    let compilers = [
        ("gcc", "c", "-std=c11"),
        ("g++", "c++", "-std=c++17"),
        ("clang", "c", "-std=c11"),
        ("clang++", "c++", "-std=c++17"),
    ];
    for (compiler, language, standard) in compilers {
        for text in ["#include <keyviz.h>\n", "#include <keyviz.h>\n#include <keyviz.h>\n"] {
            match compile(compiler, language, standard, text) {
                Some(result) => assert_eq!(result, Ok(()), "{compiler} {standard}: {text}"),
                None => skip(compiler),
            }
        }
    }
}

#[test]
fn the_initialisers_have_a_value_for_every_field() {
    let names = structs().into_iter().filter(|name| header().contains(&format!("keyviz_{name}_init(")));
    for name in names {
        let text = format!(
            "#include <keyviz.h>\nkeyviz_{name}_t f(void);\nkeyviz_{name}_t f(void) {{ keyviz_{name}_t x = KEYVIZ_{}_INIT; return x; }}\n",
            name.to_uppercase()
        );
        match compile("gcc", "c", "-std=c11", &text) {
            Some(result) => assert_eq!(result, Ok(()), "KEYVIZ_{}_INIT", name.to_uppercase()),
            None => skip("gcc"),
        }
    }
}

/// `x` of each `typedef struct { ... } keyviz_x_t;`.
fn structs() -> BTreeSet<String> {
    let header = header();
    let names = header.lines().filter_map(|line| line.strip_prefix("} keyviz_")?.strip_suffix("_t;"));
    names.map(str::to_owned).collect()
}

fn functions() -> BTreeSet<String> {
    let header = header();
    let code: Vec<&str> = header.lines().filter(|line| !line.starts_with("//") && !line.starts_with("#define")).collect();
    let code = code.join("\n");
    let calls = code.match_indices("keyviz_").filter_map(|(at, _)| {
        let name: String = code[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        code[at + name.len()..].starts_with('(').then_some(name)
    });
    calls.collect()
}

#[test]
fn every_function_that_returns_a_status_tells_its_errors() {
    let header = header();
    let lines: Vec<&str> = header.lines().collect();
    let fallible = (0..lines.len()).filter(|&i| lines[i].starts_with("keyviz_status_t keyviz_"));
    let silent: Vec<_> = fallible
        .filter(|&i| {
            let docs = lines[..i].iter().rev().take_while(|line| line.starts_with("///"));
            !docs.into_iter().any(|line| ["Errors", "errors", "Returns"].iter().any(|word| line.contains(word)))
        })
        .map(|i| lines[i])
        .collect();
    assert!(silent.is_empty(), "these say nothing of their errors: {silent:#?}");
}

fn c_tests() -> String {
    let folder = root().join("tests/c");
    let files = std::fs::read_dir(&folder).expect("tests/c is there").map(|entry| entry.expect("it can be read").path());
    let sources = files.filter(|path: &PathBuf| path.extension().is_some_and(|extension| extension == "c"));
    sources.map(|path| std::fs::read_to_string(path).expect("it can be read")).collect()
}

#[test]
fn the_c_tests_call_every_function_and_measure_every_struct() {
    let (tests, functions, structs) = (c_tests(), functions(), structs());
    assert!(functions.len() > 30 && structs.len() > 8, "the header was understood: {functions:?}, {structs:?}");
    // The initialising functions are called by name and struct, with a macro.
    let called = |name: &str| {
        let by_macro = name.strip_prefix("keyviz_").and_then(|name| name.strip_suffix("_init"));
        tests.contains(&format!("{name}(")) || by_macro.is_some_and(|name| tests.contains(&format!("SAME_INIT({name},")))
    };
    let uncalled: Vec<_> = functions.iter().filter(|name| !called(name)).collect();
    assert!(uncalled.is_empty(), "tests/c calls no {uncalled:?}");
    let unmeasured: Vec<_> = structs.iter().filter(|name| !tests.contains(&format!("END(keyviz_{name}_t)"))).collect();
    assert!(unmeasured.is_empty(), "tests/c/test_layout.c doesn't measure {unmeasured:?}");
    let input = structs.iter().filter(|name| !["row", "counts", "resolution", "observation"].contains(&name.as_str()));
    let without: Vec<_> = input.filter(|name| !functions.contains(&format!("keyviz_{name}_init"))).collect();
    assert!(without.is_empty(), "there is no function that initialises {without:?}");
}
