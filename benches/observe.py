"""The cost of one labelled write observation, beside its peers, in one table.

Runs in turns, several rounds each (a noisy machine disturbs all alike), and takes each case's median:

  c_observe, c_lane_observe   the C API, from C (observe.c)
  rust_textbook               a textbook sampler in Rust behind the same C ABI (textbook.rs)
  go_observe...               the Go package in its three builds, the textbook sampler in Go, and a bare cgo call that
                              does two atomic additions (bindings/go/internal/benchobserve)

Then it shows, with the system-call tracer and the allocator's counters, that a steady observer asks the system for
nothing. Usage: observe.py [milliseconds per case] [rounds]
"""

import collections
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
RELEASE = ROOT / "target" / "release"
GO = ROOT / ".ci" / "go"


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, **options)


def programs():
    """Builds the programs, and gives each one's command."""
    BUILD.mkdir(parents=True, exist_ok=True)
    run("cargo", "build", "--release", "--lib", "--example", "textbook", cwd=ROOT)
    examples = RELEASE / "examples"
    for folder, name in ((RELEASE, "libkeyviz.so"), (examples, "libtextbook.so")):
        shutil.copy(folder / name, BUILD / name)
    shutil.copy(RELEASE / "libkeyviz.so", BUILD / "libkeyviz.so.0")
    run("cc", "-std=c11", "-O2", "-fno-plt", "-Wall", "-Wextra", f"-I{ROOT}/include", f"{ROOT}/benches/observe.c",
        "-o", BUILD / "observe", f"-L{BUILD}", "-lkeyviz", "-ltextbook", "-pthread", f"-Wl,-rpath,{BUILD}")
    commands = [[BUILD / "observe"]]
    for tag in ("", "keyviz_atomic", "keyviz_cgo"):
        program = BUILD / f"benchobserve_{tag or 'default'}"
        run(GO, "build", "-tags", tag, "-o", program, "./internal/benchobserve", cwd=ROOT / "bindings" / "go")
        commands.append([program])
    return commands


def measure(commands, milliseconds, rounds):
    times = collections.defaultdict(list)
    for _ in range(rounds):
        for command in commands:
            lines = run(*command, milliseconds, stdout=subprocess.PIPE, text=True).stdout.splitlines()
            for line in lines:
                case, routes, threads, nanoseconds = line.split()
                times[case, int(routes), int(threads)].append(float(nanoseconds))
    return {key: statistics.median(values) for key, values in times.items()}


def table(times):
    peers = {"c": "rust_textbook", "go": "go_baseline"}
    print(f"\n{'case':34}{'routes':>7}{'threads':>8}{'ns':>9}   against its textbook peer")
    for (case, routes, threads), nanoseconds in sorted(times.items(), key=lambda item: (item[0][1], item[0][2], item[0][0])):
        peer = times.get((peers.get(case.split("_")[0]), routes, threads))
        ratio = f"{peer / nanoseconds:6.1f} x" if peer and case not in peers.values() else ""
        print(f"{case:34}{routes:>7}{threads:>8}{nanoseconds:>9.2f}   {ratio}")


def limits(times):
    """What the library promises, and what came out."""
    def ratio(slow, fast, routes, threads=1):
        return times[slow, routes, threads] / times[fast, routes, threads]

    rows = []
    for routes in (1, 256):
        rows.append((f"C observe against the Rust textbook, {routes} routes", ratio("rust_textbook", "c_observe", routes), ">=", 5))
        rows.append((f"C lane observe against the Rust textbook, {routes} routes", ratio("rust_textbook", "c_lane_observe", routes), ">=", 8))
        rows.append((f"Go Observe against the Go textbook, {routes} routes", ratio("go_baseline", "go_observe", routes), ">=", 5 if routes == 1 else 6))
        rows.append((f"Go Observe against a cgo call, {routes} routes", ratio("cgo_two_atomic_adds", "go_observe", routes), ">=", 5))
        for case in ("c_observe", "c_lane_observe", "go_observe"):
            shared = times[case, routes, 2] / times[f"{case}_own_samplers", routes, 2]
            rows.append((f"{case}: 2 threads on one slot against two samplers, {routes} routes", shared, "<=", 1.1))
    print(f"\n{'promise':72}{'measured':>9}{'limit':>9}")
    for name, measured, sign, limit in rows:
        kept = measured >= limit if sign == ">=" else measured <= limit
        print(f"{name:72}{measured:>9.2f}{sign:>5}{limit:>4}{'' if kept else '   missed'}")


def steady_state():
    """System calls and allocations of a program that observes ten million times more than another."""
    print("\nsystem calls and allocations of 1 thousand and of 10 million observations (they must not differ):")
    for count in (1_000, 10_000_000):
        steady = [BUILD / "observe", "steady", count]
        allocations = run(*steady, stdout=subprocess.PIPE, text=True).stdout.strip()
        calls = "no strace here"
        if shutil.which("strace"):
            trace = run("strace", "-f", "-o", BUILD / "trace", *steady, stdout=subprocess.DEVNULL) and (BUILD / "trace").read_text()
            calls = f"{len(trace.splitlines())} system calls"
        print(f"  {count:>9} observations: {allocations}, {calls}")


def main():
    milliseconds = sys.argv[1] if len(sys.argv) > 1 else "150"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    times = measure(programs(), milliseconds, rounds)
    table(times)
    limits(times)
    steady_state()


if __name__ == "__main__":
    os.environ.setdefault("GOFLAGS", "")
    main()
