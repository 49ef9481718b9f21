"""Rows of columns go to Arrow, and keys come from it."""

import numpy as np
import pytest
from conftest import BEGIN, MINUTE

import keyviz
from keyviz import Sampler

pyarrow = pytest.importorskip("pyarrow")
polars = pytest.importorskip("polars")
pandas = pytest.importorskip("pandas")


@pytest.fixture
def columns():
    with Sampler(created=BEGIN, labels_enabled=True, max_tracked_routes=2) as sampler:
        sampler.register_routes([(1, b"a\x00", b"b", 7), (2, b"b", b"c"), (3, b"c", None), (2**64 - 9, b"x", None)])
        sampler.apply_split(2, [(4, b"b", b"bb"), (5, b"bb", b"c")], BEGIN)
        for minute in range(3):
            sampler.observe_many([1, 1, 3, 4], [0, 1, 1, 0], 10, 2**40 + minute, "redis", strict=False)
            sampler.flush(BEGIN + (minute + 1) * MINUTE)
        sampler.flush(BEGIN + 4 * MINUTE)
        return sampler.columns()


def expected(columns):
    return [
        {**row._asdict(), "label": row.label.wire, "member_routes": [*row.member_routes], "parents": [*row.parents],
         "sequence": column.sequence, "at": column.at, "window_start": column.window_start}
        for column in columns for row in column
    ]  # fmt: skip


def test_pyarrow_reads_every_field(columns):
    table = pyarrow.table(columns)
    table.validate(full=True)
    rows = expected(columns)
    assert table.num_rows == len(rows) == 9
    assert set(table.column_names) == set(rows[0])
    read = table.to_pylist()
    assert [{**row, "at": row["at"].to_pydatetime(), "window_start": row["window_start"].to_pydatetime()} for row in read] == rows
    assert pyarrow.table(columns[1]).num_rows == len(columns[1])
    reader = pyarrow.RecordBatchReader.from_stream(columns)
    assert [batch.num_rows for batch in reader] == [3, 3, 3, 0]


def test_polars_reads_every_field(columns):
    frame = polars.DataFrame(columns)
    read = frame.with_columns(polars.col("at", "window_start").dt.cast_time_unit("us")).to_dicts()
    assert read == expected(columns)


def test_pandas_has_the_same_table(columns):
    frame = columns.to_dataframe()
    table = pyarrow.table(columns)
    for name in table.column_names:
        values = frame[name].tolist()
        assert [list(one) if isinstance(one, tuple) else one for one in values] == table[name].to_pylist(), name
    assert frame["reads"].dtype == np.uint64 and str(frame["at"].dtype) == "datetime64[ns, UTC]"
    assert keyviz.Columns().to_dataframe().shape == (0, frame.shape[1])


def test_no_columns_are_an_empty_table():
    assert pyarrow.table(keyviz.Columns()).num_rows == 0
    assert polars.DataFrame(keyviz.Columns()).height == 0


def test_a_stream_outlives_its_columns(columns):
    reader = pyarrow.RecordBatchReader.from_stream(columns)
    rows = expected(columns)
    del columns
    assert [row["route_id"] for row in reader.read_all().to_pylist()] == [row["route_id"] for row in rows]


WORDS = [f"key/{i}" * (i % 7) for i in range(100)]
FORMS = {
    "string": pyarrow.array(WORDS),
    "large_string": pyarrow.array(WORDS, pyarrow.large_string()),
    "binary": pyarrow.array(WORDS, pyarrow.binary()),
    "large_binary": pyarrow.array(WORDS, pyarrow.large_binary()),
    "string_view": pyarrow.array(WORDS, pyarrow.string_view()),
    "slice": pyarrow.array(["x" * 20, *WORDS, "y"])[1:-1],
    "slice of views": pyarrow.array(["x" * 20, *WORDS, "y"], pyarrow.string_view())[1:-1],
    "chunks": pyarrow.chunked_array([WORDS[:30], [], WORDS[30:]]),
    "polars": polars.Series(WORDS),
    "slice of polars": polars.Series(["x" * 20, *WORDS])[1:],
    "pandas": pandas.Series(WORDS, dtype="string[pyarrow]"),
    "numpy": np.array([word.encode() for word in WORDS]),
    "list": [word.encode() for word in WORDS],
    "generator": (word.encode() for word in WORDS),
}


@pytest.mark.parametrize("form", FORMS)
def test_keys_are_read_where_they_are(form):
    with Sampler(hot_keys_enabled=True, hot_keys_sample_rate=1, hot_keys_per_route=256) as sampler:
        sampler.register_route(1)
        lens = np.arange(len(WORDS), dtype=np.uint64)
        assert sampler.observe_keys(1, 1, FORMS[form], lens) == len(WORDS)
        sampler.publish_hot_keys()
        counts = {key.key.decode(): key.count for key in sampler.hot_keys(1, top=1000)}
        assert counts == {word: WORDS.count(word) for word in WORDS}
        assert sampler.drain()["write_bytes"].tolist() == [sum(map(len, WORDS)) + int(lens.sum())]


@pytest.mark.parametrize(
    "keys",
    [pyarrow.array([1, 2]), pyarrow.array(["a", None]), pyarrow.array(["a", "b"]).dictionary_encode(), polars.Series([1.5])],
)
def test_arrays_of_something_else_are_refused(keys):
    with Sampler() as sampler:
        sampler.register_route(1)
        with pytest.raises((TypeError, ValueError), match="keys"):
            sampler.observe_keys(1, 1, keys)
        assert len(sampler.drain()) == 0


def test_a_view_that_points_elsewhere_is_refused():
    data = pyarrow.py_buffer(b"0123456789abcdefghij")
    good = np.array([[20, 0, 0, 0]], np.int32)
    with Sampler() as sampler:
        sampler.register_route(1)
        for view in (good, good + [[1, 0, 0, 0]], good + [[0, 0, 1, 0]], good + [[0, 0, 0, 1]], good + [[0, 0, -1, 0]], -good):
            keys = pyarrow.Array.from_buffers(pyarrow.binary_view(), 1, [None, pyarrow.py_buffer(view.astype(np.int32)), data])
            if view is good:
                assert sampler.observe_keys(1, 1, keys) == 1
                continue
            with pytest.raises(keyviz.InvalidArgumentError, match="points"):
                sampler.observe_keys(1, 1, keys)
        offsets = pyarrow.py_buffer(np.array([0, 10, 5, 20], np.int32))
        with pytest.raises(keyviz.InvalidArgumentError, match="points"):
            sampler.observe_keys(1, 1, pyarrow.Array.from_buffers(pyarrow.binary(), 3, [None, offsets, data]))
        assert len(sampler.drain()) == 1
