"""The matrices of a cluster's nodes as one."""

import ctypes
from collections.abc import Iterable
from typing import Optional, SupportsIndex, Union

from . import _native as native
from ._arguments import U32, U64, Duration, duration_ns, instance, number, one_of, text
from ._errors import call
from ._handle import Handle
from ._library import lib
from ._matrix import Matrix
from ._words import Budget, BudgetLike, Series, SeriesLike


class Merge:
    """Merges matrices one by one, in the memory of about one of them. Any thread may call it; calls take turns.

    Reads of a cell are added up. Writes are what leaders counted: of the same Raft group and term the largest value counts,
    and if sources differ, the cell is a conflict; different terms are added up.
    """

    def __init__(
        self,
        series: SeriesLike = Series.WRITES,
        rows: SupportsIndex = 1024,
        mode: BudgetLike = Budget.TOP,
        tolerance: Optional[Duration] = None,
        nodes_expected: SupportsIndex = 0,
    ) -> None:
        """tolerance: columns of different sources that are at most so far apart are one; default: half of the step.
        nodes_expected: how many nodes are to answer; 0: as many as are added."""
        options = native.keyviz_merge_options_t(ctypes.sizeof(native.keyviz_merge_options_t))
        half_a_step = native.TOLERANCE_DEFAULT
        options.column_tolerance_ns = half_a_step if tolerance is None else duration_ns("tolerance", tolerance)
        options.nodes_expected = number("nodes_expected", nodes_expected, U64)
        options.series, options.budget_mode = one_of("series", series, Series), one_of("mode", mode, Budget)
        options.row_budget = number("rows", rows, U32)
        # Its lock may be held by a thread that a forked child has not.
        self._handle = Handle(lib.keyviz_merge_free, frees_in_child=False)
        call(lib.keyviz_merge_new, ctypes.byref(options), ctypes.byref(self._handle.at))

    def add(self, matrix: Matrix, node: str = "") -> bool:
        """Adds a node's matrix; this node's own first, since what describes a row is from the first source that has it.
        False: the node was added before, and does not count again."""
        at = instance("matrix", matrix, Matrix)._handle.at  # pyright: ignore[reportPrivateUsage]
        name, counted = text("node", node), ctypes.c_uint32()
        call(lib.keyviz_merge_add, self._handle.at, at, name, len(name), ctypes.byref(counted))
        return bool(counted.value)

    def add_failure(self, node: str, reason: Union[str, BaseException]) -> None:
        """Adds a node that gave no matrix, and why."""
        name, why = text("node", node), text("reason", str(reason) if isinstance(reason, BaseException) else reason)
        call(lib.keyviz_merge_add_failure, self._handle.at, name, len(name), why, len(why))

    def finish(self) -> Matrix:
        """Gives the merged matrix, and ends the merge."""
        handle = Handle(lib.keyviz_matrix_free)
        call(lib.keyviz_merge_finish, self._handle.at, ctypes.byref(handle.at))
        return Matrix._of(handle)  # pyright: ignore[reportPrivateUsage]

    def __reduce__(self) -> str:
        raise TypeError("a merge can't be copied or pickled")


Source = Union[Matrix, tuple[str, Union[Matrix, str, BaseException]]]


def merge(
    sources: Iterable[Source],
    *,
    series: Optional[SeriesLike] = None,
    rows: SupportsIndex = 1024,
    mode: BudgetLike = Budget.TOP,
    tolerance: Optional[Duration] = None,
    nodes_expected: SupportsIndex = 0,
) -> Matrix:
    """Merges matrices of one series; see Merge. A source is a Matrix, or a pair: a node's name, and its Matrix or why it
    gave none (a str or an exception). series: default: that of the first matrix."""
    pairs: list[tuple[str, Union[Matrix, str, BaseException]]] = []
    for source in sources:
        if isinstance(source, Matrix):
            pairs.append(("", source))
        else:
            instance("a source that is no Matrix", source, tuple)
            node, given = source
            pairs.append((node, given))
    if series is None:
        series = next((matrix.series for _, matrix in pairs if isinstance(matrix, Matrix)), Series.WRITES)
    merging = Merge(series, rows, mode, tolerance, nodes_expected)
    for node, given in pairs:
        if isinstance(given, Matrix):
            merging.add(given, node)
        else:
            merging.add_failure(node, given)
    return merging.finish()
