"""The heatmap with matplotlib."""

from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from ._optional import module
from ._words import Scale

if TYPE_CHECKING:
    from ._matrix import Matrix

# The colours of the page (src/matrix/palette.rs).
COLOURS = {
    "": "#999999",
    "dynamo": "#56b4e9",
    "redis": "#d55e00",
    "s3": "#009e73",
    "sqs": "#e69f00",
    "rawkv": "#cc79a7",
}
OTHER = "#0072b2"
NO_TRAFFIC = "#120d1a"
TICKS = 16
LONGEST = 28


def plot(matrix: "Matrix", ax: Any, scale: Scale, cmap: Optional[Any], title: Optional[str]) -> Any:
    plt = module("matplotlib.pyplot", "plot()", "plot")
    colors, dates = module("matplotlib.colors", "plot()"), module("matplotlib.dates", "plot()")
    if ax is None:
        _, ax = plt.subplots(figsize=(11, 6), layout="constrained")
    rows, columns = matrix.shape
    series = matrix.series.name.lower().replace("_", " ")
    ax.set_title(f"{series}, {rows} rows x {columns} columns" if title is None else title, loc="left")
    ax.set_xlabel("time (UTC)")
    if rows == 0 or columns == 0:
        ax.text(0.5, 0.5, "nothing was counted", ha="center", va="center", transform=ax.transAxes)
        ax.set_xticks([])
        ax.set_yticks([])
        return ax
    counts = matrix.values.astype(float)
    values: Any = np.ma.masked_equal(counts, 0)
    largest = max(float(counts.max()), 1.0)
    colours = plt.get_cmap("viridis" if cmap is None else cmap).with_extremes(bad=NO_TRAFFIC)
    norm: Any = colors.Normalize(0, largest)
    if scale is Scale.LOG:
        # As the library's own pictures: ln(1 + value).
        norm = colors.FuncNorm((np.log1p, np.expm1), vmin=0, vmax=largest)
    mesh = ax.pcolormesh(_edges(matrix), np.arange(rows + 1), values, norm=norm, cmap=colours, shading="flat", rasterized=True)
    ax.set_ylim(rows, 0)
    locator = dates.AutoDateLocator()
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    _key_ticks(matrix, ax)
    _label_band(matrix, ax, plt)
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.01)
    bar.set_label(f"{series} per column")
    if scale is Scale.LOG:
        ticks = [0.0] + [float(10**power) for power in range(int(np.log10(largest)) + 1)]
        bar.set_ticks(ticks, labels=[f"{tick:,.0f}" for tick in ticks])
        bar.ax.minorticks_off()
    return ax


def _edges(matrix: "Matrix") -> Any:
    """A column holds what came before its time, back to the column before; so its time is its right edge."""
    times: Any = matrix.columns
    steps = np.diff(times)
    first: Any = np.median(steps.astype(np.int64)).astype("m8[ms]") if len(steps) else np.timedelta64(60_000, "ms")
    return np.concatenate([[times[0] - first], times])


def readable(key: bytes) -> str:
    """A key for the eye: printable ASCII as it is, other bytes and backslashes as escapes; cut where it is too long."""
    shown = ""
    for byte in key:
        next_one = chr(byte) if 0x21 <= byte <= 0x7E and byte != ord("\\") else f"\\x{byte:02x}"
        if len(shown) + len(next_one) > LONGEST:
            return shown + "…"
        shown += next_one
    return shown


def _key_ticks(matrix: "Matrix", ax: Any) -> None:
    """The first key of some rows; rows that begin at one key (a route's labels) share a tick."""
    starts = [i for i, row in enumerate(matrix.rows) if i == 0 or row.start != matrix.rows[i - 1].start]
    step = -(-len(starts) // TICKS)
    shown = starts[::step]
    ax.set_yticks(shown, labels=[readable(matrix.rows[i].start) or "(least key)" for i in shown], fontsize="small")
    # Escaped text of users' keys is never taken for markup.
    for tick in ax.get_yticklabels():
        tick.set_parse_math(False)
    ax.set_ylabel("first key of the range")


def _label_band(matrix: "Matrix", ax: Any, plt: Any) -> None:
    """At the right, where it hides no value and no tick."""
    labels = [row.label for row in matrix.rows]
    if not any(labels):
        return
    begin = 0
    for i in range(1, len(labels) + 1):
        if i == len(labels) or labels[i] != labels[begin]:
            ax.add_patch(
                plt.Rectangle(
                    (1.002, begin),
                    *(0.012, i - begin),
                    transform=ax.get_yaxis_transform(),
                    color=COLOURS.get(labels[begin], OTHER),
                    clip_on=False,
                    linewidth=0,
                )
            )
            begin = i
    present: list[str] = sorted(set(labels))
    handles = [plt.Rectangle((0, 0), 1, 1, color=COLOURS.get(label, OTHER)) for label in present]
    ax.legend(
        handles,
        [label or "(legacy)" for label in present],
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=len(present),
        frameon=False,
        fontsize="small",
    )
