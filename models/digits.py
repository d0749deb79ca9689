"""Scikit-learn's handwritten digits, split once and for all."""

from __future__ import annotations

import numpy as np

from hls.errors import ToolNotFound
from models.task import Split, Task

__all__ = ["digits"]

_TEST = 450
_CALIBRATION = 128
_SEED = 2026


def digits() -> Task:
    """1,347 images to train with, the first 128 of which calibrate, and 450 held out.

    Images are [n, 1, 8, 8] of float32, 0 to 1 in steps of 1/16. The split is a permutation with a
    fixed seed, the same on every machine. The images are the 1,797 of the test set of UCI's
    "Optical Recognition of Handwritten Digits", part of scikit-learn: nothing is downloaded.

    Raises:
        ToolNotFound: there is no scikit-learn.
    """
    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError as error:
        raise ToolNotFound(
            f"no Python package {error.name}, which has the digits; pip install 'lineloom[demo]'"
        ) from None
    bunch = load_digits()
    order = np.random.default_rng(_SEED).permutation(len(bunch.target))
    images = (bunch.images / 16).astype(np.float32)[order, np.newaxis]
    labels = bunch.target.astype(np.int64)[order]
    train = Split(images[_TEST:], labels[_TEST:])
    return Task(
        train=train,
        calibration=Split(train.images[:_CALIBRATION], train.labels[:_CALIBRATION]),
        test=Split(images[:_TEST], labels[:_TEST]),
    )
