"""The matrix, its forms, and the merge."""

import copy
import gc
import json
import math
import pathlib
import pickle
import struct

import numpy as np
import pytest
from conftest import BEGIN, MINUTE, ROOT

import keyviz
from keyviz import Matrix, Sampler

GOLDEN = sorted((ROOT / "tests/golden").glob("*.json"))


@pytest.fixture
def matrix():
    """Two routes under two labels, five minutes; route 2 is hot, and walks."""
    with Sampler(created=BEGIN, labels_enabled=True, key_buckets_per_route=8) as sampler:
        sampler.register_routes([(1, b"a", b"b", 11), (2, b"b", None, 12)])
        sampler.set_leader_term(11, 5)
        for minute in range(5):
            sampler.observe_keys(1, 1, [b"a\x10", b"a\xf0"], 10, "redis")
            sampler.observe_keys([2] * 10, 1, [bytes([98 + 39 * minute])] * 10, 10, "s3")
            sampler.flush(BEGIN + (minute + 1) * MINUTE)
        yield sampler.matrix("writes", node="n1")


def test_it_tells_what_it_is(matrix):
    assert matrix.series is keyviz.Series.WRITES and matrix.node == "n1"
    assert matrix.shape == (len(matrix.rows), 5)
    assert matrix.columns.astype(int).tolist() == [(BEGIN + (i + 1) * MINUTE) // 10**6 for i in range(5)]
    first = matrix.rows[0]
    assert (first.id, first.name, first.label, first.start) == ("route:1:redis#0", "route:1 / redis", "redis", b"a")
    assert (first.end, first.aggregate, first.conflict, first.route_ids, first.route_count) == (b"a ", False, False, (), 1)
    assert matrix.rows[-1].end is None
    assert matrix.values.sum() == 60 and matrix.values[0].tolist() == [1] * 5
    groups, terms = matrix.identities(0)
    assert groups.tolist() == [11] * 5 and terms.tolist() == [5] * 5
    assert not matrix.conflicts(-1).any() and matrix.conflicts(0).shape == (5,)
    for wrong in (len(matrix.rows), -len(matrix.rows) - 1, 2**70):
        with pytest.raises((IndexError, keyviz.InvalidArgumentError)):
            matrix.conflicts(wrong)
    assert abs((matrix.generated_at - matrix.generated_at).total_seconds()) == 0
    assert matrix.nodes == () and not matrix.fanout


def test_the_library_judges_it(matrix):
    verdicts = {row.id.split("#")[0]: verdict for row, verdict in zip(matrix.rows, matrix.verdicts)}
    assert verdicts["route:2:s3"].kind is keyviz.Kind.MOVING_EDGE and verdicts["route:2:s3"].name == "moving edge"
    assert verdicts["route:2:s3"].total == 50 and verdicts["route:2:s3"].reason
    hottest = matrix.splits[0]
    assert hottest.route_id == 2 and hottest.share == pytest.approx(50 / 60) and hottest.reason
    assert next(split for split in matrix.splits if split.route_id == 1).key > b"a"


def test_values_are_read_only_memory_of_the_library(matrix):
    assert matrix.values is matrix.values
    for view in (matrix.values, matrix.values[1:], matrix.values.T, matrix.columns):
        assert not view.flags.writeable and not view.flags.owndata
        with pytest.raises(ValueError):
            view.flags.writeable = True


def test_values_outlive_the_matrix(matrix):
    expected = matrix.values.copy()
    view = Matrix.from_json(matrix.to_json()).values[1:, ::2]
    junk = []
    for _ in range(200):
        # Were the memory free, others would have it by now.
        junk.append(Matrix.from_json(matrix.to_json()))
        gc.collect(0)
    assert (view == expected[1:, ::2]).all()


def test_json_protobuf_and_csv_say_the_same(matrix, tmp_path):
    document = json.loads(matrix.to_json())
    assert [row["values"] for row in document["rows"]] == matrix.values.tolist()
    read = Matrix.from_proto(matrix.to_proto(), "writes")
    assert (read.values == matrix.values).all() and read.rows == matrix.rows
    lines = matrix.to_csv().splitlines()
    assert len(lines) == len(matrix.rows) + 1 and lines[1].startswith("route:1:redis#0,redis,")
    for form, suffix in (("json", ".json"), ("proto", ".pb"), ("csv", ".csv"), ("html", ".html"), ("png", ".png")):
        write, path = getattr(matrix, f"to_{form}"), tmp_path / f"m{suffix}"
        assert write(path) is None
        whole = write()
        assert path.read_bytes() == (whole if isinstance(whole, bytes) else whole.encode())
    with pytest.raises(FileNotFoundError):
        matrix.to_json(tmp_path / "no" / "folder")


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_golden_matrices_come_back_as_they_were(path):
    text = path.read_text("utf-8")
    matrix = Matrix.from_json(text)
    assert matrix.to_json() == text
    assert matrix.to_proto() == path.with_suffix(".pb").read_bytes()
    assert [row["values"] for row in json.loads(text)["rows"]] == matrix.values.tolist()
    assert len(matrix.verdicts) == len(matrix.rows)
    assert pickle.loads(pickle.dumps(matrix)).to_json() == text


def test_bad_documents_are_refused(matrix):
    text = matrix.to_json()
    for bad in ("", "{", text[:-1], "[]", "null"):
        with pytest.raises(keyviz.MalformedError):
            Matrix.from_json(bad)
    with pytest.raises(keyviz.MalformedError):
        Matrix.from_proto(b"\xff\xff", "reads")
    with pytest.raises(keyviz.TooLargeError):
        Matrix.from_json(text, max_bytes=10)
    with pytest.raises(keyviz.TooLargeError):
        Matrix.from_json(text, max_cells=3)
    with pytest.raises(TypeError):
        Matrix.from_json(7)


def test_a_picture_has_the_size_that_was_asked_for(matrix):
    picture = matrix.to_png(width=300, height=200, scale="linear")
    assert picture[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", picture[16:24]) == (300, 200)
    with pytest.raises(keyviz.InvalidArgumentError):
        matrix.to_png(width=9)
    with pytest.raises(keyviz.InvalidArgumentError, match="log"):
        matrix.to_png(scale="cubic")


def test_a_page_holds_several_series(matrix):
    other = Matrix.from_proto(matrix.to_proto(), "reads")
    page = keyviz.heatmap_page([matrix, other], "Store <1>")
    assert page.startswith("<!DOCTYPE html>") or page.startswith("<!doctype html>")
    assert "<1>" not in page and len(page) > len(matrix.to_html())
    with pytest.raises(keyviz.InvalidArgumentError):
        keyviz.heatmap_page([])
    assert "matrix.json" in keyviz.live_page("matrix.json", title="live")
    assert "default-src" in keyviz.live_page_policy()
    with pytest.raises(keyviz.InvalidArgumentError):
        keyviz.live_page("")


def test_columns_of_ones_own_make_the_same_matrix():
    drained = []
    with Sampler(created=BEGIN) as sampler:
        sampler.register_route(1)
        for minute in range(3):
            sampler.observe(1, b"k", 1)
            drained.append(sampler.drain(BEGIN + (minute + 1) * MINUTE))
        expected = sampler.matrix("writes")
    for columns in (drained, reversed(drained), keyviz.Columns(drained)):
        matrix = Matrix.from_columns(columns, "writes")
        assert (matrix.values == expected.values).all() and (matrix.columns == expected.columns).all()
    assert Matrix.from_columns([]).shape == (0, 0)
    assert Matrix.from_columns(drained, "writes", start=BEGIN + 2 * MINUTE).shape == (1, 2)


def test_an_empty_matrix_has_all_its_parts():
    with Sampler() as sampler:
        matrix = sampler.matrix()
    assert matrix.shape == (0, 0) and matrix.values.shape == (0, 0) and len(matrix.columns) == 0
    assert matrix.rows == () and matrix.verdicts == () and matrix.splits == ()
    assert json.loads(matrix.to_json())["rows"] == [] and "<html" in matrix._repr_html_().replace("&lt;", "<")
    assert len(matrix.to_png()) > 50


def test_a_row_budget_keeps_the_top_or_merges(matrix):
    with Sampler(created=BEGIN) as sampler:
        sampler.register_routes([(i, b"%02d" % i, b"%02d" % (i + 1)) for i in range(20)])
        for i in range(20):
            sampler.observe_many([i] * (i + 1), 0, 1)
        sampler.flush(BEGIN + MINUTE)
        top, merged = sampler.matrix("reads", 5), sampler.matrix("reads", 5, "merge")
    assert top.shape == (5, 1) and top.values.sum() == sum(range(16, 21))
    assert merged.shape[0] <= 5 and merged.values.sum() == sum(range(21))
    assert any(row.aggregate and row.route_count > 1 for row in merged.rows)


def node(name, reads, writes, term=1):
    with Sampler(created=BEGIN) as sampler:
        sampler.register_route(1, group=7)
        sampler.set_leader_term(7, term)
        sampler.observe_many([1] * reads, 0, 1)
        sampler.observe_many([1] * writes, 1, 1)
        sampler.flush(BEGIN + MINUTE)
        return sampler.matrix("reads", node=name), sampler.matrix("writes", node=name)


def test_reads_of_nodes_add_up_and_writes_of_one_leader_do_not():
    a, b = node("a", 3, 5), node("b", 4, 5)
    reads = keyviz.merge([a[0], b[0]])
    assert reads.values.tolist() == [[7]] and reads.series is keyviz.Series.READS
    assert keyviz.merge([a[1], b[1]]).values.tolist() == [[5]]
    conflict = keyviz.merge([a[1], ("c", node("", 0, 6)[1])])
    assert conflict.values.tolist() == [[6]] and conflict.rows[0].conflict and conflict.conflicts(0).tolist() == [True]


def test_nodes_that_gave_nothing_are_told_of():
    a = node("a", 3, 5)[0]
    merged = keyviz.merge([a, ("b", "connection refused"), ("c", TimeoutError("after 2 s")), a], nodes_expected=4)
    assert merged.fanout and (merged.nodes_responded, merged.nodes_expected) == (1, 4)
    assert {(one.node, one.error) for one in merged.nodes} == {("a", None), ("b", "connection refused"), ("c", "after 2 s")}
    assert merged.values.tolist() == [[3]]
    assert keyviz.merge([]).shape == (0, 0)


def test_a_merge_takes_one_series_and_ends(tmp_path):
    reads, writes = node("a", 1, 1)
    with pytest.raises(keyviz.InvalidArgumentError):
        keyviz.merge([reads, writes])
    merge = keyviz.Merge("reads")
    assert merge.add(reads) and not merge.add(reads)
    merge.finish()
    for late in (merge.finish, lambda: merge.add(reads), lambda: merge.add_failure("x", "y")):
        with pytest.raises(keyviz.InvalidArgumentError):
            late()
    with pytest.raises(TypeError):
        keyviz.merge(["a.json"])
    with pytest.raises(TypeError):
        keyviz.merge([("a", 7)])


def test_a_copy_is_the_matrix_itself(matrix):
    assert copy.copy(matrix) is matrix and copy.deepcopy([matrix])[0] is matrix
    with pytest.raises(TypeError, match="Sampler.matrix"):
        Matrix()


def test_a_notebook_gets_the_page_in_a_frame_of_its_own(matrix):
    shown = matrix._repr_html_()
    assert shown.startswith('<iframe srcdoc="') and 'sandbox="allow-scripts"' in shown
    inside = shown[len('<iframe srcdoc="') : shown.index('" sandbox')]
    assert '"' not in inside and "<" not in inside


def test_it_draws_itself(matrix, tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    import matplotlib.pyplot

    axes = matrix.plot(title="where $x_1$ goes")
    mesh = axes.collections[0]
    assert (mesh.get_array().filled(0).reshape(matrix.shape) == matrix.values).all()
    # Logarithmic: half of the brightness is far below half of the largest.
    assert mesh.norm(math.expm1(math.log1p(10) / 2)) == pytest.approx(0.5)
    assert axes.get_yticklabels()[0].get_text() == "a" and axes.get_ylim() == (len(matrix.rows), 0)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["redis", "s3"]
    left, right = axes.get_xlim()
    assert right - left == pytest.approx(5 / 1440)
    axes.figure.savefig(tmp_path / "plot.png")
    figure, (left_axes, right_axes) = matplotlib.pyplot.subplots(1, 2)
    assert matrix.plot(left_axes, scale="linear") is left_axes
    with Sampler() as sampler:
        sampler.matrix().plot(right_axes)
    figure.savefig(tmp_path / "two.png")
    matplotlib.pyplot.close("all")


def test_a_plot_has_the_colours_of_the_page(matrix):
    from keyviz import _plot

    page = matrix.to_html().lower()
    assert _plot.COLOURS.keys() == {label.wire for label in keyviz.Label}
    for colour in (*_plot.COLOURS.values(), _plot.OTHER, _plot.NO_TRAFFIC):
        assert colour[1:] in page


@pytest.mark.parametrize(
    ("key", "text"),
    [(b"user/42", "user/42"), (b"\0\xff", r"\x00\xff"), (b"a b\\", r"a\x20b\x5c"), (b"$x$", "$x$"), (b"k" * 99, "k" * 28 + "…"), (b"k" * 26 + b"\0", "k" * 26 + "…")],
)  # fmt: skip
def test_keys_are_readable_on_a_plot(key, text):
    from keyviz._plot import readable

    assert readable(key) == text


def test_it_is_a_data_frame(matrix):
    pandas = pytest.importorskip("pandas")
    frame = matrix.to_dataframe()
    assert isinstance(frame.columns, pandas.DatetimeIndex) and str(frame.columns.tz) == "UTC"
    assert frame.index.tolist() == [row.id for row in matrix.rows]
    assert np.shares_memory(frame.to_numpy(), matrix.values)


def test_a_path_may_be_a_string_or_a_path(matrix, tmp_path):
    matrix.to_html(str(tmp_path / "a.html"), title="t")
    matrix.to_html(pathlib.Path(tmp_path / "b.html"), title="t")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
