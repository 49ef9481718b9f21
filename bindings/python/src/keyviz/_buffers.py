"""Arrays that go into the library, as they lie in memory."""

import array
from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

import numpy as np
import numpy.typing as npt

from ._arguments import U8, U32, U64, number
from ._errors import InvalidArgumentError

Numbers = Any
"""An array of numbers (numpy's, array.array, memoryview, bytes, a Series of pandas or polars ...), a list or tuple of ints,
or one int that stands for as many as there are."""

BLOCK = 1 << 16
"""So many at a time, where one number stands for all: the block of it stays in the cache."""


class Argument(NamedTuple):
    name: str
    values: "npt.NDArray[Any]"
    repeated: bool
    """`values` is a block of one number."""

    def at(self, i: int) -> int:
        """The address of the i-th."""
        address: int = self.values.ctypes.data
        return address if self.repeated else address + i * self.values.itemsize


def argument(name: str, kind: "npt.DTypeLike", value: Numbers) -> Argument:
    dtype = np.dtype(kind)
    largest = {1: U8, 4: U32, 8: U64}[dtype.itemsize]
    if _is_int(value):
        return Argument(name, np.full(BLOCK, number(name, value, largest), dtype), True)
    return Argument(name, _array(name, dtype, value), False)


def _is_int(value: Any) -> bool:
    return isinstance(value, (int, np.integer))


def _array(name: str, dtype: "np.dtype[Any]", value: Any) -> "npt.NDArray[Any]":
    if isinstance(value, (list, tuple, range)):
        return _of_list(name, dtype, value)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, (bytes, bytearray)):
        value = np.frombuffer(value, np.uint8)
    try:
        found: Any = np.asarray(value)
    except (TypeError, ValueError, BufferError) as why:
        raise TypeError(f"{name} must be an array of {dtype}: {why}") from None
    if found.dtype == np.bool_ and dtype == np.uint8:
        found = found.view(np.uint8)
    if found.dtype != dtype:
        raise TypeError(f"{name} must be an array of {dtype}, not of {_describe(found, value)}")
    if found.ndim != 1:
        raise InvalidArgumentError(f"{name} must have 1 dimension, and has {found.ndim}")
    if not found.flags.c_contiguous or not found.flags.aligned:
        raise InvalidArgumentError(f"{name} must be contiguous and aligned; numpy.ascontiguousarray makes a copy that is")
    checked: npt.NDArray[Any] = found
    return checked


def _of_list(name: str, dtype: "np.dtype[Any]", value: Sequence[Any]) -> "npt.NDArray[Any]":
    try:
        return np.frombuffer(array.array(dtype.char, value), dtype) if len(value) else np.empty(0, dtype)
    except OverflowError:
        raise InvalidArgumentError(f"{name} holds a number that is no {dtype}") from None
    except TypeError:
        raise TypeError(f"{name} must hold ints") from None


def _describe(found: Any, value: Any) -> str:
    if found.dtype == object:
        return f"objects ({type(value).__name__})"
    return f"{found.dtype.name}{'' if found.dtype.isnative else ' in foreign byte order'}"


def common_length(arguments: Sequence[Argument], other: Optional[int] = None) -> int:
    lengths = {argument.name: len(argument.values) for argument in arguments if not argument.repeated}
    if other is not None:
        lengths["keys"] = other
    if not lengths:
        raise InvalidArgumentError("one of the arguments must be an array")
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise InvalidArgumentError(f"the arrays must be of one length: {told}")
    return next(iter(lengths.values()))


def runs(arguments: Sequence[Argument], count: int) -> list[range]:
    """The parts in which to hand the arrays over: all at once, unless one number stands for all."""
    step = BLOCK if any(argument.repeated for argument in arguments) else max(count, 1)
    return [range(i, min(i + step, count)) for i in range(0, count, step)]
