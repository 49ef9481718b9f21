# How the shell runners count and tell; they source it. `log` names the file that a check's words go to.
passed=0
failed=0

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAILED $*"; }

# missing TOOL WHAT: a tool isn't there that WHAT takes. Where CI=true, that is a failure.
missing() {
    if [ "${CI:-}" = true ]; then fail "$2: there is no $1"; else echo "SKIPPED $2: there is no $1"; fi
}

# check NAME COMMAND...: runs it, shows what it says if it fails.
check() {
    checked=$1
    shift
    if "$@" >"$log" 2>&1; then pass; else fail "$checked"; cat "$log"; fi
}
