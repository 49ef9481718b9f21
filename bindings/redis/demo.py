"""A real Redis under load, and where its traffic went.

Starts redis-server with the module, drives it for some seconds with redis-cli and redis-benchmark, and prints the busiest
ranges and the hottest keys. What the module counted must be what Redis itself says of its commands, to the call, and the
key that was planted must be the hottest; otherwise it ends with status 1. Writes build/redis-heatmap.html, .png and .json.
"""

import math
import random
import subprocess
import sys
import time

from server import ROOT, Server

SECONDS = 14
TICK = 0.1
OUT = ROOT / "build"
PLANTED = "user:04242"
USERS, ORDERS, SESSIONS = 20000, 3000, 8000

# The commands of the load: what they do to a key each, and how many keys a call has.
CALLS = {
    "get": ("reads", 1), "hgetall": ("reads", 1), "zrange": ("reads", 1), "mget": ("reads", 4),
    "set": ("writes", 1), "setex": ("writes", 1), "hset": ("writes", 1), "incr": ("writes", 1), "zadd": ("writes", 1),
    "lpush": ("writes", 1), "mset": ("writes", 4),
}
# Commands without keys, or whose keys count where their scripts use them.
OTHERS = {"info", "config", "eval", "multi", "exec", "echo", "ping", "hello", "client", "command"}


def resp(*arguments):
    parts = [str(argument).encode() for argument in arguments]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


class Load:
    """What the clients ask for at a time, tick by tick."""

    def __init__(self):
        self.random = random.Random(7)
        self.orders = ORDERS

    def zipf(self, population):
        """A rank: small ones are likely, each ten times as likely as one ten times as large."""
        return int(population ** self.random.random()) - 1

    def fill(self):
        """The keys that are there when the day begins."""
        for i in range(0, USERS, 4):
            yield resp("MSET", *[part for j in range(4) for part in (f"user:{i + j:05}", "x" * 60)])
        for i in range(ORDERS):
            yield resp("HSET", f"order:{i:06}", "total", i, "state", "paid")
        for i in range(SESSIONS):
            yield resp("SETEX", f"session:{i:05}", 3600, "x" * 30)

    def tick(self, now):
        # Users wake up along the key space and go to sleep again: a wave of reads, thin at its edges.
        crest = (0.5 - 0.45 * math.cos(2 * math.pi * now / 9)) * USERS
        for _ in range(500):
            user = int(self.random.gauss(crest, USERS / 14)) % USERS
            yield resp("GET", f"user:{user:05}")
        for _ in range(80):
            yield resp("GET", PLANTED)
        for _ in range(150):
            yield resp("SET", f"user:{self.zipf(USERS):05}", "x" * 60)
        for _ in range(20):
            yield resp("MGET", *[f"user:{self.zipf(USERS):05}" for _ in range(4)])
        # Orders are appended, and read while they are new.
        for _ in range(60):
            yield resp("HSET", f"order:{self.orders:06}", "total", self.orders, "state", "new")
            yield resp("HGETALL", f"order:{max(0, self.orders - self.zipf(400)):06}")
            self.orders += 1
        # Every third second a job renews the sessions, in one pass from the first to the last.
        if now % 3 < 0.8:
            first = int(now % 3 / 0.8 * SESSIONS)
            for i in range(first, min(SESSIONS, first + 1000)):
                yield resp("SETEX", f"session:{i:05}", 3600, "x" * 30)
        # A transaction and a script.
        yield resp("MULTI") + resp("INCR", "visits") + resp("ZADD", "ranking", now, "someone") + resp("EXEC")
        script = "redis.call('LPUSH', KEYS[1], ARGV[1]) return redis.call('ZRANGE', KEYS[2], 0, 0)"
        yield resp("EVAL", script, 2, "feed", "ranking", "x")


def drive(server):
    """Gives the hot keys of reads in the middle of the load."""
    load = Load()
    command = ["redis-cli", "-p", str(server.port), "--pipe"]
    pipe = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pipe.stdin.write(b"".join(load.fill()))
    pipe.stdin.flush()
    while server.client.dbsize() < USERS + ORDERS + SESSIONS:
        time.sleep(0.02)
    server.run("KEYVIZ.ROUTE", "AUTO", 96)
    server.run("KEYVIZ.ROUTE", "SPLIT", *[f"order:{n:06}" for n in range(ORDERS, ORDERS + 9000, 500)])
    server.run("KEYVIZ.ROUTE", "SPLIT", *[f"cache:{n:012}" for n in range(0, 1000, 125)], "cache;")
    begin, benchmark, hot = time.monotonic(), None, None
    while (now := time.monotonic() - begin) < SECONDS:
        pipe.stdin.write(b"".join(load.tick(now)))
        pipe.stdin.flush()
        if 5 < now < 8 and (benchmark is None or benchmark.poll() is not None):
            command = ["-n", "2000", "-c", "10", "-P", "2", "-r", "1000", "-q", "SET", "cache:__rand_int__", "xxxxxxxxxx"]
            benchmark = subprocess.Popen(["redis-benchmark", "-p", str(server.port), *command], stdout=subprocess.DEVNULL)
        if hot is None and now > SECONDS / 2:
            hot = server.run("KEYVIZ.HOTKEYS", "SERIES", "reads", "TOP", 5)
        time.sleep(max(0, begin + now + TICK - time.monotonic()))
    pipe.stdin.close()
    print("redis-cli --pipe:", pipe.stdout.read().decode().splitlines()[-1])
    if pipe.wait() or (benchmark and benchmark.wait()):
        sys.exit("a client failed")
    return maps(hot)


def maps(reply):
    return [{name.decode(): value for name, value in zip(entry[::2], entry[1::2])} for entry in reply]


def show_rows(server, series):
    rows = [row for row in maps(server.run("KEYVIZ.MATRIX", "SERIES", series)) if row["total"]]
    rows.sort(key=lambda row: -row["total"])
    print(f"\n{series}: the busiest of {len(rows)} ranges")
    print(f"  {'row':18} {'from':16} {'to':16} {'total':>9}  verdict")
    for row in rows[:8]:
        row, start, end, total, verdict = (v if isinstance(v, int) else v.decode() or "-" for v in row.values())
        print(f"  {row:18} {start:16} {end:16} {total:9}  {verdict}")
    return sum(row["total"] for row in rows)


def expected(server):
    """What Redis says of its commands."""
    sums = {"reads": 0, "writes": 0}
    for name, stat in server.client.info("commandstats").items():
        name = name[len("cmdstat_"):]
        if name in CALLS:
            series, keys = CALLS[name]
            sums[series] += keys * stat["calls"]
        elif name.split("|")[0] not in OTHERS and not name.startswith("keyviz.") and name != "dbsize":
            sys.exit(f"the load has a command that is not accounted for: {name}")
    return sums


def main():
    OUT.mkdir(exist_ok=True)
    failures = []
    with Server(("step", 0.2, "history", 600, "hotkeys", "yes", "sample-rate", 4, "name", "demo")) as server:
        version = server.client.info("server")["redis_version"]
        print(f"redis-server {version} on port {server.port}, with the module")
        hot = drive(server)
        server.run("KEYVIZ.FLUSH")
        counted = {series: show_rows(server, series) for series in ("reads", "writes")}

        print("\nhot keys of reads in one step, half-way (1 observation in 4 is sampled)")
        for key in hot:
            print(f"  {key['key'].decode():18} {key['count']:6}  {key['count_low']} to {key['count_high']}")
        if not hot or hot[0]["key"].decode() != PLANTED:
            failures.append(f"{PLANTED} is not the hottest key")

        print()
        for series, calls in expected(server).items():
            same = counted[series] == calls
            print(f"{series:6} counted {counted[series]:8}, by INFO commandstats {calls:8}: {'equal' if same else 'DIFFERENT'}")
            if not same:
                failures.append(f"{series} differ")

        page = OUT / "redis-heatmap.html"
        page.write_bytes(server.run("KEYVIZ.HTML", "SERIES", "reads", "TITLE", "Redis, under load"))
        (OUT / "redis-heatmap.png").write_bytes(server.run("KEYVIZ.MATRIX", "SERIES", "reads", "FORMAT", "png"))
        (OUT / "redis-heatmap.json").write_bytes(server.run("KEYVIZ.MATRIX", "SERIES", "reads", "FORMAT", "json"))
        print(f"\nopen {page.relative_to(ROOT)} (and .png, .json beside it)")
    if failures:
        sys.exit("FAILED: " + ", ".join(failures))


if __name__ == "__main__":
    main()
