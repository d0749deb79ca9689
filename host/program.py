"""Frames in the memory of an overlay engine: where they go, and how a call is told about them.

Everything here is driven by "program" of manifest.json, and pure data: what a board and what a
simulation put into memory are the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["arguments", "put_frame", "take_frame", "unpack"]

Bytes = npt.NDArray[np.int8]


def put_frame(told: Mapping[str, Any], tensors: Bytes, frame: npt.NDArray[np.int8]) -> None:
    """Put a frame [H, W, C] into the buffer of tensors; bytes that fill up words become 0.

    Args:
        told: "program" of the manifest.
        tensors: the buffer, flat.
        frame: s8 values.
    """
    place = told["input"]
    pixels = _pixels(place, tensors)
    pixels[:] = 0
    pixels[:, place["slots"]] = frame.reshape(len(pixels), -1)


def take_frame(told: Mapping[str, Any], tensors: Bytes) -> Bytes:
    """The result [H, W, C] in the buffer of tensors after a call, as a copy."""
    return unpack(told["output"], tensors)


def unpack(place: Mapping[str, Any], tensors: Bytes) -> Bytes:
    """A tensor [H, W, C] that lies in the buffer as `place` says, as a copy."""
    values: Bytes = _pixels(place, tensors)[:, place["slots"]]
    return values.reshape(place["shape"])


def _pixels(place: Mapping[str, Any], tensors: Bytes) -> Bytes:
    """The bytes of a tensor, a row a pixel, as a view."""
    height, width, _ = place["shape"]
    size = height * width * place["pixel_bytes"]
    inside = tensors[place["offset"] : place["offset"] + size]
    return inside.reshape(height * width, place["pixel_bytes"])


def arguments(told: Mapping[str, Any], addresses: Mapping[str, int]) -> dict[str, int]:
    """Register -> value for a call.

    Args:
        told: "program" of the manifest.
        addresses: of the buffers that "buffer_bytes" names.
    """
    ports = {port: addresses[buffer] for port, buffer in told["buffers"].items()}
    return ports | {"steps": told["steps"]}
