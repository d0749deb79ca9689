"""Frames in the memory of an overlay engine: where they go, and how a call is told about them.

Everything here is driven by "program" of manifest.json, and pure data: what a board and what a
simulation put into memory are the same bytes. The tensors of a frame lie in a buffer of their own;
those of several frames one behind the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["arguments", "put_frames", "repeated", "take_frames", "unpack"]

Bytes = npt.NDArray[np.int8]


def put_frames(told: Mapping[str, Any], tensors: Bytes, frames: npt.NDArray[np.int8]) -> None:
    """Put frames [N, H, W, C] into the buffers of tensors; bytes that fill up words become 0.

    Args:
        told: "program" of the manifest.
        tensors: the buffers, [N, bytes].
        frames: s8 values.
    """
    place = told["input"]
    pixels = _pixels(place, tensors)
    pixels[:] = 0
    pixels[:, :, place["slots"]] = frames.reshape(*pixels.shape[:2], -1)


def take_frames(told: Mapping[str, Any], tensors: Bytes) -> Bytes:
    """The results [N, H, W, C] in the buffers of tensors [N, bytes] after a call, as a copy."""
    return unpack(told["output"], tensors)


def unpack(place: Mapping[str, Any], tensors: Bytes) -> Bytes:
    """A tensor [N, H, W, C] that lies in each of N buffers as `place` says, as a copy."""
    values: Bytes = _pixels(place, tensors)[:, :, place["slots"]]
    return values.reshape(-1, *place["shape"])


def _pixels(place: Mapping[str, Any], tensors: Bytes) -> Bytes:
    """The bytes of a tensor [N, pixels, bytes of a pixel], as a view."""
    height, width, _ = place["shape"]
    size = height * width * place["pixel_bytes"]
    inside = tensors[:, place["offset"] : place["offset"] + size]
    return inside.reshape(len(tensors), height * width, place["pixel_bytes"])


def repeated(
    told: Mapping[str, Any], records: npt.NDArray[np.uint64], frames: int
) -> npt.NDArray[np.uint64]:
    """A program for one frame as one for `frames` of them, whose first steps are for the first.

    Args:
        told: "program" of the manifest.
        records: instructions, [steps, words].
        frames: how many; their tensors have to lie within 2^32 words.
    """
    many = np.tile(records, (frames, 1, 1))
    behind = np.arange(frames, dtype=np.uint64) * np.uint64(told["tensor_words"])
    for field in told["addresses"]:
        many[:, :, field["word"]] += (behind << np.uint64(field["low"]))[:, None]
    return many.reshape(-1, records.shape[1])


def arguments(
    told: Mapping[str, Any], addresses: Mapping[str, int], frames: int = 1
) -> dict[str, int]:
    """Register -> value for a call.

    Args:
        told: "program" of the manifest.
        addresses: of the buffers that "buffers" names.
        frames: that the program in memory is for, or fewer.
    """
    ports = {port: addresses[buffer] for port, buffer in told["buffers"].items()}
    return ports | {"steps": frames * told["steps"]}
