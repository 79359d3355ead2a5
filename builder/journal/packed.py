"""Token ids and log-probs as bytes, and back: little-endian int32 and float32, whatever machine this is."""

import sys
from array import array
from collections.abc import Sequence


def ints(values: Sequence[int]) -> bytes:
    """Token ids as bytes."""
    return _little(array("i", values))


def floats(values: Sequence[float]) -> bytes:
    """Log-probs as bytes."""
    return _little(array("f", values))


def unpacked_ints(data: bytes) -> list[int]:
    """The inverse of `ints`."""
    return _unpacked("i", data)


def unpacked_floats(data: bytes) -> list[float]:
    """The inverse of `floats`, in their precision."""
    return _unpacked("f", data)


def _little(values: array) -> bytes:
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def _unpacked(kind: str, data: bytes) -> list:
    values = array(kind)
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values.tolist()
