"""Recorded traffic, replayed through Python, against the truth that was computed from the files: minute by minute, to the
unit; and the hottest keys."""

import collections
import json

import numpy as np
import pytest
from conftest import TRACES, skip

import keyviz
from keyviz import Op, Sampler

MINUTE_MS = 60_000
MS = 10**6
FILES = sorted(TRACES.glob("*.csv.zst"))


def columns_of(path):
    pyarrow, csv = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.csv")
    kinds = {"ts_ms": pyarrow.int64(), "label": pyarrow.string(), "op": pyarrow.string(), "key": pyarrow.binary()}
    kinds.update(key_len=pyarrow.uint32(), value_len=pyarrow.uint64())
    with pyarrow.CompressedInputStream(str(path), "zstd") as stream:
        table = csv.read_csv(
            stream,
            parse_options=csv.ParseOptions(quote_char=False),
            convert_options=csv.ConvertOptions(column_types=kinds, strings_can_be_null=False),
        )
    return table.combine_chunks()


@pytest.fixture(scope="module", params=[path.name for path in FILES] or [None])
def trace(request):
    if request.param is None:
        skip(f"there are no traces in {TRACES} (KEYVIZ_TRACES names their folder)")
    path = TRACES / request.param
    truth = json.loads((TRACES / request.param.replace(".csv.zst", ".truth.json")).read_text("utf-8"))
    return columns_of(path), truth


def with_keys(sampler, part, label):
    sampler.observe_keys(1, np.equal(part["op"], "w"), part["key"], part["value_len"], label)


def without_keys(sampler, part, label):
    sampler.observe_many(1, np.equal(part["op"], "w"), part["key_len"], part["value_len"], label)


def one_by_one(sampler, part, label):
    for op, key, value_len in zip(*(part[name].to_pylist() for name in ("op", "key", "value_len"))):
        sampler.observe(1, key, Op.READ if op == "r" else Op.WRITE, value_len, label)


@pytest.mark.parametrize("observe", [with_keys, without_keys, one_by_one])
def test_a_replayed_trace_gives_its_truth_to_the_unit(trace, observe):
    table, truth = trace
    label = keyviz.Label[truth["label"].upper()]
    minutes = table["ts_ms"].to_numpy() // MINUTE_MS
    with Sampler(created=int(minutes[0]) * MINUTE_MS * MS, labels_enabled=True, key_buckets_per_route=64) as sampler:
        sampler.register_route(1, group=1)
        for minute in range(minutes[0], minutes[-1] + 1):
            begin, end = np.searchsorted(minutes, [minute, minute + 1])
            observe(sampler, table.slice(begin, end - begin), label)
            sampler.flush(int(minute + 1) * MINUTE_MS * MS)
        found = {}
        for column in sampler.columns():
            assert set(column["label"]) <= {label} and set(column["route_id"]) <= {1}
            names = ("reads", "read_bytes", "writes", "write_bytes")
            counts = {name: int(column[name].sum()) for name in names}
            if any(counts.values()):
                found[str(column.window_start_ns // MINUTE_MS // MS)] = counts
        assert found == truth["minutes"]

        reads, writes = sampler.matrix("reads"), sampler.matrix("writes")
        assert (int(reads.values.sum()), int(writes.values.sum())) == (truth["reads"]["count"], truth["writes"]["count"])
        assert int(sampler.matrix("read_bytes").values.sum()) == truth["reads"]["bytes"]
        assert int(sampler.matrix("write_bytes").values.sum()) == truth["writes"]["bytes"]
        assert sampler.stats().missed == 0


def test_the_hottest_key_of_a_trace_is_within_its_bounds(trace):
    table, truth = trace
    series = "reads" if truth["reads"]["count"] else "writes"
    with Sampler(hot_keys_enabled=True, hot_keys_sample_rate=1, hot_keys_series=series, hot_keys_per_route=256) as sampler:
        sampler.register_route(1)
        with_keys(sampler, table, "")
        sampler.publish_hot_keys()
        reply = sampler.hot_keys(1, series=series, top=1000)
    chosen = np.equal(table["op"], series[0])
    counts = collections.Counter(table["key"].filter(chosen).to_pylist())
    assert reply.sampled_n == sum(counts.values()) == truth[series]["count"]
    for key in reply:
        assert key.count_low <= counts[key.key] <= key.count_high
        assert abs(key.count - counts[key.key]) <= reply.error_bound
