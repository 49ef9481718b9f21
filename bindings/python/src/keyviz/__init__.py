"""Where a key-value store's traffic goes: time x key range x label.

    import keyviz

    with keyviz.Sampler(labels_enabled=True) as sampler:
        sampler.register_route(1)
        sampler.observe(1, b"user/42", keyviz.Op.WRITE, 512, keyviz.Label.REDIS)
        sampler.flush()
        sampler.matrix("writes").to_html("heatmap.html")

Times are aware datetimes or Unix nanoseconds, sizes are bytes, keys are bytes. Errors are subclasses of keyviz.Error.
"""

from ._columns import Column, Columns, Row
from ._errors import (
    ClosedError,
    CorruptError,
    Error,
    FileError,
    ForkedError,
    HistoryOffError,
    HotKeysOffError,
    InvalidArgumentError,
    InvalidRangeError,
    MalformedError,
    NewerVersionError,
    NoMemoryError,
    NoSnapshotError,
    NotFoundError,
    OutOfSnapshotWindowError,
    PanicError,
    RouteExistsError,
    TooLargeError,
    UnknownRouteError,
    UnsupportedError,
)
from ._hot_keys import HotKey, HotKeys, merge_hot_keys
from ._library import PATH as library_path
from ._library import lib as _lib
from ._matrix import Matrix, MatrixRow, Node, Split, Verdict, heatmap_page, live_page, live_page_policy
from ._merge import Merge, merge
from ._replay import Replay, Trace, replay
from ._routes import Route
from ._sampler import Sampler
from ._trace import TraceError
from ._truth import Totals, Truth
from ._watch import Event, Stats
from ._words import Budget, HotKeysSeries, Kind, Label, Op, Placement, Scale, Series

__version__: str = _lib.keyviz_version().decode()

__all__ = [
    "Budget",
    "ClosedError",
    "Column",
    "Columns",
    "CorruptError",
    "Error",
    "Event",
    "FileError",
    "ForkedError",
    "HistoryOffError",
    "HotKey",
    "HotKeys",
    "HotKeysOffError",
    "HotKeysSeries",
    "InvalidArgumentError",
    "InvalidRangeError",
    "Kind",
    "Label",
    "MalformedError",
    "Matrix",
    "MatrixRow",
    "Merge",
    "NewerVersionError",
    "NoMemoryError",
    "NoSnapshotError",
    "Node",
    "NotFoundError",
    "Op",
    "OutOfSnapshotWindowError",
    "PanicError",
    "Placement",
    "Replay",
    "Route",
    "RouteExistsError",
    "Row",
    "Sampler",
    "Scale",
    "Series",
    "Split",
    "Stats",
    "TooLargeError",
    "Totals",
    "Trace",
    "TraceError",
    "Truth",
    "UnknownRouteError",
    "UnsupportedError",
    "Verdict",
    "heatmap_page",
    "library_path",
    "live_page",
    "live_page_policy",
    "merge",
    "merge_hot_keys",
    "replay",
]
