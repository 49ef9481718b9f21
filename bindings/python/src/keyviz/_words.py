"""The vocabulary: operations, labels, series, and what the library says of traffic. All are ints."""

import enum
from typing import Union

from . import _native as native
from ._arguments import one_of


class Op(enum.IntEnum):
    """What a request did with its key."""

    READ = native.OP_READ
    WRITE = native.OP_WRITE


class Label(enum.IntEnum):
    """The adapter family that sent a request."""

    LEGACY = native.LABEL_LEGACY
    DYNAMO = native.LABEL_DYNAMO
    REDIS = native.LABEL_REDIS
    S3 = native.LABEL_S3
    SQS = native.LABEL_SQS
    RAWKV = native.LABEL_RAWKV

    @property
    def wire(self) -> str:
        """Its name in row ids and files; "" for LEGACY."""
        return "" if self is Label.LEGACY else self.name.lower()


class Series(enum.IntEnum):
    """Which of the four counters of a cell."""

    READS = native.SERIES_READS
    WRITES = native.SERIES_WRITES
    READ_BYTES = native.SERIES_READ_BYTES
    WRITE_BYTES = native.SERIES_WRITE_BYTES


class Placement(enum.IntEnum):
    """Where a route counts: by itself, or in a virtual bucket."""

    INDIVIDUAL = native.PLACEMENT_INDIVIDUAL
    COARSENED = native.PLACEMENT_COARSENED


class Budget(enum.IntEnum):
    """What becomes of the rows over a row budget: the top rows stay, or cold neighbours are merged."""

    TOP = native.BUDGET_TOP
    MERGE = native.BUDGET_MERGE


class Scale(enum.IntEnum):
    """How values become brightness."""

    LOG = native.SCALE_LOG
    LINEAR = native.SCALE_LINEAR


class HotKeysSeries(enum.IntEnum):
    """Whose keys are sampled."""

    WRITES = native.HOT_KEYS_WRITES
    READS = native.HOT_KEYS_READS
    BOTH = native.HOT_KEYS_BOTH


class Kind(enum.IntEnum):
    """What is said of a row's traffic."""

    IDLE = native.VERDICT_IDLE
    STEADY = native.VERDICT_STEADY
    BURST = native.VERDICT_BURST
    PERIODIC = native.VERDICT_PERIODIC
    MOVING_EDGE = native.VERDICT_MOVING_EDGE
    ONE_CELL = native.VERDICT_ONE_CELL
    EVEN = native.VERDICT_EVEN
    IRREGULAR = native.VERDICT_IRREGULAR


OpLike = Union[Op, int, str]
LabelLike = Union[Label, int, str]
SeriesLike = Union[Series, int, str]
BudgetLike = Union[Budget, int, str]
ScaleLike = Union[Scale, int, str]
HotKeysSeriesLike = Union[HotKeysSeries, int, str]


def label_number(label: LabelLike, name: str = "label") -> int:
    """A label's number, of a Label, a number or a name ("" is LEGACY's)."""
    return Label.LEGACY if label == "" else one_of(name, label, Label)
