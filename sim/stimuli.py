"""Stimuli of a user's kernel: the arrays that were given, seeded random values where none were.

Everything becomes little-endian bytes, which is what C-sim, memories and streams hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.errors import InputError
from sim.native import Signature, Stimulus

__all__ = ["from_bytes", "stimulus", "to_bytes"]

Bytes = npt.NDArray[np.uint8]

LARGEST_SCALAR = 16
"""Random scalars lie between 0 and this, because they tend to be trip counts."""

BEATS = 4096
"""Random beats that are offered to a stream; what C-sim reads of them goes to the RTL."""

_CORNERS_ONE_IN = 4


def to_bytes(values: Any, signature: Signature, name: str, width: int) -> Bytes:
    """Integers as bytes [elements, width].

    Args:
        values: integers of any dtype (object for those above 64 bits), or bytes [elements, width].
        signature: which values an element can hold.
        name: for messages.
        width: bytes of an element.

    Raises:
        InputError: a value does not fit.
    """
    array = np.asarray(values)
    raw = array.dtype == np.uint8 and array.ndim == 2 and array.shape[1] == width
    if raw and (width > 8 or not signature.integer):
        return np.ascontiguousarray(array)
    if not signature.integer:
        raise InputError(
            f"{name}: has structs of {width} bytes; give an array of uint8 [elements, {width}]"
        )
    if array.dtype.kind not in "iubO":
        raise InputError(f"{name}: has dtype {array.dtype}; give integers")
    flat = [int(value) for value in array.reshape(-1)]
    low = -(1 << (signature.bits - 1)) if signature.signed else 0
    high = low + (1 << signature.bits) - 1
    for value in flat:
        if not low <= value <= high:
            raise InputError(
                f"{name}: {value} is outside {low}..{high}, the values of {signature.bits} bits"
            )
    mask = (1 << (8 * width)) - 1
    text = b"".join((value & mask).to_bytes(width, "little") for value in flat)
    return np.frombuffer(text, np.uint8).reshape(len(flat), width).copy()


def from_bytes(row: Bytes, signature: Signature) -> int | str:
    """An element of `to_bytes` as a number again; a struct as hexadecimal digits."""
    if not signature.integer:
        return row.tobytes().hex()
    value = int.from_bytes(row.tobytes(), "little") & ((1 << signature.bits) - 1)
    negative = signature.signed and value >> (signature.bits - 1)
    return value - (1 << signature.bits) if negative else value


def stimulus(
    signatures: Sequence[Signature],
    given: Mapping[str, Any],
    inputs: set[str],
    depths: Mapping[str, int],
    rng: np.random.Generator,
) -> Stimulus:
    """One call.

    Args:
        signatures: the arguments.
        given: arrays by argument, those of side channels as "in.TLAST".
        inputs: streams that are read.
        depths: pointer -> elements, where its pragma says it.
        rng: for all that was not given.

    Raises:
        InputError: something that was given does not fit, or the size of an array is not known.
    """
    known = [s.name for s in signatures if s.kind != "stream" or s.name in inputs]
    known += [f"{s.name}.{side}" for s in signatures if s.name in inputs for side in s.sides]
    for name in given:
        if name not in known:
            raise InputError(f"{name}: there is no such input; there are {', '.join(known)}")
    values: dict[str, Bytes] = {}
    for signature in signatures:
        name = signature.name
        if signature.kind == "scalar":
            values[name] = _scalar(signature, given.get(name), rng)
        elif signature.kind == "pointer":
            values[name] = _array(signature, given.get(name), depths.get(name), rng)
        elif name in inputs:
            values[name] = _beats(signature, given, rng)
        else:
            values[name] = np.zeros((0, signature.beat_bytes), np.uint8)
    return Stimulus(values)


def _scalar(signature: Signature, given: Any, rng: np.random.Generator) -> Bytes:
    if given is None:
        most = (1 << (signature.bits - signature.signed)) - 1
        given = int(rng.integers(0, min(LARGEST_SCALAR, most) + 1))
    if np.size(given) != 1:
        raise InputError(f"{signature.name}: is a scalar and has {np.size(given)} values")
    return to_bytes(given, signature, signature.name, signature.bytes).reshape(-1)


def _array(signature: Signature, given: Any, depth: int | None, rng: np.random.Generator) -> Bytes:
    if given is not None:
        return to_bytes(given, signature, signature.name, signature.element_bytes)
    if depth is None:
        raise InputError(
            f"{signature.name}: has no known size; give its array, or its number of elements by "
            f"#pragma HLS INTERFACE m_axi port={signature.name} depth=..."
        )
    return _random(signature.bits, signature.element_bytes, depth, rng, signature.signed)


def _beats(signature: Signature, given: Mapping[str, Any], rng: np.random.Generator) -> Bytes:
    name = signature.name
    data = given.get(name)
    if data is None:
        parts = [_random(signature.bits, signature.bytes, BEATS, rng)]
    else:
        parts = [to_bytes(data, signature, name, signature.bytes)]
    count = len(parts[0])
    for side, bits in signature.sides.items():
        width = -(-bits // 8)
        values = given.get(f"{name}.{side}")
        if values is not None:
            channel = Signature(side, "scalar", bits, width, False, True, width)
            parts.append(to_bytes(values, channel, f"{name}.{side}", width))
        elif data is None:
            parts.append(_random(bits, width, count, rng))
        else:
            parts.append(_whole_packet(side, bits, count))
        if len(parts[-1]) != count:
            raise InputError(f"{name}.{side}: has {len(parts[-1])} values for {count} beats")
    return np.ascontiguousarray(np.concatenate(parts, axis=1))


def _whole_packet(side: str, bits: int, count: int) -> Bytes:
    """All bytes kept, and TLAST with the last beat."""
    width = -(-bits // 8)
    rows = np.zeros((count, width), np.uint8)
    if side in ("TKEEP", "TSTRB"):
        rows[:] = np.frombuffer(((1 << bits) - 1).to_bytes(width, "little"), np.uint8)
    elif side == "TLAST" and count:
        rows[-1] = 1
    return rows


def _random(
    bits: int, width: int, count: int, rng: np.random.Generator, signed: bool = False
) -> Bytes:
    """Random elements, some of them the extreme ones."""
    rows = rng.integers(0, 256, (count, width), np.uint8)
    corners = [0, 1, (1 << bits) - 1, 1 << (bits - 1), (1 << (bits - 1)) - 1]
    table = np.array(
        [list(corner.to_bytes(width + 1, "little")[:width]) for corner in corners], np.uint8
    )
    chosen = rng.integers(0, _CORNERS_ONE_IN, count) == 0
    picked = table[rng.integers(0, len(corners), count)]
    rows = np.where(chosen[:, None], picked, rows).astype(np.uint8)
    if bits < 8 * width:
        mask = np.frombuffer(((1 << bits) - 1).to_bytes(width, "little"), np.uint8)
        rows &= mask
        if signed:
            top = rows[:, (bits - 1) // 8] >> ((bits - 1) % 8) & 1
            rows |= np.where(top[:, None] == 1, ~mask, 0).astype(np.uint8)
    return np.ascontiguousarray(rows)
