"""Replaying a trace, beside what else reads and counts one, on one core: a part of `make bench-python`.

Per minute and operation, rows and bytes: with pandas' read_csv and groupby, and with Python's csv and a dict; neither of them
tells key ranges or hot keys, or checks its input. All in turns, in one run: quote the ratios. The least of the turns counts.
The trace: the longest of KEYVIZ_TRACES or ../shared/traces; where there is none, a generated one.
"""

import csv
import gzip
import io
import os
import pathlib
import random
import tempfile
import time
from datetime import timedelta

import pandas
import zstandard

import keyviz

TURNS = 3
MINUTE = timedelta(minutes=1)


def longest():
    folder = pathlib.Path(os.environ.get("KEYVIZ_TRACES") or "../shared/traces")
    return max(folder.glob("*.csv.zst"), key=lambda path: path.stat().st_size, default=None)


def generated(folder):
    chance = random.Random(1)
    path = pathlib.Path(folder) / "generated.csv.gz"
    keys = [f"user/{i:010}" for i in range(100_000)]
    with gzip.open(path, "wt") as file:
        file.write("ts_ms,label,op,key,key_len,value_len\n")
        for i in range(1_000_000):
            key = keys[int(len(keys) * chance.random() ** 3)]
            file.write(f"{i},redis,{chance.choice('rw')},{key},{len(key)},{chance.randrange(5000)}\n")
    return path


def with_pandas(path):
    rows = pandas.read_csv(path, keep_default_na=False)
    size = rows.key_len + rows.value_len
    return size.groupby([rows.ts_ms // 60_000, rows.op]).agg(["count", "sum"])


def with_csv(path):
    counts = {}
    with open(path, "rb") as file:
        plain = gzip.open(file) if path.suffix == ".gz" else zstandard.ZstdDecompressor().stream_reader(file)
        rows = csv.reader(io.TextIOWrapper(plain, "ascii"))
        next(rows)
        for ms, _, op, _, key_len, value_len in rows:
            cell = counts.setdefault((int(ms) // 60_000, op), [0, 0])
            cell[0] += 1
            cell[1] += int(key_len) + int(value_len)
    return counts


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = longest() or generated(folder)
        with keyviz.replay(path, step=MINUTE) as played:
            rows = played.rows
            counted = sum(totals.operations for totals in played.totals.values())
            assert counted == with_pandas(path)["count"].sum() == sum(count for count, _ in with_csv(path).values())
        cases = {
            "replay": lambda: keyviz.replay(path, step=MINUTE).close(),
            "replay, no hot keys": lambda: keyviz.replay(path, step=MINUTE, hot_keys=False).close(),
            "pandas": lambda: with_pandas(path),
            "csv and a dict": lambda: with_csv(path),
        }
        best = dict.fromkeys(cases, float("inf"))
        for _ in range(TURNS):
            for name, call in cases.items():
                begin = time.process_time()
                call()
                best[name] = min(best[name], time.process_time() - begin)
    print(f"\n{path.name}, {rows:,} rows")
    for name, seconds in best.items():
        print(f"  {name:24} {rows / seconds / 1e6:8.2f} M rows/s  {seconds / best['replay']:6.1f} x")


if __name__ == "__main__":
    main()
