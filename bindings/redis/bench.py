"""What the module costs a real Redis: servers without it, with a command filter that does nothing, and with the module.

Per round, redis-benchmark drives each server in turns, so that a noisy machine disturbs all alike. A figure is the median of
the rounds' ratios to the bare server of the same round: of throughput, and of the server's own processor time per request.
Then, where valgrind is there, the instructions per request, which no noise disturbs.

Usage: bench.py [rounds] [requests per run]
"""

import contextlib
import pathlib
import random
import re
import shutil
import statistics
import sys
import tempfile
import time

from server import NOOP, Server

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 25
REQUESTS = int(sys.argv[2]) if len(sys.argv) > 2 else 60_000
STEP = ("step", 60)
HUNDRED = [part for n in range(1, 100) for part in ("split", f"key:{n * 1000:012}")]
SERVERS = {
    "bare": dict(module=None),
    "filter that does nothing": dict(module=(), path=NOOP),
    "keyviz": dict(module=STEP),
    "keyviz, 100 ranges of 64 buckets": dict(module=(*STEP, "buckets", 64, *HUNDRED)),
    "keyviz, hot keys (1 in 16)": dict(module=(*STEP, "hotkeys", "yes")),
}
CASES = [(1, "get"), (1, "set"), (16, "get"), (16, "set")]


def processor_seconds(server):
    info = server.client.info("cpu")
    return info["used_cpu_user"] + info["used_cpu_sys"]


def measure(server, pipeline, command):
    """Requests per second, and the server's processor time for each, in us."""
    before = processor_seconds(server)
    requests = REQUESTS if pipeline > 1 else REQUESTS // 4
    text = server.benchmark("-t", command, "-n", requests, "-P", pipeline, "-c", 50, "-r", 100_000, "-d", 64, "--csv")
    used = processor_seconds(server) - before
    return float(re.findall(r'"([0-9.]+)"', text.splitlines()[-1])[0]), used / requests * 1e6


def throughput():
    found = {(name, case): [] for name in SERVERS for case in CASES}
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(Server(**options)) for name, options in SERVERS.items()}
        for server in servers.values():
            measure(server, 16, "set")
        for _ in range(ROUNDS):
            for case in CASES:
                for name in random.sample(list(servers), len(servers)):
                    found[name, case].append(measure(servers[name], *case))
    print(f"{'':34}" + "".join(f"{f'{command.upper()}, pipeline {pipeline}':>20}" for pipeline, command in CASES))
    for title, index in (("requests per second, against bare", 0), ("processor time per request, against bare", 1)):
        print(title)
        for name in SERVERS:
            ratios = []
            for case in CASES:
                pairs = zip(found[name, case], found["bare", case])
                ratios.append(statistics.median(one[index] / bare[index] for one, bare in pairs))
            print(f"  {name:32}" + "".join(f"{ratio:20.3f}" for ratio in ratios))
    print("bare: " + ", ".join(
        f"{command.upper()} P={pipeline} {statistics.median(rate for rate, _ in found['bare', (pipeline, command)]):.0f}/s "
        f"{statistics.median(used for _, used in found['bare', (pipeline, command)]):.2f} us"
        for pipeline, command in CASES))


def instructions_of(options, command, requests):
    """All instructions of a server's life with so many requests in it."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind"
        tool = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={out}"]
        # No cron beside the requests: it depends on the time.
        with Server(settings=["hz 1", "dynamic-hz no"], command=tool, **options) as server:
            if requests:
                # One key, so that Redis does the same each time.
                server.benchmark("-t", command, "-n", requests, "-P", 100, "-c", 1, "-d", 64, "-q")
            server.process.terminate()
            server.process.wait()
            return int(re.search(r"^summary: (\d+)", out.read_text(), re.M)[1])


def instructions():
    few, many = 2000, 22000
    print("\ninstructions per request (callgrind, pipeline 100)")
    bare = {}
    for name, options in SERVERS.items():
        counts = []
        for command in ("get", "set"):
            count = (instructions_of(options, command, many) - instructions_of(options, command, few)) / (many - few)
            counts.append(count - bare.setdefault(command, count))
        print(f"  {name:34}" + "".join(
            f"{command.upper()} {bare[command]:6.0f} {extra:+5.0f}    " for command, extra in zip(("get", "set"), counts)))


if __name__ == "__main__":
    begin = time.monotonic()
    throughput()
    if shutil.which("valgrind"):
        instructions()
    else:
        print("SKIPPED the instructions: there is no valgrind")
    print(f"({time.monotonic() - begin:.0f} s)")
