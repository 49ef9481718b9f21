"""The time of a replay: from a trace's own to columns."""

from typing import Any, NamedTuple

import numpy as np

from ._arguments import I64, to_datetime
from ._errors import InvalidArgumentError

MS = 10**6
MINUTE_NS = 60 * 10**9
LONGEST_HISTORY = 100_000
"""Columns that a sampler keeps, at most."""

SCALED_BEGIN_NS = 946_684_800 * 10**9
"""2000-01-01: where scaled time begins, which is nobody's."""


class Span(NamedTuple):
    """The time that a trace covers, both ends included, in ms of its own clock."""

    first_ms: int
    last_ms: int


class Axis(NamedTuple):
    """The columns of a replay."""

    begin_ns: int
    step_ns: int
    columns: int

    def end_ns(self, column: int) -> int:
        return self.begin_ns + (column + 1) * self.step_ns


def scaled_axis(columns: int) -> Axis:
    """Columns of a minute each."""
    return Axis(SCALED_BEGIN_NS, MINUTE_NS, columns)


def scaled(times: Any, span: Span, axis: Axis) -> Any:
    """Of each time, which of equal parts of the span it lies in."""
    length = span.last_ms - span.first_ms + 1
    since: Any = times - span.first_ms
    if length > I64 // axis.columns:
        # The product needs more than 64 bits.
        since = since.astype(object)
    parts: Any = since * axis.columns // length
    return parts.astype(np.int64)


def stepped_axis(step_ns: int, span: Span) -> Axis:
    """Columns that end at whole steps of the Unix clock."""
    if step_ns < MS or step_ns % MS:
        raise InvalidArgumentError(f"step must be whole milliseconds, as times of traces are, not {step_ns} ns")
    step_ms = step_ns // MS
    first, last = span.first_ms // step_ms, span.last_ms // step_ms
    if last - first >= LONGEST_HISTORY:
        begin, end = (_when(time) for time in span)
        raise InvalidArgumentError(
            f"from {begin} to {end} there are {last - first + 1} steps, and {LONGEST_HISTORY} columns is the most: "
            "take a longer step, align=True for traces of different times, or a number of columns"
        )
    if (last + 1) * step_ns > I64:
        raise InvalidArgumentError(f"ts_ms {span.last_ms} is after the last day of a clock in ns")
    return Axis(first * step_ns, step_ns, last - first + 1)


def stepped(times: Any, shift_ms: int, axis: Axis) -> Any:
    return ((times + shift_ms) * MS - axis.begin_ns) // axis.step_ns


def _when(unix_ms: int) -> str:
    try:
        return f"{to_datetime(unix_ms * MS):%Y-%m-%d %H:%M:%S}"
    except OverflowError:
        return f"{unix_ms} ms"
