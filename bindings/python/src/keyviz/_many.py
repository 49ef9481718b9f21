"""Many observations in one call."""

import ctypes
from typing import Any, NamedTuple

import numpy as np

from . import _native as native
from ._arguments import one_of
from ._buffers import BLOCK, Argument, Numbers, argument, common_length, runs
from ._errors import error
from ._keys import key_chunks
from ._library import lib
from ._words import Op, label_number

# A view of the struct's memory, field by field; Any, since numpy's types know nothing of fields.
OBSERVATION: Any = np.dtype(native.keyviz_observation_t)


class Outcome(NamedTuple):
    status: int
    """Of the first observation that did not count; or 0."""
    counted: int
    given: int

    def result(self, strict: bool) -> int:
        """How many counted; raises what was wrong with the first that did not."""
        left_out = (native.OK, native.ERR_UNKNOWN_ROUTE, native.ERR_INVALID_ARGUMENT)
        if self.status not in left_out:
            raise error(self.status)
        if self.status and strict:
            what = "its route is not registered"
            if self.status == native.ERR_INVALID_ARGUMENT:
                what = "there is no such op or label"
            why = error(self.status, f"{self.given - self.counted} of {self.given} were left out, the first since {what}")
            why.counted = self.counted
            raise why
        return self.counted


def observe_columns(
    at: Any, route_ids: Numbers, ops: Numbers, key_lens: Numbers, value_lens: Numbers, labels: Numbers
) -> Outcome:
    arguments = [
        argument("route_ids", np.uint64, route_ids),
        argument("ops", np.uint8, _op(ops)),
        argument("key_lens", np.uint32, key_lens),
        argument("value_lens", np.uint64, value_lens),
        argument("labels", np.uint8, _label(labels)),
    ]
    count = common_length(arguments)
    total, first, counted = 0, 0, ctypes.c_size_t()
    for run in runs(arguments, count):
        addresses = [one.at(run.start) for one in arguments]
        status = lib.keyviz_observe_columns(at, len(run), *addresses, ctypes.byref(counted))
        first = first or status
        total += counted.value
    return Outcome(first, total, count)


def observe_keys(at: Any, route_ids: Numbers, ops: Numbers, keys: Any, value_lens: Numbers, labels: Numbers) -> Outcome:
    arguments = [
        argument("route_ids", np.uint64, route_ids),
        argument("ops", np.uint8, _op(ops)),
        argument("value_lens", np.uint64, value_lens),
        argument("labels", np.uint8, _label(labels)),
    ]
    chunks = key_chunks(keys)
    count = common_length(arguments, sum(len(lengths) for _, lengths, _ in chunks))
    table: Any = np.zeros(min(count, BLOCK), OBSERVATION)
    total, first, done = 0, 0, 0
    for addresses, lengths, _ in chunks:
        for i in range(0, len(lengths), BLOCK):
            part = table[: min(BLOCK, len(lengths) - i)]
            part["key"], part["key_len"] = addresses[i : i + len(part)], lengths[i : i + len(part)]
            _fill(part, arguments, done)
            outcome = observe_table(at, part)
            first = first or outcome.status
            total += outcome.counted
            done += len(part)
    return Outcome(first, total, count)


def observe_table(at: Any, table: Any) -> Outcome:
    """An array of OBSERVATION, contiguous. Who gives it keeps the keys that it points at."""
    pointer = ctypes.cast(table.ctypes.data, ctypes.POINTER(native.keyviz_observation_t))
    counted = ctypes.c_size_t()
    status = lib.keyviz_observe_batch(at, pointer, len(table), ctypes.byref(counted))
    return Outcome(status, counted.value, len(table))


def _fill(part: Any, arguments: list[Argument], done: int) -> None:
    for field, one in zip(("route_id", "op", "value_len", "label"), arguments):
        part[field] = one.values[0] if one.repeated else one.values[done : done + len(part)]


def _op(ops: Numbers) -> Numbers:
    return one_of("ops", ops, Op) if isinstance(ops, str) else ops


def _label(labels: Numbers) -> Numbers:
    return label_number(labels, "labels") if isinstance(labels, str) else labels
