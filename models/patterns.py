"""Made-up classes of images and spectra: tasks of a real network's size, without a download.

An accuracy on these says that a network still does what it was trained for, and nothing of the
data set that the network was designed for.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.task import Split, Task

__all__ = ["images", "spectra"]

_COUNTS = {"train": 1600, "calibration": 128, "test": 500}
_CELL = 4
_REACH = 2


def images() -> Task:
    """Images [n, 3, 32, 32] of 10 classes, 0 to 1 in steps of 1/255 as a camera's are."""

    def split(count: int, seed: int) -> Split:
        samples, labels = _patterns(count, (3, 32, 32), classes=10, noise=3.5, seed=seed)
        bytes_ = np.clip(np.rint(127.5 + 24 * samples), 0, 255)
        return Split((bytes_ / 255).astype(np.float32), labels)

    return Task(**{name: split(_COUNTS[name], seed) for seed, name in enumerate(_COUNTS)})


def spectra() -> Task:
    """Spectra [n, 1, 49, 10] about zero of 12 classes: frames in time, coefficients."""

    def split(count: int, seed: int) -> Split:
        samples, labels = _patterns(count, (1, 49, 10), classes=12, noise=1.3, seed=seed)
        return Split(samples.astype(np.float32), labels)

    return Task(**{name: split(_COUNTS[name], seed) for seed, name in enumerate(_COUNTS)})


def _patterns(
    count: int, shape: tuple[int, int, int], *, classes: int, noise: float, seed: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Cells of random levels, the same in all of a class, moved by a few places, in noise."""
    channels, height, width = shape
    cells = (channels, -(-height // _CELL), -(-width // _CELL))
    levels = np.random.default_rng(classes).normal(size=(classes, *cells))
    prototypes = levels.repeat(_CELL, axis=2).repeat(_CELL, axis=3)[..., :height, :width]
    rng = np.random.default_rng([classes, seed])
    labels = rng.integers(0, classes, count, np.int64)
    shifts = rng.integers(-_REACH, _REACH, (count, 2), endpoint=True)
    moved = [np.roll(prototypes[label], tuple(shift), axis=(1, 2))
             for label, shift in zip(labels, shifts, strict=True)]  # fmt: skip
    return np.stack(moved) + rng.normal(scale=noise, size=(count, *shape)), labels
