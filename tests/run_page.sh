#!/usr/bin/env bash
# The tests of the heatmap page, in a real Chromium.
#
#   tests/run_page.sh [test.mjs ...]              by default those in tests/page; SHOTS=folder keeps screenshots
#
# Needs Node.js 20 and Chromium: $CHROMIUM, or one of the usual names. Without them it says so and passes on a user's
# machine, and fails where CI=true. playwright-core comes from npm, into build/.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
[ $# -gt 0 ] || set -- tests/page/*.test.mjs

missing() {
    echo "tests/run_page.sh: $1" >&2
    [ "${CI:-}" = true ] && exit 1
    echo "tests/run_page.sh: THE PAGE WAS NOT TESTED" >&2
    exit 0
}

find_chromium() {
    for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
        [ -n "$name" ] && command -v "$name" && return
    done
    return 1
}

command -v node >/dev/null && command -v npm >/dev/null || missing "there is no Node.js"
[ "$(node -p 'parseInt(process.versions.node)')" -ge 20 ] || missing "Node.js $(node --version) is older than 20"

CHROMIUM=$(find_chromium) || missing "there is no Chromium (CHROMIUM=path names one)"

PAGE_MODULES=$root/build/page
mkdir -p "$PAGE_MODULES"
if ! cmp -s tests/page/package.json "$PAGE_MODULES/package.json" || ! [ -d "$PAGE_MODULES/node_modules/playwright-core" ]; then
    cp tests/page/package.json "$PAGE_MODULES/"
    npm install --prefix "$PAGE_MODULES" --no-package-lock --no-audit --no-fund >&2 ||
        { rm -f "$PAGE_MODULES/package.json"; missing "npm could not install playwright-core"; }
fi

"${CARGO:-cargo}" build --quiet --example page
PAGE_TOOL=${CARGO_TARGET_DIR:-$root/target}/debug/examples/page

export CHROMIUM PAGE_MODULES PAGE_TOOL
node --test --test-concurrency=2 --test-reporter=spec "$@"
