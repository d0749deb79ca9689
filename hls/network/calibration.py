"""Calibration data: samples of every input of a model, in an npz file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.errors import InputError

__all__ = ["Calibration", "Input", "read_calibration"]

Arrays = dict[str, npt.NDArray[Any]]

_CHUNK = 64
"""Samples that a model of any batch size is given at once."""


@dataclass(frozen=True)
class Input:
    """An input of a model."""

    name: str
    shape: tuple[int | None, ...]
    """None stands for any size; the batch comes first."""
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join('any' if n is None else str(n) for n in self.shape)}]"


@dataclass(frozen=True)
class Calibration:
    """Samples of all inputs, checked: equally many, finite, of the shapes that the model takes."""

    arrays: Arrays
    batch: int
    """Samples that the model is to be given at once."""

    @property
    def samples(self) -> int:
        """How many there are."""
        return len(next(iter(self.arrays.values())))

    def batches(self) -> Iterator[Arrays]:
        """The samples in their order, as many at once as the model takes."""
        for begin in range(0, self.samples, self.batch):
            yield {name: array[begin : begin + self.batch] for name, array in self.arrays.items()}


def read_calibration(path: Path, inputs: list[Input]) -> Calibration:
    """The samples that `path` has for a model with `inputs`.

    Args:
        path: an npz file with an array of samples an input, under the input's name; with one
            input, the one array may have any name.
        inputs: of the model; the first axis of its array counts samples, and may be longer.

    Raises:
        InputError: the file is no npz file, lacks an input, or its arrays do not fit.
    """
    found = _read(path)
    if len(inputs) == len(found) == 1:
        found = {inputs[0].name: next(iter(found.values()))}
    wanted = [each.name for each in inputs]
    if sorted(found) != sorted(wanted):
        raise InputError(
            f"{path}: has arrays {', '.join(sorted(found)) or '(none)'}, but the model's inputs "
            f"are {', '.join(wanted)}; save one array for each, under its name"
        )
    for each in inputs:
        _check(path, found[each.name], each)
    counts = {name: len(array) for name, array in found.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise InputError(f"{path}: numbers of samples differ ({listed}); give each input as many")
    return Calibration({name: found[name] for name in wanted}, _batch(path, inputs, counts))


def _read(path: Path) -> Arrays:
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise ValueError("it is a bare array")
        with file:
            return dict(file)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name an npz file") from None
    except (ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: is no npz file of plain arrays ({error}); write one with "
            "numpy.savez(file, input=samples)"
        ) from None


def _check(path: Path, array: npt.NDArray[Any], wanted: Input) -> None:
    named = f"{path}: array {wanted.name}"
    if array.dtype != wanted.dtype:
        raise InputError(
            f"{named} is {array.dtype}, but the model takes {wanted}; save "
            f"samples.astype(numpy.{wanted.dtype})"
        )
    fits = array.ndim == len(wanted.shape) and all(
        size in (None, given) for size, given in zip(wanted.shape[1:], array.shape[1:], strict=True)
    )
    if not fits:
        raise InputError(
            f"{named} has the shape {list(array.shape)}, but the model takes {wanted}; the first "
            "axis counts samples, the others are to be the model's"
        )
    if array.size == 0:
        raise InputError(f"{named} is empty; give at least one sample, better a hundred")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        count = int(np.count_nonzero(~np.isfinite(array)))
        raise InputError(
            f"{named} has {count} values that are NaN or infinite; leave those samples away"
        )


def _batch(path: Path, inputs: list[Input], counts: dict[str, int]) -> int:
    """Samples at once: those of the model, or any if it leaves that open."""
    fixed = {each.shape[0] for each in inputs if each.shape[0] is not None}
    if len(fixed) > 1:
        raise InputError(f"{path}: the model's inputs differ in their batch, {sorted(fixed)}; "
                         "export it with one batch size")  # fmt: skip
    if not fixed:
        return _CHUNK
    size = fixed.pop()
    count = next(iter(counts.values()))
    if count % size:
        raise InputError(
            f"{path}: {count} samples, but the model takes {size} at once; "
            f"give a multiple of {size}"
        )
    return size
