"""What the module counted, read back through its own commands."""

import json

SERIES = ("reads", "writes", "read_bytes", "write_bytes")


def totals(server):
    """The sums of all columns so far, by series."""
    found = {}
    for series in SERIES:
        matrix = json.loads(server.run("KEYVIZ.MATRIX", "SERIES", series, "FORMAT", "json"))
        found[series] = sum(sum(row["values"]) for row in matrix["rows"])
    return found


class Step:
    """A step around some commands. A server for it keeps one column, and has hot keys on and samples each one, so that the
    keys are exact."""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        self.server.run("KEYVIZ.FLUSH")
        return self

    def __exit__(self, failure, *_):
        if failure:
            return
        self.server.run("KEYVIZ.FLUSH")
        self.added = totals(self.server)
        self.keys = {series: self.hot(series) if self.added[series] else {} for series in ("reads", "writes")}

    def hot(self, series):
        found = {}
        for entry in self.server.run("KEYVIZ.HOTKEYS", "SERIES", series, "TOP", 1024):
            key = dict(zip(entry[::2], entry[1::2]))
            assert key[b"count_low"] == key[b"count"] == key[b"count_high"]
            found[key[b"key"]] = key[b"count"]
        return found
