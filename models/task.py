"""What a network is trained, calibrated and tested with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Split", "Task"]


class Split(NamedTuple):
    """Inputs [n, C, H, W] and the class of each, [n]."""

    images: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]


class Task(NamedTuple):
    """Three splits; no network trains on the test's images or is calibrated with them."""

    train: Split
    calibration: Split
    test: Split
