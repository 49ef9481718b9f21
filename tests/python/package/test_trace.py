"""Trace files: what is read from them, and what is wrong with them."""

import gzip

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import keyviz
from keyviz import Label, TraceError
from keyviz._compression import unzstd
from keyviz._trace import BLOCK, _at_once, _one_by_one, blocks

HEAD = "ts_ms,label,op,key,key_len,value_len\n"


def zstd(data, **options):
    return pytest.importorskip("zstandard").ZstdCompressor(**options).compress(data)


def rows_of(path, label=None, told=lambda n: None):
    found = []
    for block in blocks(str(path), label, told):
        table = block.observations
        fields = (block.times, table["label"], table["op"], block.keys(), table["key_len"], table["value_len"])
        found += zip(*(list(field) if isinstance(field, list) else field.tolist() for field in fields))
    return found


def write(folder, text, name="t.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("latin-1"))
    return path


def test_rows_come_as_written_from_every_form(tmp_path):
    text = HEAD + "5,s3,r,/a%2Cb,6,9223372036854775807\n5,sqs,w,q,1,0\n7,redis,r,,0,1\n"
    expected = [(5, 3, 0, b"/a%2Cb", 6, 2**63 - 1), (5, 4, 1, b"q", 1, 0), (7, 2, 0, b"", 0, 1)]
    whole = text.encode()
    begin, end = whole[:50], whole[50:]
    for name, data in {
        "t.csv": whole,
        "no-end.csv": whole[:-1],
        "crlf.csv": whole.replace(b"\n", b"\r\n"),
        "blank.csv": whole.replace(b"\n", b"\n\n"),
        "t.csv.gz": gzip.compress(whole),
        "t.csv.zst": zstd(whole),
        "streams.csv.gz": gzip.compress(begin) + gzip.compress(end),
        "streams.csv.zst": zstd(begin) + zstd(end),
    }.items():
        told = []
        assert rows_of(write(tmp_path, data, name), told=told.append) == expected, name
        assert sum(told) == len(data), name


def test_a_label_that_is_given_stands_for_what_the_file_says(tmp_path):
    path = write(tmp_path, HEAD + "1,anything,r,k,1,1\n2,,w,k,1,1\n")
    assert [row[1] for row in rows_of(path, Label.DYNAMO)] == [Label.DYNAMO] * 2


def test_many_blocks_give_all_rows_in_order(tmp_path):
    rows = [f"{i},rawkv,{'rw'[i % 2]},key{i:05},8,{i}\n" for i in range(100_000)]
    text = HEAD + "".join(rows)
    assert len(text) > 2 * BLOCK
    found = rows_of(write(tmp_path, zstd(text.encode()), "t.csv.zst"))
    assert found == [(i, 5, i % 2, b"key%05d" % i, 8, i) for i in range(100_000)]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("x,s3,r,key,3,10", "ts_ms 'x'"),
        ("-1,s3,r,key,3,10", "ts_ms '-1'"),
        (",s3,r,key,3,10", "ts_ms ''"),
        ("4,s3,r,key,3,10", "goes back from 5 to 4"),
        ("9223372036854775808,s3,r,key,3,10", "ts_ms '9223372036854775808'"),
        ("6,ftp,r,key,3,10", "unknown label 'ftp'"),
        ("6,,r,key,3,10", "unknown label ''"),
        ("6,legacy,r,key,3,10", "unknown label 'legacy'"),
        ("6,s3,d,key,3,10", "op 'd'"),
        ("6,s3,rw,key,3,10", "op 'rw'"),
        ("6,s3,,key,3,10", "op ''"),
        ("6,s3,r,key,4,10", "key_len is 4, and the key has 3"),
        ("6,s3,r,k y,3,10", "escaped"),
        ("6,s3,r,k\xff,2,10", "escaped"),
        ('6,s3,r,k"y,3,10', "escaped"),
        ("6,s3,r,k\ry,3,10", "escaped"),
        ("6,s3,r,key,3,", "value_len ''"),
        ("6,s3,r,key,3,-1", "value_len '-1'"),
        ("6,s3,r,key,3,1e3", "value_len '1e3'"),
        ("6,s3,r,key,3,99999999999999999999", "value_len '99999999999999999999'"),
        ("6,s3,r,key,3", "6 fields, and this one has 5"),
        ("6,s3,r,key,3,10,x", "6 fields, and this one has 7"),
        # Taken together, these two have ten commas.
        ("6,s3,r,key,3\n6,s3,r,key,3,10,x", "6 fields, and this one has 5"),
    ],
)
def test_a_bad_row_is_an_error_with_file_and_line(tmp_path, row, what):
    path = write(tmp_path, HEAD + "5,s3,r,key,3,10\n" + row + "\n9,s3,r,key,3,10\n")
    with pytest.raises(TraceError) as raised:
        rows_of(path)
    assert str(raised.value).startswith(f"{path}:3: ") and what in str(raised.value)
    assert (raised.value.path, raised.value.line) == (str(path), 3)
    assert isinstance(raised.value, (keyviz.MalformedError, ValueError))


def test_the_line_is_right_in_a_later_block_and_between_blank_lines(tmp_path):
    rows = ["5,s3,r,a-key-of-some-length,20,10\n"] * 80_000
    rows[70_000] = "\n5,s3,x,k,1,1\n"
    with pytest.raises(TraceError, match=":70003: op 'x'"):
        rows_of(write(tmp_path, HEAD + "".join(rows)))
    # In the middle of a block, and first in one.
    for i in (60_000, (BLOCK - len(HEAD)) // len(rows[0])):
        bad = [*rows[:i], rows[0].replace("5", "4", 1), *rows[i + 1 : 70_000]]
        with pytest.raises(TraceError, match=f":{i + 2}: ts_ms goes back"):
            rows_of(write(tmp_path, HEAD + "".join(bad)))


def test_a_bad_file_is_an_error(tmp_path):
    text = (HEAD + "5,s3,r,key,3,10\n" * 1000).encode()
    for name, data, what in (
        ("t.csv", b"", "t.csv:1: there is no header line"),
        ("t.csv.zst", b"", "t.csv.zst:1: there is no header line"),
        ("t.csv", b"a,b,c\n", "t.csv:1: the header line must be"),
        ("t.csv.zst", b"no zstd at all", "t.csv.zst:1: the compressed data is damaged"),
        ("t.csv.gz", b"no gzip at all", "t.csv.gz:1: the compressed data is damaged"),
        ("t.csv.zst", zstd(text)[:-3], "cut off"),
        ("t.csv.gz", gzip.compress(text)[:-3], ":1002: the compressed data is cut off"),
        ("t.csv.gz", gzip.compress(text) + b"xx", "damaged"),
        ("t.csv", b"x" * (BLOCK + 1), "t.csv:1: the line is longer"),
        ("t.txt", text, "a trace's name ends in .csv.zst, .csv.gz, .csv"),
    ):
        with pytest.raises(TraceError) as raised:
            rows_of(write(tmp_path, data, name))
        assert what in str(raised.value), name
    with pytest.raises(FileNotFoundError):
        rows_of(tmp_path / "none.csv")


def test_without_a_decoder_the_error_names_the_extra(monkeypatch):
    import sys

    for name in ("zstandard", "compression.zstd", "backports.zstd"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"needs the package zstandard \(pip install 'keyviz\[traces\]'\)"):
        unzstd([])


fields = st.one_of(
    st.sampled_from([b"5", b"6", b"s3", b"redis", b"r", b"w", b"key", b"3", b"10", b"", b"\r", b"k y", b'"']),
    st.integers(0, 2**64).map(lambda n: str(n).encode()),
    st.binary(max_size=4),
)
good = st.builds(
    lambda time, op, key, size: b"%d,s3,%s,%s,%d,%d" % (time, op, key, len(key), size),
    st.integers(0, 5),
    st.sampled_from([b"r", b"w"]),
    st.sampled_from([b"", b"k", b"key%2C"]),
    st.integers(0, 2**63),
)
damaged = st.builds(
    lambda line, at, cut, put: line[: at % len(line)] + put + line[at % len(line) + cut :],
    good,
    st.integers(0, 40),
    st.integers(0, 2),
    st.sampled_from([b"", b",", b"r", b"w", b"0", b"1", b"\n", b" "]),
)
lines = st.one_of(
    good, good, good, damaged, st.lists(fields, min_size=4, max_size=8).map(b",".join), st.just(b""), st.binary(max_size=8)
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(lines, max_size=6), st.integers(0, 3))
@example([b"1,s3,r,k,1,1", b"0,s3,r,k,1,1"], 0)
@example([b"1,s3,r,k,1,1"], 2)
def test_reading_lines_at_once_and_one_by_one_is_the_same(each, last):
    text = b"".join(line + b"\n" for line in each)
    at_once = _at_once(text, None, last)
    try:
        kept = _one_by_one("t", 1, text, None, last)
    except TraceError:
        assert at_once is None
        return
    assert (at_once is not None) == (kept == text)
    rows = [line.split(b",") for line in kept.split(b"\n") if line]
    block = _at_once(kept, None, last)
    assert block.times.tolist() == [int(row[0]) for row in rows]
    assert block.keys() == [row[3] for row in rows]
    assert block.observations["value_len"].tolist() == [int(row[5]) for row in rows]
    assert block.observations["op"].tolist() == [row[2] == b"w" for row in rows]
    assert [Label(label).wire.encode() for label in block.observations["label"].tolist()] == [row[1] for row in rows]
