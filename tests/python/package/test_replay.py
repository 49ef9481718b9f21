"""Replays of traces."""

import collections
import datetime
import json
import os
import random

import pytest
from conftest import MINUTE, TRACES, skip

import keyviz
from keyviz import InvalidArgumentError, Label, Totals, TraceError, replay
from keyviz._progress import Progress
from keyviz._replay import _Player

HEAD = "ts_ms,label,op,key,key_len,value_len\n"
MS = 10**6


def write(folder, name, rows):
    """Rows are (ts_ms, label, op, key, value_len)."""
    path = folder / name
    lines = (f"{ms},{label},{op},{key},{len(key)},{size}\n" for ms, label, op, key, size in rows)
    path.write_text(HEAD + "".join(lines))
    return path


def generated(seed, label, first, last, count):
    chance = random.Random(seed)
    times = sorted([first, last, *(chance.randint(first, last) for _ in range(count - 2))])
    return [(ms, label, chance.choice("rrw"), f"key{chance.randrange(5000)}", chance.randrange(2**40)) for ms in times]


def sums(rows):
    """What the sampler must have counted, computed otherwise."""
    found = collections.defaultdict(Totals)
    for _, label, op, key, size in rows:
        read, size = op == "r", len(key) + size
        found[Label[label.upper()]] = found[Label[label.upper()]].plus(
            Totals(int(read), int(not read), size if read else 0, 0 if read else size)
        )
    return dict(found)


def sums_of(column):
    found = collections.defaultdict(Totals)
    for row in column:
        found[row.label] = found[row.label].plus(Totals(row.reads, row.writes, row.read_bytes, row.write_bytes))
    return dict(found)


def test_each_column_holds_its_part_of_each_trace(tmp_path):
    columns, paths, expected = 17, [], [{} for _ in range(17)]
    for i, label in enumerate(("dynamo", "redis", "s3")):
        first, last = i * 10**6, i * 10**6 + 1000 * (i + 1)
        rows = generated(i, label, first, last, 3000 + i)
        paths.append(write(tmp_path, f"{label}.csv", rows))
        for j in range(columns):
            part = [row for row in rows if (row[0] - first) * columns // (last - first + 1) == j]
            expected[j].update(sums(part))
    with replay(*paths, columns=columns, key_buckets=8) as played:
        found = played.sampler.columns()
        assert [sums_of(column) for column in found] == expected
        # As the example host in Go: minutes from 2000 on.
        begin = int(datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc).timestamp()) * 10**9
        assert [column.window_start_ns for column in found] == [begin + j * MINUTE for j in range(columns)]
        assert found[-1].at_ns == begin + columns * MINUTE
        assert played.rows == 9003 and played.missed == 0 and played.differences() == []
        assert played.totals == {label: totals for trace in played.traces for label, totals in trace.totals.items()}
        assert played.traces[1][:4] == (str(paths[1]), 3001, 10**6, 10**6 + 2000)


def test_the_route_is_the_range_of_all_keys(tmp_path):
    paths = [
        write(tmp_path, name, [(i, "redis", "r", key, 0) for i, key in enumerate(keys)])
        for name, keys in (("a.csv", "kbj"), ("b.csv", ["zz", "m"]), ("c.csv", ""))
    ]
    with replay(*paths, columns=1, key_buckets=25) as played:
        rows = played.sampler.columns()[0].rows
        assert (rows[0].start, rows[-1].end, len(rows)) == (b"b", b"zz\0", 5)
        assert played.routes == (keyviz.Route(1, b"b", b"zz\0", 1),)


def test_a_trace_of_one_moment_is_in_the_first_column(tmp_path):
    path = write(tmp_path, "t.csv", [(9, "redis", "r", "k", 1), (9, "redis", "w", "k", 1)])
    with replay(path, columns=3) as played:
        assert [sum(column["reads"]) for column in played.sampler.columns()] == [1, 0, 0]


def test_a_trace_without_rows_is_empty_columns(tmp_path):
    path = write(tmp_path, "t.csv", [])
    for options in ({"columns": 3}, {"step": MINUTE}):
        with replay(path, **options) as played:
            assert played.rows == 0 and played.totals == {} and played.differences() == []
            assert played.matrix().values.sum() == 0 and played.page()
            with pytest.raises(keyviz.NoSnapshotError):
                played.hot_keys()


def test_the_longest_span_and_the_largest_values_are_exact(tmp_path):
    last = 2**63 - 1
    rows = [(ms, "s3", "w", "k", last) for ms in (0, last // 2, last // 2 + 1, last)]
    with replay(write(tmp_path, "t.csv", rows), columns=100_000, key_buckets=1) as played:
        counts = [(i, int(column["writes"].sum())) for i, column in enumerate(played.sampler.columns()) if len(column)]
        assert counts == [(0, 1), (49_999, 1), (50_000, 1), (99_999, 1)]
        assert played.totals[Label.S3].write_bytes == 4 * 2**63


def test_with_a_step_traces_keep_their_time(tmp_path):
    one = write(tmp_path, "1.csv", [(90_500, "redis", "r", "a", 0), (200_000, "redis", "r", "b", 0)])
    two = write(tmp_path, "2.csv", [(3_660_000, "s3", "w", "c", 0)])
    for step in (MINUTE, datetime.timedelta(minutes=1)):
        with replay(one, two, step=step) as played:
            columns = played.sampler.columns()
            assert columns[0].window_start_ns == MINUTE and len(columns) == 61
            assert {i for i, column in enumerate(columns) if len(column)} == {0, 2, 60}
            assert played.differences() == []
    with replay(one, two, step=MINUTE, align=True) as played:
        columns = played.sampler.columns()
        assert [sorted(column["label"].tolist()) for column in columns] == [[Label.REDIS, Label.S3], [], [Label.REDIS]]


def test_routes_of_ones_own_take_their_keys_and_the_rest_is_missed(tmp_path):
    rows = [(i, "redis", "w", key, i) for i, key in enumerate(["a", "b", "bz", "c", "d", "dd", "e"])]
    path = write(tmp_path, "t.csv", rows)
    with replay(path, columns=1, routes=[(7, b"d", b"e"), (5, b"b", b"c")], key_buckets=1) as played:
        assert [(row.route_id, row.writes) for row in played.sampler.columns()[0]] == [(5, 2), (7, 2)]
        assert played.missed == 3 and len(played.differences()) == 3 and "3 rows" in played.differences()[0]
        assert [key.key for key in played.hot_keys(route_id=7)] == [b"d", b"dd"]
        with pytest.raises(InvalidArgumentError, match="route_id"):
            played.hot_keys()
    with replay(path, columns=1, routes=[(1, b"", b"c"), (2, b"c", None)]) as played:
        assert played.missed == 0 and played.differences() == []
    for wrong, what in (
        ([], "empty"),
        ([(1, b"", b"c"), (1, b"c")], "same id"),
        ([(1, b"a", b"c"), (2, b"b")], "overlap"),
        ([(1, b""), (2, b"x")], "overlap"),
    ):
        with pytest.raises(InvalidArgumentError, match=what):
            replay(path, routes=wrong)
    with pytest.raises(keyviz.InvalidRangeError):
        replay(path, routes=[(1, b"b", b"a")])


def test_a_label_that_is_given_is_that_of_all_rows(tmp_path):
    path = write(tmp_path, "t.csv", [(1, "redis", "w", "k", 1)])
    (tmp_path / "t.truth.json").write_text(
        '{"rows": 1, "label": "redis", "reads": {"count": 0, "bytes": 0}, "writes": {"count": 1, "bytes": 2}}'
    )
    with replay(path, columns=1, label="sqs") as played:
        assert played.totals == {Label.SQS: Totals(0, 1, 0, 2)} and played.differences() == []


def test_a_difference_from_the_truth_file_is_told(tmp_path):
    path = write(tmp_path, "t.csv", generated(1, "s3", 0, 1000, 100))
    with replay(path) as played:
        right = played.totals[Label.S3]
    truth = {"rows": 101, "label": "s3", "reads": {"count": right.reads + 1, "bytes": right.read_bytes}}
    truth["writes"] = {"count": right.writes, "bytes": right.write_bytes}
    (tmp_path / "t.truth.json").write_text(json.dumps(truth))
    with replay(path) as played:
        told = played.differences()
        assert len(told) == 2 and "101 rows by its truth file, 100 were read" in told[0] and "label s3, reads" in told[1]
    for bad in ("{", "[]", "{}", '{"rows": 1, "label": "x"}'):
        (tmp_path / "t.truth.json").write_text(bad)
        with pytest.raises(TraceError, match="t.truth.json"):
            replay(path)


def test_hot_keys_are_of_the_whole_replay_and_exact_while_they_fit(tmp_path):
    rows = [(i, "redis", "rw"[i % 3 == 0], f"k{i % 7}", 1) for i in range(700)]
    with replay(write(tmp_path, "t.csv", rows)) as played:
        counts = collections.Counter(row[3].encode() for row in rows if row[2] == "r")
        assert {key.key: (key.count_low, key.count_high) for key in played.hot_keys()} == {
            key: (count, count) for key, count in counts.items()
        }
        assert played.hot_keys(series="writes", top=2).sampled_n == 234
    with replay(tmp_path / "t.csv", hot_keys=False) as played, pytest.raises(keyviz.HotKeysOffError):
        played.hot_keys()


def test_it_shows_itself(tmp_path):
    path = write(tmp_path, "t<1>.csv", [(1, "redis", "r", "k", 1)])
    with replay(path) as played:
        assert played.matrix().series is keyviz.Series.READS and played.matrix("writes").values.sum() == 0
        played.to_html(tmp_path / "page.html", "Title")
        assert '"Title <2>' not in played.page("Title <2>")
        assert '"Title"' in (tmp_path / "page.html").read_text() and "t<1>" not in played.page()
        assert played._repr_html_().startswith("<iframe srcdoc=") and "1 rows" in repr(played)
    assert played.sampler.closed
    with pytest.raises(TypeError):
        keyviz.Replay()


def test_arguments_that_mean_nothing_are_refused(tmp_path):
    path = write(tmp_path, "t.csv", [(1, "redis", "r", "k", 1), (10**12, "redis", "r", "k", 1)])
    for options in (
        {"columns": 0},
        {"columns": 100_001},
        {"columns": 1, "step": MINUTE},
        {"align": True},
        {"step": 0},
        {"step": 1_500_000},
        {"step": MINUTE},
        {"label": "ftp"},
        {"hot_keys_sample_rate": -1},
    ):
        with pytest.raises(InvalidArgumentError):
            replay(path, **options)
    with pytest.raises(InvalidArgumentError, match="no trace"):
        replay()
    with pytest.raises(InvalidArgumentError, match="16666667 steps.*align=True"):
        replay(path, step=MINUTE)
    with pytest.raises(TypeError):
        replay(7)
    with pytest.raises(TypeError):
        replay(path, columns="many")


def test_a_bad_row_of_any_file_stops_it_before_anything_counts(tmp_path):
    fine = write(tmp_path, "fine.csv", [(1, "redis", "r", "k", 1)])
    (tmp_path / "bad.csv").write_text(HEAD + "1,redis,r,k,1,1\n" * 50_000 + "1,redis,r,k,9,1\n")
    with pytest.raises(TraceError, match=r"bad\.csv:50002: key_len"):
        replay(fine, tmp_path / "bad.csv")


def test_a_file_that_changes_meanwhile_is_an_error(tmp_path, sampler):
    sampler.register_route(1)
    for after in ([(5, "redis", "r", "k", 1)], [(1, "redis", "r", "k", 1)], []):
        path = write(tmp_path, "t.csv", [(1, "redis", "r", "k", 1)] * 2)
        player = _Player(str(path), None, Progress(False, 0, ""))
        player.column_of = lambda times: times * 0
        write(tmp_path, "t.csv", after)
        with pytest.raises(TraceError, match="changed"):
            player.play(sampler, 0, None)
            player.end(None)


def test_a_bar_is_there_if_it_is_asked_for(tmp_path, capfd, monkeypatch):
    import sys

    path = write(tmp_path, "t.csv", generated(1, "s3", 0, 1000, 1000))
    replay(path).close()
    assert capfd.readouterr().err == ""
    replay(path, progress=True).close()
    assert "replay" in capfd.readouterr().err
    for name in ("tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, name, None)
    replay(path).close()
    with pytest.raises(ImportError, match=r"keyviz\[traces\]"):
        replay(path, progress=True)


# ---- Recorded traffic.


FILES = sorted(TRACES.glob("*.csv.zst"))
shared = pytest.mark.skipif(not FILES and os.environ.get("CI") != "true", reason=f"there are no traces in {TRACES}")


@shared
@pytest.mark.parametrize("path", FILES or [None], ids=lambda path: path and path.name[:-8])
def test_a_shared_trace_gives_its_truth_minute_by_minute_and_its_hottest_keys(path):
    if path is None:
        skip(f"there are no traces in {TRACES}")
    with replay(path, step=MINUTE) as played:
        (truth,) = (trace.truth for trace in played.traces)
        found = {}
        for column in played.sampler.columns():
            for totals in sums_of(column).values():
                found[str(column.window_start_ns // MINUTE)] = totals._asdict()
        assert found == truth.document["minutes"]
        assert played.differences() == []
        for series in ("reads", "writes"):
            if not truth.document[series]["count"]:
                continue
            counts = {entry["key"].encode(): entry["count"] for entry in truth.document[f"top_{series}"]["top"]}
            reply = played.hot_keys(series=series, top=1000)
            assert not reply.degraded and reply.sampled_n == truth.document[series]["count"]
            bounds = {key.key: (key.count_low, key.count_high) for key in reply}
            assert all(bounds[key][0] <= counts[key] <= bounds[key][1] for key in bounds.keys() & counts.keys())
            # A key that is not in the reply has at most the bound.
            assert all(counts[key] <= reply.error_bound for key in counts.keys() - bounds.keys())


@shared
def test_all_shared_traces_at_once_give_their_truth():
    with replay(*FILES, columns=60) as played:
        assert all(trace.truth for trace in played.traces) and played.differences() == []
        assert len(played.sampler.columns()) == 60
