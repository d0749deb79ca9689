"""How wide an accumulator has to be for given weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hls.fixed import Fixed
from hls.network.layers import ACTIVATION

__all__ = ["accumulator"]

Ints = npt.NDArray[np.int64]


def accumulator(weights: Ints, bias: Ints, zero_point: int) -> Fixed:
    """The narrowest format for all that a sum can be on its way, in whatever order.

    Weights [M, KH, KW, C], bias [M] without its binary places. The hardware starts from the bias
    that has the zero point's share, bias - zero_point * sum(w), and adds products x * w; padding
    gives it zero_point * w. Partial sums lie between the sum of all negative and that of all
    positive products.
    """
    rows = weights.reshape(len(weights), -1)
    start = bias - zero_point * rows.sum(axis=1)
    ends = rows[:, :, None] * np.array([ACTIVATION.minimum, ACTIVATION.maximum])
    low = np.minimum(ends.min(axis=2), 0).sum(axis=1)
    high = np.maximum(ends.max(axis=2), 0).sum(axis=1)
    reached = [start, low, high, start + low, start + high]
    return Fixed.holding(int(np.min(reached)), int(np.max(reached)))
