//! The sampler against its specification: random programs, the same columns row for row.
//!
//! `spec.rs` is the specification in its plainest form, `program.rs` makes and runs programs, `subject.rs` and `c.rs`
//! are the sampler as Rust and as C know it. `PROPTEST_CASES` sets the number of programs.

mod c;
mod cases;
mod program;
mod spec;
mod subject;

use program::{program, run};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

fn programs<S: subject::Subject>(at_least: u32) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(at_least);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&program(), |program| {
        run::<S>(&program);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn any_program_gives_the_specified_columns_from_rust() {
    programs::<keyviz::Sampler>(25_000);
}

#[test]
fn any_program_gives_the_specified_columns_through_the_c_api() {
    programs::<c::CApi>(25_000);
}
