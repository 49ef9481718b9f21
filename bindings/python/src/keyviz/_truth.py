"""What traces are known to hold, and where counts differ from it."""

import json
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Optional

import numpy as np

from ._columns import Column
from ._trace import TraceError, form
from ._words import Label, Op


class Totals(NamedTuple):
    """Bytes are of keys and values together."""

    reads: int = 0
    writes: int = 0
    read_bytes: int = 0
    write_bytes: int = 0

    def plus(self, other: "Totals") -> "Totals":
        return Totals(*map(int.__add__, self, other))

    @property
    def operations(self) -> int:
        return self.reads + self.writes


class Truth(NamedTuple):
    """A truth file: what a trace holds, computed without any sampler."""

    rows: int
    label: Label
    totals: Totals
    document: dict[str, Any]
    """The whole file: also "minutes", "top_read_keys" ..., where it has them."""


def truth_of(path: str) -> Optional[Truth]:
    """Of `name.csv.zst`, what `name.truth.json` says. None: there is no such file."""
    beside = pathlib.Path(path[: -len(form(path))] + ".truth.json")
    try:
        document = json.loads(beside.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as why:
        raise TraceError(f"{beside}: {why}") from None
    try:
        reads, writes = document["reads"], document["writes"]
        totals = Totals(*map(int, (reads["count"], writes["count"], reads["bytes"], writes["bytes"])))
        return Truth(int(document["rows"]), Label[document["label"].upper()], totals, document)
    except (KeyError, TypeError, ValueError, AttributeError) as why:
        raise TraceError(f"{beside} is no truth file: {type(why).__name__} {why}") from None


def add(totals: dict[Label, Totals], observations: Any) -> None:
    """Adds what is in an array of observations."""
    for number in np.unique(observations["label"]).tolist():
        label = Label(number)
        chosen = observations[observations["label"] == number]
        writes = chosen["op"] == Op.WRITE
        sizes = chosen["key_len"].astype(np.uint64) + chosen["value_len"]
        write_count = int(np.count_nonzero(writes))
        found = Totals(len(chosen) - write_count, write_count, _sum(sizes[~writes]), _sum(sizes[writes]))
        totals[label] = totals.get(label, Totals()).plus(found)


def _sum(values: Any) -> int:
    """Exact, where a sum in 64 bits would wrap around."""
    return (int((values >> np.uint64(32)).sum()) << 32) + int((values & np.uint64(2**32 - 1)).sum())


def column_totals(columns: Iterable[Column]) -> dict[Label, Totals]:
    totals: dict[Label, Totals] = {}
    for column in columns:
        labels = column["label"]
        for number in np.unique(labels).tolist():
            label, chosen = Label(number), labels == number
            found = Totals(*(_sum(column[name][chosen]) for name in Totals._fields))
            totals[label] = totals.get(label, Totals()).plus(found)
    return totals


def differences(expected: Mapping[Label, Totals], found: Mapping[Label, Totals]) -> list[str]:
    """A sentence for each."""
    told: list[str] = []
    for label in sorted({*expected, *found}):
        pairs = zip(Totals._fields, expected.get(label, Totals()), found.get(label, Totals()))
        for name, right, counted in pairs:
            if right != counted:
                what = name.replace("_", " ")
                told.append(f"label {label.wire or 'legacy'}, {what}: {right:,} in the traces, {counted:,} in the columns")
    return told
