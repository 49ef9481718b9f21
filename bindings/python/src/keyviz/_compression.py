"""Compressed files, piece by piece."""

import importlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ._optional import module

# What a decoder has to have: decompress(), eof, unused_data.
Decoder = Any


def plain(pieces: Iterable[bytes]) -> Iterator[bytes]:
    return iter(pieces)


def gunzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    return _decoded(pieces, lambda: zlib.decompressobj(zlib.MAX_WBITS | 16), zlib.error)


def unzstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    return _decoded(pieces, *_zstd())


def _decoded(pieces: Iterable[bytes], make: Callable[[], Decoder], failure: Any) -> Iterator[bytes]:
    """A file may be several compressed streams, one after the other. Raises ValueError where one is damaged or cut off."""
    decoder: Decoder = None
    for piece in pieces:
        while piece:
            decoder = decoder or make()
            try:
                yield decoder.decompress(piece)
            except failure as why:
                raise ValueError(f"the compressed data is damaged: {why}") from None
            piece = b""
            if decoder.eof:
                piece, decoder = decoder.unused_data, None
    if decoder is not None:
        raise ValueError("the compressed data is cut off")


def _zstd() -> tuple[Callable[[], Decoder], Any]:
    # Python's own, from 3.14 on, and the same for older ones.
    for name in ("compression.zstd", "backports.zstd"):
        try:
            found: Any = importlib.import_module(name)
        except ImportError:
            continue
        return found.ZstdDecompressor, found.ZstdError
    zstandard = module("zstandard", "a trace in .csv.zst", "traces")
    return lambda: zstandard.ZstdDecompressor().decompressobj(), zstandard.ZstdError
