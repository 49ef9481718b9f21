"""A progress bar on standard error."""

import sys
from types import TracebackType
from typing import Any, Optional

from ._optional import module


class Progress:
    """wanted: True, False, or None: if standard error is a terminal, and there is tqdm. Call it with what was done since."""

    def __init__(self, wanted: Optional[bool], total: int, what: str) -> None:
        self._bar: Any = None
        if wanted is False or (wanted is None and not sys.stderr.isatty()):
            return
        try:
            tqdm = module("tqdm.auto" if wanted else "tqdm", "a progress bar", "traces").tqdm
        except ImportError:
            if wanted:
                raise
            return
        self._bar = tqdm(total=total, desc=what, unit="B", unit_scale=True, leave=False)

    def __call__(self, done: int) -> None:
        if self._bar is not None:
            self._bar.update(done)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: Optional[type[BaseException]], why: Optional[BaseException], where: Optional[TracebackType]) -> None:
        if self._bar is not None:
            self._bar.close()
