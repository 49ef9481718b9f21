"""What a replay or a matrix says, as tables: for a terminal with rich, else as plain text."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TextIO

from ._errors import NoSnapshotError
from ._matrix import Matrix
from ._optional import module
from ._replay import Replay
from ._truth import Totals
from ._words import Series


class Table(NamedTuple):
    title: str
    headings: tuple[str, ...]
    """Those of numbers begin with ">", and are at the right."""
    rows: Sequence[tuple[str, ...]]
    note: str = ""


def totals_table(replay: Replay) -> Table:
    rows = [(label.wire or "legacy", *_numbers(replay.totals[label])) for label in sorted(replay.totals)]
    if len(rows) > 1:
        whole = Totals()
        for each in replay.totals.values():
            whole = whole.plus(each)
        rows.append(("all", *_numbers(whole)))
    note = f"{replay.missed:,} rows lie in none of the routes." if replay.missed else ""
    return Table("Totals", ("label", ">reads", ">writes", ">read bytes", ">write bytes"), rows, note)


def _numbers(totals: Totals) -> list[str]:
    return [f"{number:,}" for number in totals]


def verdict_table(matrix: Matrix, most: int) -> Table:
    """Of each route and label: its sub-buckets have one verdict."""
    found = {row.name: verdict for row, verdict in zip(matrix.rows, matrix.verdicts)}
    busiest = sorted(found.items(), key=lambda pair: -pair[1].total)
    rows = [(name, f"{verdict.total:,}", verdict.name, verdict.reason) for name, verdict in busiest[:most]]
    left = len(busiest) - len(rows)
    return Table(
        f"Verdicts on {words(matrix.series)}",
        ("row", ">total", "verdict", "why"),
        rows,
        f"{left:,} more rows have less." if left else "",
    )


def split_table(matrix: Matrix) -> Table:
    rows = [
        (
            str(split.route_id),
            f"{split.share:.1%}",
            "-" if split.key is None else key_text(split.key),
            "-" if split.key is None else f"{split.below:.1%}",
            split.reason,
        )
        for split in matrix.splits
    ]
    headings = (">route", ">share", "split at", ">below", "why")
    return Table(f"Splits by {words(matrix.series)}", headings, rows, "" if rows else "No route is hot.")


def hot_key_tables(replay: Replay, top: int) -> Iterable[Table]:
    """The hottest keys of each route, label and series that has any."""
    for route in replay.routes:
        for label, totals in sorted(replay.totals.items()):
            for series, count in ((Series.READS, totals.reads), (Series.WRITES, totals.writes)):
                if count == 0:
                    continue
                try:
                    reply = replay.hot_keys(label, series, route_id=route.route_id, top=top)
                except NoSnapshotError:
                    continue
                rows = [
                    (key_text(key.key), f"{key.count_low:,}", f"{key.count_high:,}", f"{key.count_high / count:.2%}")
                    for key in reply
                ]
                name = f"Hot keys of route {route.route_id}, {label.wire or 'legacy'}, {words(series)}"
                note = ""
                if reply.degraded:
                    note = "Samples were dropped, or keys were too long: the bounds don't hold."
                elif all(2 * key.count_low < key.count_high for key in reply):
                    note = "None of them stands out: too many keys are about as hot."
                yield Table(name, ("key", ">at least", ">at most", ">share, at most"), rows, note)


def node_table(matrix: Matrix) -> Table:
    rows = [(node.node or "(unnamed)", "answered" if node.error is None else node.error) for node in matrix.nodes]
    conflicts = sum(row.conflict for row in matrix.rows)
    return Table("Nodes", ("node", "answer"), rows, f"{conflicts:,} rows have conflicts." if conflicts else "")


def key_text(key: bytes) -> str:
    """As the page and CSV have it: its text where it is printable ASCII, else 0x and hexadecimal."""
    return key.decode("ascii") if re.fullmatch(rb"[\x21-\x7e]+", key) else "0x" + key.hex()


def words(series: Series) -> str:
    return series.name.lower().replace("_", " ")


def show(tables: Iterable[Table], out: TextIO) -> None:
    """With rich on a terminal; what goes into a file or a pipe is plain, and nothing is cut."""
    rich = _rich() if out.isatty() else None
    for table in tables:
        if rich is None:
            out.write(plain(table))
        else:
            rich(table, out)
    out.flush()


def plain(table: Table) -> str:
    headings = [heading.lstrip(">") for heading in table.headings]
    lines = [headings, *table.rows] if table.rows else []
    widths = [max(len(line[i]) for line in lines) for i in range(len(headings))] if lines else []
    told = [table.title]
    for line in lines:
        cells = [
            cell.rjust(width) if heading.startswith(">") else cell.ljust(width)
            for cell, width, heading in zip(line, widths, table.headings)
        ]
        told.append("  " + "  ".join(cells).rstrip())
    if table.note:
        told.append("  " + table.note)
    return "\n".join(told) + "\n\n"


def _rich() -> Any:
    try:
        console, tables, box = (module(f"rich.{name}", "colour", "cli") for name in ("console", "table", "box"))
        text = module("rich.text", "colour", "cli").Text
    except ImportError:
        return None

    def draw(table: Table, out: TextIO) -> None:
        # Text: what comes from a trace is no markup.
        made = tables.Table(title=table.title, title_justify="left", box=box.SIMPLE_HEAD, caption=table.note or None)
        for heading in table.headings:
            right = heading.startswith(">")
            made.add_column(heading.lstrip(">"), justify="right" if right else "left", overflow="fold", no_wrap=right)
        for row in table.rows:
            made.add_row(*map(text, row))
        console.Console(file=out).print(made)

    return draw
