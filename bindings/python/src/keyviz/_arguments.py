"""What goes into the library: checked here, since ctypes cuts a number that is too large, and says nothing."""

import ctypes
import datetime
import operator
from typing import Any, Optional, SupportsIndex, TypeVar, Union

from ._errors import InvalidArgumentError

Bytes = Union[bytes, bytearray, memoryview]
"""Keys are any bytes; a str has to be encoded."""

Time = Union[datetime.datetime, SupportsIndex]
"""A point in time: an aware datetime, or Unix nanoseconds."""

Duration = Union[datetime.timedelta, SupportsIndex]
"""A timedelta, or nanoseconds."""

T = TypeVar("T")

U8, U32, U64 = 2**8 - 1, 2**32 - 1, 2**64 - 1
I64 = 2**63 - 1

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def number(name: str, value: SupportsIndex, largest: int, least: int = 0) -> int:
    try:
        checked = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an int, not {type(value).__name__}") from None
    if not least <= checked <= largest:
        raise InvalidArgumentError(f"{name} must be from {least} to {largest}, not {checked}")
    return checked


def key_bytes(name: str, value: Bytes) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):  # pyright: ignore[reportUnnecessaryIsInstance]
        return bytes(value)
    raise TypeError(f"{name} must be bytes, not {type(value).__name__}")


def address(data: bytes) -> Any:
    """Where bytes lie, for a field of a struct; the caller keeps them."""
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p)


def instance(name: str, value: Any, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, not {type(value).__name__}")
    return value


def text(name: str, value: str) -> bytes:
    try:
        return instance(name, value, str).encode("utf-8")
    except UnicodeEncodeError as why:
        raise InvalidArgumentError(f"{name} is not Unicode text: {why}") from None


def unix_ns(name: str, value: Time) -> int:
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None or value.utcoffset() is None:
            raise InvalidArgumentError(f"{name} has no time zone: {value!r} could be any of a day's times")
        # pandas.Timestamp is a datetime that knows of nanoseconds.
        fine: int = getattr(value, "nanosecond", 0)
        return number(name, _ns(value - _EPOCH) + fine, I64, -I64 - 1)
    if not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be a datetime or an int of ns, not {type(value).__name__}")
    return number(name, value, I64, -I64 - 1)


def bound_ns(name: str, value: Optional[Time]) -> int:
    """A bound of a range of time: None is none, as 0 is for the library."""
    return 0 if value is None else unix_ns(name, value)


def duration_ns(name: str, value: Duration) -> int:
    if isinstance(value, datetime.timedelta):
        return number(name, _ns(value), I64)
    return number(name, value, I64)


def _ns(delta: datetime.timedelta) -> int:
    return (delta.days * 86400 + delta.seconds) * 10**9 + delta.microseconds * 1000


def to_datetime(unix_ns: int) -> datetime.datetime:
    """In UTC, cut to microseconds, which is what a datetime has."""
    return _EPOCH + datetime.timedelta(microseconds=unix_ns // 1000)


def one_of(name: str, value: Any, choices: Any) -> int:
    """A member of an enum, its number, or its name in lower case."""
    if isinstance(value, str):
        for choice in choices:
            if choice.name.lower() == value:
                return int(choice)
    else:
        try:
            return int(choices(operator.index(value)))
        except TypeError:
            raise TypeError(f"{name} must be a {choices.__name__}, an int or a str, not {type(value).__name__}") from None
        except ValueError:
            pass
    names = ", ".join(f"{choice.name.lower()} ({int(choice)})" for choice in choices)
    raise InvalidArgumentError(f"{name} is {value!r}, and must be one of: {names}")
