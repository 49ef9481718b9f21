"""Exceptions: one for each status of the library, with the library's message."""

import ctypes
from typing import Any, Optional

from . import _native as native


class Error(Exception):
    """The call failed."""

    status: int = -1
    """The C API's number for it (KEYVIZ_ERR_*); -1: the call did not get as far as the library."""

    counted: int = 0
    """Of observe_many() and observe_keys(): how many observations count all the same."""


class InvalidArgumentError(Error, ValueError):
    """An argument's value has no meaning."""

    status = native.ERR_INVALID_ARGUMENT


class InvalidRangeError(InvalidArgumentError):
    """A route's start is not below its end."""

    status = native.ERR_INVALID_RANGE


class UnknownRouteError(Error, LookupError):
    """The route is not registered."""

    status = native.ERR_UNKNOWN_ROUTE


class RouteExistsError(Error, ValueError):
    """The route id is in use, where a new one is needed."""

    status = native.ERR_ROUTE_EXISTS


class NotFoundError(Error, LookupError):
    """There is no such column, sub-bucket or name."""

    status = native.ERR_NOT_FOUND


class HistoryOffError(Error):
    """The sampler keeps no history."""

    status = native.ERR_HISTORY_OFF


class ClosedError(Error):
    """The sampler is closed."""

    status = native.ERR_CLOSED


class ForkedError(Error):
    """It belongs to the process that made it, and this is a child of that."""


class NoMemoryError(Error, MemoryError):
    """The system gave no memory, or it does not fit into the sampler's memory limit."""

    status = native.ERR_NO_MEMORY


class CorruptError(Error, ValueError):
    """The bytes are damaged: they are not what the library wrote."""

    status = native.ERR_CORRUPT


class NewerVersionError(Error, ValueError):
    """The bytes were written by a newer version of the library."""

    status = native.ERR_NEWER_VERSION


class FileError(Error, OSError):
    """A file could not be read or written."""

    status = native.ERR_IO


class UnsupportedError(Error):
    """This system lacks what the call needs."""

    status = native.ERR_UNSUPPORTED


class PanicError(Error, RuntimeError):
    """A defect of the library: it panicked, and the panic was stopped there."""

    status = native.ERR_PANIC


class MalformedError(Error, ValueError):
    """The input is not what it should be."""

    status = native.ERR_MALFORMED


class TooLargeError(Error, ValueError):
    """The input is larger than a limit allows."""

    status = native.ERR_TOO_LARGE


class HotKeysOffError(Error):
    """The sampler tracks no hot keys."""

    status = native.ERR_HOT_KEYS_OFF


class NoSnapshotError(Error, LookupError):
    """There is no snapshot of these hot keys: the route is unknown or in a virtual bucket, or nothing of it was sampled
    and published yet."""

    status = native.ERR_NO_SNAPSHOT


class OutOfSnapshotWindowError(Error, LookupError):
    """The snapshot is not of the time that was asked for."""

    status = native.ERR_OUT_OF_SNAPSHOT_WINDOW


def _all(base: type[Error]) -> dict[int, type[Error]]:
    found = {base.status: base}
    for derived in base.__subclasses__():
        found.update(_all(derived))
    return found


_BY_STATUS = _all(Error)


def error(status: int, message: Optional[str] = None) -> Error:
    """The exception for a status; without a message of the library's, with its own sentence."""
    kind = _BY_STATUS.get(status, Error)
    made = kind(message or " ".join((kind.__doc__ or "").split()))
    made.status = status
    return made


def call(function: Any, *arguments: Any) -> None:
    """Calls a function whose last argument is a keyviz_error_t, and raises what it says."""
    why = native.keyviz_error_t(ctypes.sizeof(native.keyviz_error_t))
    status = function(*arguments, ctypes.byref(why))
    if status:
        raise error(status, why.message.decode("utf-8", "replace"))


def call_plain(function: Any, *arguments: Any) -> None:
    """Calls a function that tells nothing but its status."""
    status = function(*arguments)
    if status:
        raise error(status)
