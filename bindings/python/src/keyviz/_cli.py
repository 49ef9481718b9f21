"""The command `keyviz`: replays of traces, reports on them, and merges of matrices."""

import argparse
import os
import pathlib
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn, Optional

import keyviz

from ._errors import Error, InvalidArgumentError
from ._matrix import Matrix, heatmap_page
from ._merge import merge
from ._replay import Replay, replay
from ._report import Table, hot_key_tables, node_table, show, split_table, totals_table, verdict_table, words
from ._serve import serve
from ._words import Label, Series

UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
MOST_VERDICTS = 20

FORMS: dict[str, Callable[[Matrix, str], None]] = {
    ".json": lambda matrix, path: matrix.to_json(path),
    ".csv": lambda matrix, path: matrix.to_csv(path),
    ".pb": lambda matrix, path: matrix.to_proto(path),
    ".png": lambda matrix, path: matrix.to_png(path),
}
"""What a matrix is written as, besides .html."""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Exit codes: 0; 1: something failed, or counts differ from the traces; 2: the command line is wrong; 130: Ctrl-C."""
    chosen = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = chosen.run
    try:
        return run(chosen)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Who read the output has enough. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Error, OSError, ImportError) as why:
        print(f"keyviz: {why}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="keyviz", description="Where a key-value store's traffic goes.")
    parser.add_argument("--version", action="version", version=f"keyviz {keyviz.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    command = commands.add_parser("replay", help="play traces, and write the matrix that they make")
    _trace_options(command)
    _output_option(command, "write the matrix there: .json (for merge), .pb, .csv, .png or .html; may be given again")
    command.add_argument("--series", choices=_SERIES, help="what the matrix counts (default: reads or writes, which are more)")
    command.add_argument("--node", default="", metavar="NAME", help="name of the node, which goes with the matrix")
    command.set_defaults(run=_replay)

    command = commands.add_parser("report", help="play traces, tell what stands out, and write the heatmap")
    _trace_options(command)
    command.add_argument("-o", "--output", default="heatmap.html", metavar="FILE", help="the page (default: %(default)s)")
    command.add_argument("--top", type=_whole(0, 1000), default=10, metavar="N", help="hot keys to list (default: %(default)s)")
    command.set_defaults(run=_report)

    command = commands.add_parser("serve", help="show the heatmap of traces or of matrices (.json) in the browser")
    _trace_options(command)
    command.add_argument("--port", type=_whole(0, 65535), default=0, help="on 127.0.0.1 (default: one that is free)")
    command.add_argument("--no-browser", action="store_true", help="only tell the address")
    command.set_defaults(run=_serve)

    command = commands.add_parser("merge", help="merge the matrices (.json) of a cluster's nodes")
    command.add_argument("matrices", nargs="+", metavar="MATRIX.json")
    _output_option(command, "write the merged matrix there: .json, .pb, .csv, .png or .html; may be given again")
    command.add_argument("--title", metavar="TEXT", help="title of the page")
    command.set_defaults(run=_merge)
    return parser


_SERIES = [series.name.lower() for series in Series]


def _trace_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("traces", nargs="+", metavar="TRACE", help=".csv, .csv.gz or .csv.zst: ts_ms,label,op,key,key_len,value_len")
    time_of = command.add_mutually_exclusive_group()
    columns = "scale each trace to so many columns (default: 240)"
    time_of.add_argument("--columns", type=_whole(1, 100_000), metavar="N", help=columns)
    time_of.add_argument("--step", type=_duration, metavar="T", help="keep the traces' time: a column each 10s, 5m, 1h ...")
    add("--align", action="store_true", help="with --step: let all traces begin when the earliest one does")
    labels = [label.wire for label in Label if label.wire]
    add("--label", choices=labels, help="label of all rows (default: what the traces say)")
    add("--key-buckets", type=_whole(1, 256), default=64, metavar="N", help="parts of the range of keys (default: %(default)s)")
    add("--sample-rate", type=_whole(1, 1024), default=1, metavar="N", help="sample one key in N for hot keys (default: all)")
    add("--title", metavar="TEXT", help="title of the page (default: names of the traces)")
    bar = command.add_mutually_exclusive_group()
    bar.add_argument("--progress", action="store_true", default=None, help="a progress bar (default: on a terminal)")
    bar.add_argument("--no-progress", dest="progress", action="store_false")


def _output_option(command: argparse.ArgumentParser, told: str) -> None:
    command.add_argument("-o", "--output", action="append", type=_output, default=[], metavar="FILE", help=told)


# ---- Arguments.


def _whole(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return int(text)

    return number


def _duration(text: str) -> int:
    """In ns."""
    found = re.fullmatch("([0-9]{1,9})(ms|s|m|h|d)", text)
    if found is None or int(found[1]) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration, as 500ms, 10s, 5m, 1h, 1d are")
    return int(found[1]) * UNITS_MS[found[2]] * 10**6


def _output(text: str) -> str:
    if pathlib.Path(text).suffix not in (*FORMS, ".html"):
        raise argparse.ArgumentTypeError(f"{text!r} ends in none of {', '.join(FORMS)}, .html")
    return text


# ---- Commands.


def _replay(chosen: argparse.Namespace) -> int:
    with _played(chosen) as played:
        show([totals_table(played)], sys.stdout)
        for path in chosen.output:
            if path.endswith(".html"):
                played.to_html(path, chosen.title)
            else:
                _write(played.matrix(chosen.series, node=chosen.node), path)
            print(f"written: {path}")
        return _checked(played)


def _report(chosen: argparse.Namespace) -> int:
    with _played(chosen) as played:
        show(_summary(played, chosen.top), sys.stdout)
        played.to_html(chosen.output, chosen.title)
        print(f"written: {chosen.output}")
        return _checked(played)


def _summary(played: Replay, top: int) -> Iterator[Table]:
    yield totals_table(played)
    counted = [name for name in ("reads", "writes") if any(getattr(each, name) for each in played.totals.values())]
    matrices = [played.matrix(series) for series in played.series if series.name.lower() in counted]
    for matrix in matrices:
        yield verdict_table(matrix, MOST_VERDICTS)
    for matrix in matrices:
        yield split_table(matrix)
    if top:
        yield from hot_key_tables(played, top)


def _serve(chosen: argparse.Namespace) -> int:
    documents = [path for path in chosen.traces if path.endswith(".json")]
    if documents and len(documents) < len(chosen.traces):
        raise InvalidArgumentError("give traces or matrices, not both")
    if documents:
        matrices = [_read(path) for path in documents]
        page = heatmap_page(matrices, chosen.title or ", ".join(map(os.path.basename, documents)))
    else:
        with _played(chosen) as played:
            page = played.page(chosen.title)

    def told(address: str) -> None:
        print(f"{address}  (Ctrl-C ends it)", flush=True)

    try:
        serve(page, chosen.port, not chosen.no_browser, told)
    except KeyboardInterrupt:
        pass
    return 0


def _merge(chosen: argparse.Namespace) -> int:
    matrices = [(path, _read(path)) for path in chosen.matrices]
    series = matrices[0][1].series
    for path, matrix in matrices:
        if matrix.series is not series:
            raise InvalidArgumentError(f"{path} counts {words(matrix.series)}, and {matrices[0][0]} {words(series)}")
    merged = merge([(matrix.node or pathlib.Path(path).stem, matrix) for path, matrix in matrices])
    rows, columns = merged.shape
    print(f"{len(matrices)} matrices of {words(series)} are {rows:,} rows x {columns:,} columns.\n")
    show([node_table(merged), verdict_table(merged, MOST_VERDICTS), split_table(merged)], sys.stdout)
    for path in chosen.output:
        if path.endswith(".html"):
            merged.to_html(path, title=chosen.title or ", ".join(map(os.path.basename, chosen.matrices)))
        else:
            _write(merged, path)
        print(f"written: {path}")
    return 0


# ---- What they share.


def _played(chosen: argparse.Namespace) -> Replay:
    if chosen.align and chosen.step is None:
        raise InvalidArgumentError("--align goes with --step: scaled traces begin at the same time anyway")
    begun = time.monotonic()
    played = replay(
        *chosen.traces,
        columns=chosen.columns,
        step=chosen.step,
        align=chosen.align,
        label=chosen.label,
        key_buckets=chosen.key_buckets,
        hot_keys_sample_rate=chosen.sample_rate,
        progress=chosen.progress,
    )
    took = time.monotonic() - begun
    traces = "1 trace" if len(played.traces) == 1 else f"{len(played.traces)} traces"
    print(f"keyviz: replayed {played.rows:,} rows of {traces} in {took:.1f} s", file=sys.stderr)
    return played


def _checked(played: Replay) -> int:
    wrong = played.differences()
    if wrong:
        print("keyviz: the columns differ from the traces:", *wrong, sep="\n  ", file=sys.stderr)
        return 1
    checked = sum(trace.truth is not None for trace in played.traces)
    print(f"check: the columns equal the traces, to the unit ({checked} of {len(played.traces)} by truth file)")
    return 0


def _read(path: str) -> Matrix:
    try:
        return Matrix.from_json(pathlib.Path(path).read_bytes())
    except Error as why:
        raise type(why)(f"{path}: {why}") from None


def _write(matrix: Matrix, path: str) -> None:
    FORMS[pathlib.Path(path).suffix](matrix, path)


def run() -> NoReturn:
    sys.exit(main())
