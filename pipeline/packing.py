"""Values with arrays in them, packed: how judging keeps columns of thousands of communities in one value of Redis."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

T = TypeVar("T")


def _packed(array: object) -> tuple[str, tuple[int, ...], bytes]:
    if not isinstance(array, np.ndarray):
        message = f"no {type(array).__name__} can be packed"
        raise NotImplementedError(message)
    return _narrow(array).dtype.str, array.shape, _narrow(array).tobytes()


def _narrow(array: np.ndarray[Any, np.dtype[Any]]) -> np.ndarray[Any, np.dtype[Any]]:
    """Whole numbers in as few bytes as all of them need."""
    if array.dtype.kind not in "iu" or not array.size:
        return array
    return array.astype(np.result_type(*(np.min_scalar_type(limit) for limit in (array.min(), array.max()))))


def _unpacked(wanted: type, packed: tuple[str, list[int], bytes]) -> object:  # noqa: ARG001 - msgspec's form
    dtype, shape, raw = packed
    array = np.frombuffer(raw, dtype=dtype).reshape(shape)
    return array.astype(np.int64) if array.dtype.kind in "iu" else array


pack = msgspec.msgpack.Encoder(enc_hook=_packed).encode
"""A struct, some of whose fields are arrays -> bytes."""


class Unpacker(Generic[T]):
    """Reads what `pack` wrote of one type; whole numbers come back with 64 bits."""

    def __init__(self, wanted: type[T]) -> None:
        self._decoder = msgspec.msgpack.Decoder(wanted, dec_hook=_unpacked)

    def __call__(self, packed: bytes) -> T:
        """Unpack."""
        return self._decoder.decode(packed)
