"""Packages that some calls need, and the rest does without."""

import importlib
from typing import Any


def module(name: str, what: str, extra: str = "") -> Any:
    """extra: the name under which the package's own metadata lists it, for `pip install`."""
    try:
        return importlib.import_module(name)
    except ImportError as why:
        hint = f" (pip install 'keyviz[{extra}]')" if extra else ""
        raise ImportError(f"{what} needs the package {name.partition('.')[0]}{hint}: {why}") from why
