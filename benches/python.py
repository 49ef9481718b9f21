"""Counting from Python, beside what else counts there, on one core: `make bench-python`.

The same observations (reads and writes, bytes, per route and label) with numpy's np.add.at, with np.bincount, with pandas'
groupby and with a plain loop; then single observations, beside a dict, an empty call of Python's and a bare call of ctypes.
All in turns, in one run: quote the ratios. The least of the turns counts.
"""

import os
import time

import numpy as np
import pandas
import pyarrow

import keyviz
from keyviz._library import lib

TURNS = 7
LABELS = len(keyviz.Label)
SINGLE = 100_000


def data(routes, count):
    rng = np.random.default_rng(1)
    return {
        "route_ids": rng.integers(0, routes, count, np.uint64),
        "ops": rng.integers(0, 2, count, np.uint8),
        "key_lens": rng.integers(1, 40, count, np.uint32),
        "value_lens": rng.integers(0, 5000, count, np.uint64),
        "labels": rng.integers(0, LABELS, count, np.uint8),
    }


def made(routes):
    sampler = keyviz.Sampler(labels_enabled=True)
    sampler.register_routes([(i, b"%06d" % i, b"%06d" % (i + 1)) for i in range(routes)])
    return sampler


def cells(arrays, routes):
    cell = (arrays["route_ids"].astype(np.int64) * LABELS + arrays["labels"]) * 2 + arrays["ops"]
    return cell, arrays["key_lens"] + arrays["value_lens"], routes * LABELS * 2


def add_at(arrays, routes):
    cell, size, count = cells(arrays, routes)
    operations, sizes = np.zeros(count, np.uint64), np.zeros(count, np.uint64)
    np.add.at(operations, cell, 1)
    np.add.at(sizes, cell, size)
    return operations, sizes


def bincount(arrays, routes):
    cell, size, count = cells(arrays, routes)
    return np.bincount(cell, minlength=count), np.bincount(cell, size, count)


def groupby(arrays, routes):
    cell, size, count = cells(arrays, routes)
    grouped = pandas.Series(size).groupby(cell).agg(["count", "sum"])
    operations, sizes = np.zeros(count, np.uint64), np.zeros(count, np.uint64)
    operations[grouped.index], sizes[grouped.index] = grouped["count"], grouped["sum"]
    return operations, sizes


def loop(arrays, routes):
    operations, sizes = [0] * (routes * LABELS * 2), [0] * (routes * LABELS * 2)
    for route, op, key, value, label in zip(*(arrays[name].tolist() for name in arrays)):
        cell = (route * LABELS + label) * 2 + op
        operations[cell] += 1
        sizes[cell] += key + value
    return operations, sizes


def check(column, operations, sizes):
    """All count the same."""
    cell = (column["route_id"].astype(np.int64) * LABELS + column["label"]) * 2
    for op, names in enumerate((("reads", "read_bytes"), ("writes", "write_bytes"))):
        assert column[names[0]].tolist() == np.asarray(operations)[cell + op].tolist()
        assert column[names[1]].tolist() == np.asarray(sizes)[cell + op].tolist()


def seconds(call):
    """Of this process: what others take of the core in between is theirs."""
    begin = time.process_time()
    call()
    return time.process_time() - begin


def in_turns(cases):
    best = dict.fromkeys(cases, float("inf"))
    for _ in range(TURNS):
        for name, call in cases.items():
            best[name] = min(best[name], seconds(call))
    return best


def many(routes, count):
    arrays, sampler, few = data(routes, count), made(routes), {}
    few.update({name: values[: count // 20] for name, values in arrays.items()})
    for peer in (add_at, bincount, groupby, loop):
        sampler.observe_many(**few)
        check(sampler.drain(), *peer(few, routes))
    keys = [b"user/%d" % i for i in range(1000)] * (len(few["ops"]) // 1000)
    arrow = pyarrow.array(keys)
    keyed = {name: values[: len(keys)] for name, values in few.items() if name != "key_lens"}
    parts = {
        "observe_many": (count, lambda: sampler.observe_many(**arrays)),
        "numpy add.at": (count, lambda: add_at(arrays, routes)),
        "numpy bincount": (count, lambda: bincount(arrays, routes)),
        "pandas groupby": (count, lambda: groupby(arrays, routes)),
        "a plain loop": (len(few["ops"]), lambda: loop(few, routes)),
        "observe_keys, a list": (len(keys), lambda: sampler.observe_keys(keys=keys, **keyed)),
        "observe_keys, Arrow": (len(keys), lambda: sampler.observe_keys(keys=arrow, **keyed)),
    }
    best = in_turns({name: call for name, (_, call) in parts.items()})
    print(f"\n{routes} routes, {count} observations")
    ours = best["observe_many"] / count
    for name, (number, _) in parts.items():
        each = best[name] / number
        goal = "  (goal: 60)" if name == "observe_many" else ""
        print(f"  {name:24} {1e-6 / each:8.1f} M/s {each * 1e9:8.1f} ns  {each / ours:6.1f} x{goal}")


def single():
    sampler, counts = made(256), {}
    large = 2**63 + 5
    sampler.register_route(large)
    observe, key, op, label = sampler.observe, b"user/42", keyviz.Op.WRITE, keyviz.Label.REDIS
    bare = lib.keyviz_abi_version

    def empty(route_id, key, op, value_len, label):
        pass

    def count(route_id, key, op, value_len, label):
        cell = counts.get((route_id, label, op))
        if cell is None:
            cell = counts[route_id, label, op] = [0, 0]
        cell[0] += 1
        cell[1] += len(key) + value_len

    def times(call, route):
        def run():
            for _ in range(SINGLE):
                call(route, key, op, 512, label)

        return run

    def bare_calls():
        for _ in range(SINGLE):
            bare()

    best = in_turns({
        "observe": times(observe, 7),
        "observe, route id of 64 bits": times(observe, large),
        "a dict of lists": times(count, 7),
        "an empty function": times(empty, 7),
        "a bare ctypes call": bare_calls,
    })  # fmt: skip
    print("\none observation")
    for name, took in best.items():
        goal = "  (goal: 1000)" if name == "observe" else ""
        print(f"  {name:30} {took / SINGLE * 1e9:8.0f} ns  {took / best['observe']:6.2f} x{goal}")


def main():
    # The kernel's choice of a core is noise, too.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for routes in (1, 256, 10_000):
        many(routes, 2_000_000)
    single()


if __name__ == "__main__":
    main()
