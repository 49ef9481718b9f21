"""Trace files: a line per access, as CSV, plain or compressed.

Whole blocks of lines are read at once with numpy: where the commas are, then each field of all lines. A block in which
anything is odd goes through a plain reader, line by line, which finds what and where. So each rule stands twice, and the
tests hold the two together.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple, Optional

import numpy as np

from ._arguments import I64
from ._compression import gunzipped, plain, unzstd
from ._errors import MalformedError
from ._many import OBSERVATION
from ._words import Label, Op

HEADER = b"ts_ms,label,op,key,key_len,value_len"
FORMS = {".csv.zst": unzstd, ".csv.gz": gunzipped, ".csv": plain}

BLOCK = 1 << 20
"""Bytes of lines that are read at once, about: what is made of them stays in a core's cache. No line is longer."""

LABELS = {label.wire.encode(): label for label in Label if label.wire}
_NUMBER = re.compile(rb"[0-9]{1,19}")
_PRINTABLE = bytes(byte for byte in range(0x21, 0x7F) if byte != ord('"'))


class TraceError(MalformedError):
    """A trace file is not what it should be. The message begins with its path and the line."""

    path: str = ""
    line: int = 0
    """Counted from 1."""

    @classmethod
    def at(cls, path: str, line: int, why: object) -> "TraceError":
        made = cls(f"{path}:{line}: {why}")
        made.path, made.line = path, line
        return made


class Block(NamedTuple):
    """Rows of a trace, ready to be observed."""

    times: Any
    """ms, int64, never decreasing."""
    observations: Any
    """As the library takes them, of route 0. Their keys lie in `data`."""
    data: Any
    """The lines."""

    def keys(self) -> list[bytes]:
        data: bytes = self.data.tobytes()
        starts = self.observations["key"] - self.data.ctypes.data
        stops = starts + self.observations["key_len"]
        return [data[start:stop] for start, stop in zip(starts.tolist(), stops.tolist())]


def form(path: str) -> str:
    """The end of a trace's name."""
    found = next((each for each in FORMS if path.endswith(each)), None)
    if found is None:
        raise TraceError(f"{path}: a trace's name ends in {', '.join(FORMS)}")
    return found


def blocks(path: str, label: Optional[Label], progress: Callable[[int], object]) -> Iterator[Block]:
    """The rows of a trace, in order. label: of all of them, whatever the file says; None: what the file says. progress: is
    told each time how many more bytes of the file were read. Raises TraceError, and OSError."""
    decoded = FORMS[form(path)]
    last, header = 0, False
    with open(path, "rb") as file:
        for number, lines in _lines(path, decoded(_pieces(file, progress))):
            if not header:
                first, _, lines = lines.partition(b"\n")
                if first.rstrip(b"\r") != HEADER:
                    raise TraceError.at(path, 1, f"the header line must be {HEADER.decode()}")
                header, number = True, 2
            block = _at_once(lines, label, last)
            if block is None:
                block = _at_once(_one_by_one(path, number, lines, label, last), label, last)
                assert block is not None, "a block of good lines is read at once"
            if len(block.times):
                last = int(block.times[-1])
                yield block
    if not header:
        raise TraceError.at(path, 1, "there is no header line")


def _pieces(file: BinaryIO, progress: Callable[[int], object]) -> Iterator[bytes]:
    for piece in iter(lambda: file.read(1 << 16), b""):
        yield piece
        progress(len(piece))


def _lines(path: str, pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The number of a line, and whole lines from there on, each with its end."""
    buffer, number = bytearray(), 1
    try:
        for piece in pieces:
            buffer += piece
            if len(buffer) < BLOCK:
                continue
            cut = buffer.rfind(b"\n") + 1
            if cut == 0:
                raise ValueError(f"the line is longer than {BLOCK} bytes")
            yield number, bytes(buffer[:cut])
            number += buffer.count(b"\n", 0, cut)
            del buffer[:cut]
    except ValueError as why:
        raise TraceError.at(path, number + buffer.count(b"\n"), why) from None
    if buffer:
        yield number, bytes(buffer) if buffer.endswith(b"\n") else bytes(buffer + b"\n")


def _at_once(lines: bytes, label: Optional[Label], last: int) -> Optional[Block]:
    """None: something is odd."""
    data: Any = np.frombuffer(lines, np.uint8)
    ends: Any = np.flatnonzero(data == ord("\n"))
    commas: Any = np.flatnonzero(data == ord(","))
    count = len(ends)
    if len(commas) != 5 * count or lines.translate(None, _PRINTABLE + b"\n"):
        return None
    observations: Any = np.zeros(count, OBSERVATION)
    if count == 0:
        return Block(np.empty(0, np.int64), observations, data)
    commas = commas.reshape(count, 5)
    starts: Any = np.column_stack([np.concatenate([[0], ends[:-1] + 1]), commas + 1])
    stops: Any = np.column_stack([commas, ends])
    widths: Any = stops - starts
    # If the lines have five commas on average, and not each, then a first or last field has a negative width; both are numbers.
    times, key_lens, value_lens = (_numbers(data, starts[:, i], widths[:, i]) for i in (0, 4, 5))
    if times is None or key_lens is None or value_lens is None:
        return None
    ops: Any = data[starts[:, 2]]
    labels = _labels(data, starts[:, 1], widths[:, 1]) if label is None else int(label)
    if (
        labels is None
        or (widths[:, 2] != 1).any()
        or not ((ops == ord("r")) | (ops == ord("w"))).all()
        or (key_lens != widths[:, 3]).any()
        or times[0] < last
        or (times[1:] < times[:-1]).any()
    ):
        return None
    observations["key"] = starts[:, 3] + data.ctypes.data
    observations["key_len"], observations["value_len"] = key_lens, value_lens
    observations["op"] = np.where(ops == ord("w"), Op.WRITE, Op.READ)
    observations["label"] = labels
    return Block(times, observations, data)


def _numbers(data: Any, starts: Any, widths: Any) -> Any:
    """Decimal numbers as int64; None: one is none, or too large."""
    if widths.min() < 1 or widths.max() > 19:
        return None
    # 19 digits fit into 64 bits.
    values: Any = np.zeros(len(starts), np.uint64)
    for i in range(int(widths.max())):
        more = widths > i
        digits: Any = data.take(starts + i, mode="clip") - ord("0")
        if (digits[more] > 9).any():
            return None
        np.copyto(values, values * np.uint64(10) + digits, where=more)
    return None if values.max() > I64 else values.astype(np.int64)


def _labels(data: Any, starts: Any, widths: Any) -> Any:
    """Their numbers; None: there is no such label. Names are compared as numbers too, of up to 8 bytes."""
    if widths.max() > 8:
        return None
    words: Any = np.zeros(len(starts), np.uint64)
    for i in range(int(widths.max())):
        byte = data.take(starts + i, mode="clip").astype(np.uint64)
        words |= np.where(widths > i, byte << np.uint64(8 * i), np.uint64(0))
    found: Any = np.zeros(len(starts), np.uint32)
    for name, label in LABELS.items():
        found[words == int.from_bytes(name, "little")] = label
    return found if found.all() else None


def _one_by_one(path: str, number: int, lines: bytes, label: Optional[Label], last: int) -> bytes:
    """The lines without what may be there and means nothing: empty ones, and carriage returns at their ends."""
    kept: list[bytes] = []
    for i, line in enumerate(lines.split(b"\n")):
        line = line[:-1] if line.endswith(b"\r") else line
        if line:
            try:
                last = _checked(line, label, last)
            except ValueError as why:
                raise TraceError.at(path, number + i, why) from None
            kept.append(line + b"\n")
    return b"".join(kept)


def _checked(line: bytes, label: Optional[Label], last: int) -> int:
    """The time of a row. Raises ValueError."""
    fields = line.split(b",")
    if len(fields) != 6:
        raise ValueError(f"a row has 6 fields, and this one has {len(fields)}")
    name, op, key = fields[1:4]
    time = _number("ts_ms", fields[0])
    if time < last:
        raise ValueError(f"ts_ms goes back from {last} to {time}")
    if label is None and name not in LABELS:
        raise ValueError(f"unknown label {_quoted(name)}")
    if op not in (b"r", b"w"):
        raise ValueError(f"op {_quoted(op)} is neither r nor w")
    if line.translate(None, _PRINTABLE):
        raise ValueError("there is a byte that should be escaped, as %XX")
    if _number("key_len", fields[4]) != len(key):
        raise ValueError(f"key_len is {int(fields[4])}, and the key has {len(key)} bytes")
    _number("value_len", fields[5])
    return time


def _number(name: str, field: bytes) -> int:
    if not _NUMBER.fullmatch(field) or int(field) > I64:
        raise ValueError(f"{name} {_quoted(field)} is no number from 0 to {I64}")
    return int(field)


def _quoted(field: bytes) -> str:
    # Cut: it may be anything.
    return ascii(field[:32].decode("latin-1"))
