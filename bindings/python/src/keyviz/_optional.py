"""Packages that some calls need, and the rest does without."""

import importlib
from typing import Any


def module(name: str, what: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as why:
        raise ImportError(f"{what} needs the package {name.partition('.')[0]}: {why}") from why
