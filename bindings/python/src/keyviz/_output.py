"""What the library writes into a buffer of the caller's."""

import ctypes
from typing import Any

from . import _native as native
from ._errors import call, error


def written(function: Any, *arguments: Any) -> bytes:
    """All that a function has to write. Its last arguments are buffer, capacity, size and error. What doesn't fit is asked
    for again, and may have grown meanwhile."""
    size = ctypes.c_size_t()
    why = native.keyviz_error_t(ctypes.sizeof(native.keyviz_error_t))
    buffer = ctypes.create_string_buffer(0)
    while True:
        status = function(*arguments, buffer, len(buffer), ctypes.byref(size), ctypes.byref(why))
        if status == 0:
            return ctypes.string_at(buffer, size.value)
        if status != native.ERR_BUFFER_TOO_SMALL:
            raise error(status, why.message.decode("utf-8", "replace"))
        buffer = ctypes.create_string_buffer(size.value)


def described(kind: Any, function: Any, *arguments: Any) -> Any:
    """A struct that a function fills, which comes before its error."""
    made = kind(ctypes.sizeof(kind))
    call(function, *arguments, ctypes.byref(made))
    return made


def bytes_at(address: Any, length: int) -> bytes:
    return ctypes.string_at(address, length) if length else b""


def text_at(address: Any, length: int) -> str:
    """What the library gives as UTF-8."""
    return bytes_at(address, length).decode("utf-8", "replace")
