"""Ownership of what the library gives."""

import ctypes
import os
from typing import Any, Callable


class Handle:
    """Frees what the library gave when nobody refers to it any more, and never sooner.

    So nothing can be freed under a call: whoever is in one, in whatever thread, refers to the object whose handle this is.
    No lock is needed, with or without a GIL. `frees_in_child` says whether a forked child may free its copy: not of what has
    locks inside, which a thread that the child has not may hold.
    """

    __slots__ = ("at", "_free", "_pid")

    def __init__(self, free: Callable[[ctypes.c_void_p], Any], frees_in_child: bool = True) -> None:
        self.at = ctypes.c_void_p()
        self._free = free
        self._pid = 0 if frees_in_child else os.getpid()

    def __del__(self, getpid: Callable[[], int] = os.getpid) -> None:
        if self.at and self._pid in (0, getpid()):
            self._free(self.at)

    def __reduce__(self) -> Any:
        raise TypeError("a handle of the library belongs to this process, and can't be copied or pickled")
