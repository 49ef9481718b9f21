"""What is observed comes back, exactly."""

import datetime
import pickle
import threading

import numpy as np
import pytest
from conftest import BEGIN, MINUTE, ROOT, SECOND

import keyviz
from keyviz import Label, Op, Placement, Sampler


def totals(columns):
    """Reads, writes, read bytes, write bytes."""
    names = ("reads", "writes", "read_bytes", "write_bytes")
    return [sum(int(column[name].sum()) for column in columns) for name in names]


def test_an_observation_is_in_one_row_of_the_next_column(sampler):
    sampler.register_route(7, b"a", b"m", group=3)
    sampler.set_leader_term(3, 9)
    sampler.observe(7, b"key", Op.WRITE, 100, Label.REDIS)
    assert sampler.flush(BEGIN + MINUTE) == 0
    (column,) = sampler.columns()
    (row,) = column.rows
    assert row == keyviz.Row(
        *(7, Label.REDIS, b"a", b"m", 0, 1, 0, 103, 3, 9), sub_bucket=0, sub_bucket_count=1, aggregate=False,
        member_routes=(), member_routes_total=1, parents=(),
    )  # fmt: skip
    assert (column.window_start_ns, column.at_ns, column.sequence, column.flushes) == (BEGIN, BEGIN + MINUTE, 0, 1)
    assert column["write_bytes"].tolist() == [103]


@pytest.mark.parametrize("value_len", [0, 1, 2**31 - 1, 2**31, 2**32, 2**63, 2**64 - 1])
@pytest.mark.parametrize("route_id", [0, 1, 2**31 - 1, 2**31, 2**32 + 1, 2**63, 2**64 - 1])
def test_numbers_of_any_size_arrive_as_they_are(sampler, route_id, value_len):
    sampler.register_route(route_id)
    sampler.observe(route_id, b"", Op.READ, value_len)
    sampler.observe_sized(route_id, Op.WRITE, 0, value_len)
    (row,) = sampler.drain().rows
    assert (row.route_id, row.reads, row.writes, row.read_bytes, row.write_bytes) == (route_id, 1, 1, value_len, value_len)


@pytest.mark.parametrize("op", [Op.WRITE, 1, True, np.uint8(1), np.int64(1), "write"])
@pytest.mark.parametrize("label", [Label.S3, 3, np.uint32(3), "s3"])
@pytest.mark.parametrize("key", [b"key", bytearray(b"key"), memoryview(b"key"), memoryview(b"xkxexy")[1::2]])
def test_ops_labels_and_keys_come_in_many_forms(sampler, op, label, key):
    sampler.register_route(np.uint64(1))
    sampler.observe(np.int32(1), key, op, np.uint64(2), label)
    (row,) = sampler.drain().rows
    assert (row.writes, row.write_bytes, row.label) == (1, 5, Label.S3)


def test_a_key_is_counted_in_its_part_of_the_range():
    with Sampler(key_buckets_per_route=4) as sampler:
        sampler.register_route(1, b"\x00", b"\x04")
        for key, times in ((b"\x00", 1), (b"\x01\xff", 2), (b"\x02", 3), (b"\x03zzz", 4)):
            for _ in range(times):
                sampler.observe(1, key, Op.READ)
        rows = sampler.drain().rows
        assert [(row.sub_bucket, row.reads, row.sub_bucket_count) for row in rows] == [(0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 4, 4)]
        for row in rows:
            assert sampler.sub_bucket_bounds(1, row.sub_bucket) == (row.start, row.end)
        with pytest.raises(keyviz.NotFoundError):
            sampler.sub_bucket_bounds(1, 4)


def test_long_bounds_come_back_whole():
    with Sampler() as sampler:
        start, end = b"s" * 3000, b"t" * 4000
        sampler.register_route(1, start, end)
        assert sampler.sub_bucket_bounds(1, 0) == (start, end)
        sampler.register_route(2, b"u")
        assert sampler.sub_bucket_bounds(2, 0) == (b"u", None)


def test_what_does_not_fit_folds_into_a_virtual_bucket_and_says_so():
    with Sampler(max_tracked_routes=1, labels_enabled=True) as sampler:
        assert sampler.register_routes([(1, b"a", b"b"), (2, b"c", b"d", 5), (3, b"e", b"f")]) == [
            Placement.INDIVIDUAL, Placement.COARSENED, Placement.COARSENED,
        ]  # fmt: skip
        sampler.observe(2, b"c", Op.READ, 0, Label.SQS)
        (row,) = sampler.drain().rows
        assert (row.aggregate, row.label, row.member_routes, row.member_routes_total) == (True, Label.LEGACY, (2, 3), 2)
        assert (row.start, row.end, row.group_id) == (b"c", b"f", 0)
        first, second = sampler.events()
        assert (first.bucket_created, first.route_id, first.slots_used, first.max_tracked_routes) == (True, 2, 1, 1)
        assert (second.bucket_created, second.route_id, second.bucket_id) == (False, 3, row.route_id)
        assert sampler.events() == []


def test_a_removed_route_is_unknown_and_what_it_counted_stays(sampler):
    sampler.register_route(1)
    sampler.observe(1, b"k", Op.READ)
    sampler.remove_route(1, BEGIN)
    sampler.remove_route(99)
    with pytest.raises(keyviz.UnknownRouteError, match="route 1 is not registered"):
        sampler.observe(1, b"k", Op.READ)
    assert sampler.stats().missed == 1
    assert totals([sampler.drain(BEGIN + SECOND)])[0] == 1


def test_splits_and_merges_keep_their_lineage(sampler):
    sampler.register_route(1, b"a", b"z")
    assert sampler.apply_split(1, [keyviz.Route(2, b"a", b"m"), keyviz.Route(3, b"m", b"z")], BEGIN) == [0, 0]
    sampler.observe(2, b"b", Op.READ)
    assert sampler.apply_merge([2, 3], (4, b"a", b"z"), BEGIN) is Placement.INDIVIDUAL
    sampler.observe(4, b"b", Op.READ)
    assert {row.route_id: row.parents for row in sampler.drain(BEGIN + SECOND)} == {2: (1,), 4: (2, 3)}
    with pytest.raises(keyviz.UnknownRouteError):
        sampler.apply_split(77, [(5, b"", None)])
    sampler.register_route(6)
    with pytest.raises(keyviz.RouteExistsError):
        sampler.apply_split(4, [(5, b"a", b"m"), (6, b"m", b"z")])


def test_columns_are_chosen_by_time_given_either_way(sampler):
    sampler.register_route(1)
    for minute in range(1, 6):
        sampler.observe(1, b"k", Op.READ)
        sampler.flush(BEGIN + minute * MINUTE)
    begin = datetime.datetime.fromtimestamp(BEGIN // SECOND, datetime.timezone.utc)
    berlin = begin.astimezone(datetime.timezone(datetime.timedelta(hours=2)))
    minute = datetime.timedelta(minutes=1)
    chosen = sampler.columns(BEGIN + 2 * MINUTE, BEGIN + 4 * MINUTE)
    assert chosen == sampler.columns(begin + 2 * minute, berlin + 4 * minute)
    assert [column.sequence for column in chosen] == [1, 2]
    assert [column.at for column in chosen] == [begin + 2 * minute, begin + 3 * minute]
    assert sampler.columns()[1:3] == chosen and sampler.columns()[-1] == sampler.column(4)
    with pytest.raises(keyviz.NotFoundError):
        sampler.column(5)
    with pytest.raises(keyviz.InvalidArgumentError, match="time zone"):
        sampler.columns(datetime.datetime(2024, 1, 1))
    with pytest.raises(TypeError, match="a datetime or an int of ns, not date"):
        sampler.columns(datetime.date(2024, 1, 1))  # type: ignore[arg-type]


def test_columns_are_chosen_by_time_also_if_the_clock_went_back():
    with keyviz.Sampler(created=100, step=10) as sampler:
        for now in (200, 150, 160, 300):
            sampler.flush(now)
        assert [column.at_ns for column in sampler.columns(160)] == [200, 160, 300]
        assert [column.at_ns for column in sampler.columns(170)] == [200, 300]
        assert [column.at_ns for column in sampler.columns(None, 200)] == [150, 160]


def test_columns_of_a_coarser_resolution_are_read_once():
    with Sampler(created=BEGIN, history_columns=4, resolutions=[(3 * MINUTE, datetime.timedelta(days=1))]) as sampler:
        sampler.register_route(1)
        for minute in range(1, 21):
            sampler.observe(1, b"k", Op.WRITE, minute)
            sampler.flush(BEGIN + minute * MINUTE)
        columns = sampler.columns()
        assert totals(columns) == [0, 20, 0, 20 + sum(range(21))]
        assert {column.flushes for column in columns} == {1, 3} or max(column.flushes for column in columns) > 1
        assert sum(column.flushes for column in columns) == 20


def test_reading_columns_beside_flushes_gives_each_observation_once():
    with Sampler(created=BEGIN, history_columns=5, resolutions=[(10 * SECOND, 10**6 * SECOND)]) as sampler:
        sampler.register_route(1)
        stop = threading.Event()

        def count():
            for second in range(1, 400):
                sampler.observe(1, b"k", Op.READ)
                sampler.flush(BEGIN + second * SECOND)
            stop.set()

        thread = threading.Thread(target=count)
        thread.start()
        while not stop.is_set():
            columns = sampler.columns()
            # Consecutive: no flush lacks, none comes twice.
            if len(columns):
                first = columns[0].sequence + 1 - columns[0].flushes
                assert first == 0 and sum(column.flushes for column in columns) == columns[-1].sequence + 1
        thread.join()
        assert totals(sampler.columns())[0] == 399


def test_threads_are_counted_exactly(sampler):
    sampler.register_routes([(1, b"", b"m"), (2, b"m", None)])
    drained = []

    def count(thread):
        ids = np.full(5000, 1 + thread % 2, np.uint64)
        for i in range(2000):
            sampler.observe(1 + i % 2, b"key", Op.READ, 7, thread % 6)
        assert sampler.observe_many(ids, 1, 10, 0, thread % 6) == 5000

    threads = [threading.Thread(target=count, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        drained.append(sampler.drain())
    for thread in threads:
        thread.join()
    drained.append(sampler.drain())
    assert totals(drained) == [8 * 2000, 8 * 5000, 8 * 2000 * 10, 8 * 5000 * 10]


def test_the_history_is_saved_and_loaded(sampler, tmp_path):
    sampler.register_route(1)
    sampler.observe(1, b"k", Op.WRITE, 5)
    sampler.flush(BEGIN + MINUTE)
    path = tmp_path / "historý.bin"
    assert sampler.save_history(path) is None
    saved = sampler.save_history()
    assert saved == path.read_bytes()
    for source in (path, str(path), saved, memoryview(saved)):
        with Sampler() as other:
            other.load_history(source)
            assert other.columns() == sampler.columns()
            with pytest.raises(keyviz.InvalidArgumentError):
                sampler.load_history(source)
    with Sampler() as other:
        with pytest.raises(keyviz.CorruptError):
            other.load_history(saved[:-1])
        with pytest.raises(keyviz.FileError) as caught:
            other.load_history(tmp_path / "there is none")
        assert isinstance(caught.value, OSError)
        with pytest.raises(keyviz.InvalidArgumentError):
            other.load_history("a\0b")


def test_without_a_history_columns_are_drained():
    with Sampler(history=False) as sampler:
        sampler.register_route(1)
        sampler.observe(1, b"k", Op.READ)
        for call in (sampler.flush, sampler.columns, sampler.save_history, sampler.matrix):
            with pytest.raises(keyviz.HistoryOffError):
                call()
        assert totals([sampler.drain()]) == [1, 0, 1, 0]


def test_a_column_stands_by_itself(sampler):
    sampler.register_route(1, b"from", b"to")
    sampler.observe(1, b"k", Op.READ)
    column = sampler.drain()
    sampler.close()
    assert column.starts == [b"from"] and column.ends == [b"to"]
    assert pickle.loads(pickle.dumps(column)) == column
    with pytest.raises(ValueError, match="read-only"):
        column["reads"][0] = 5
    with pytest.raises(KeyError, match="reads"):
        column["start"]


def test_hot_keys_come_with_their_bounds():
    with Sampler(hot_keys_enabled=True, hot_keys_sample_rate=1, hot_keys_series="both", labels_enabled=True) as sampler:
        sampler.register_route(1)
        sampler.observe_keys(1, [0] * 6, [b"a", b"b", b"a", b"c", b"a", b"b"], 0, "redis")
        sampler.observe(1, b"w", Op.WRITE, 0, "redis")
        with pytest.raises(keyviz.NoSnapshotError):
            sampler.hot_keys(1, Label.REDIS)
        sampler.publish_hot_keys(BEGIN)
        reply = sampler.hot_keys(1, "redis", "reads")
        assert [(key.key, key.count, key.count_low, key.count_high) for key in reply] == [
            (b"a", 3, 3, 3), (b"b", 2, 2, 2), (b"c", 1, 1, 1),
        ]  # fmt: skip
        assert (reply.route_id, reply.label, reply.series.name, reply.sampled_n) == (1, Label.REDIS, "READS", 6)
        assert (reply.sub_bucket, reply.degraded, reply.snapshot_at_ns) == (None, False, BEGIN)
        assert "'a'" not in repr(reply)
        assert [key.key for key in sampler.hot_keys(1, Label.REDIS, top=1, series="reads")] == [b"a"]
        with pytest.raises(keyviz.OutOfSnapshotWindowError):
            sampler.hot_keys(1, Label.REDIS, start=BEGIN + 10 * SECOND)

        read = keyviz.HotKeys.from_json(reply.to_json())
        assert read.keys == reply.keys and pickle.loads(pickle.dumps(reply)).keys == reply.keys
        merged = keyviz.merge_hot_keys([("n1", reply), ("n2", read), ("n3", "timed out"), ("n4", None)], top=2)
        assert [(key.key, key.count) for key in merged] == [(b"a", 6), (b"b", 4)] and merged.degraded
        with pytest.raises(keyviz.MalformedError):
            keyviz.HotKeys.from_json("[]")
        assert [key.count for key in keyviz.merge_hot_keys([reply, ("n2", read)])] == [6, 4, 2]
        with pytest.raises(keyviz.NoSnapshotError):
            keyviz.merge_hot_keys([])
        with pytest.raises(TypeError, match="an answer that is no HotKeys"):
            keyviz.merge_hot_keys([5])  # type: ignore[list-item]
    with Sampler() as sampler, pytest.raises(keyviz.HotKeysOffError):
        sampler.publish_hot_keys()


def test_stats_tell_what_there_is_also_of_a_closed_sampler(sampler):
    sampler.register_routes([(i, b"%05d" % i, b"%05d" % (i + 1)) for i in range(10)])
    assert (sampler.stats().routes, sampler.stats().slots) == (10, 60)
    sampler.close()
    assert sampler.stats().routes == 0 and sampler.events() == []


def test_the_first_program_of_each_readme_runs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib").use("agg")
    monkeypatch.chdir(tmp_path)
    for path in ("bindings/python/README.md", "README.md"):
        if not (ROOT / path).exists():
            continue
        program = (ROOT / path).read_text("utf-8").split("```python\n")[1].split("```")[0]
        one = {"route_ids": [1], "ops": [0], "key_lens": [1], "value_lens": [1], "labels": [0]}
        exec(program, one)
        assert (tmp_path / "heatmap.html").stat().st_size > 50_000
        (tmp_path / "heatmap.html").unlink()
