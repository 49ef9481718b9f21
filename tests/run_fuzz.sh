#!/bin/sh
# Fuzzes each reader for a minute (or FUZZ_SECONDS), from the seeds in tests/fuzz/seeds and the golden files.
#
#     tests/run_fuzz.sh [target...]
#
# What is found stays in build/fuzz, and is where the next run goes on. Needs cargo-fuzz; where it is missing, it is
# installed into build/cargo-fuzz from crates.io. The sanitizer comes with the stable toolchain (RUSTC_BOOTSTRAP=1).
set -eu
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-60}
out=$PWD/build/fuzz
PATH=$PWD/build/cargo-fuzz/bin:$PATH
RUSTC_BOOTSTRAP=1
export PATH RUSTC_BOOTSTRAP

if ! command -v cargo-fuzz >/dev/null; then
    echo "there is no cargo-fuzz: installing it into build/cargo-fuzz (some minutes)"
    cargo install --quiet --locked --root build/cargo-fuzz cargo-fuzz
fi
[ $# -gt 0 ] || set -- json proto row_id history
for target in "$@"; do
    mkdir -p "$out/corpus/$target" "$out/findings/$target"
    case $target in
    json) cp tests/golden/*.json "$out/corpus/$target" ;;
    proto) cp tests/golden/*.pb "$out/corpus/$target" ;;
    *) cp "tests/fuzz/seeds/$target"/* "$out/corpus/$target" ;;
    esac
    echo "fuzzing $target for $seconds s"
    log=$out/$target.log
    if cargo fuzz run --fuzz-dir tests/fuzz --target-dir "$PWD/target/fuzz" "$target" "$out/corpus/$target" -- \
        -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 -artifact_prefix="$out/findings/$target/" >"$log" 2>&1; then
        grep -a 'Done .* runs' "$log"
    else
        tail -n 40 "$log"
        echo "FAILED $target: see $log"
        exit 1
    fi
done
