"""Overlays that the tests of the simulated board and of the host library share.

A Verilated design costs most of a test's time, so there are few, each unlike the others, and they
are compiled once: the cache knows them from one module to the next.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hls import Conv2d, Gemm, Project
from hls.__main__ import main
from hls.parameters import Parameters
from sim import reference

__all__ = ["DESIGNS", "LIMIT_S", "convolved", "generate", "good", "images", "multiplied"]

LIMIT_S = 0.001
"""Of the simulated board's time: 100,000 cycles."""

DESIGNS = {
    "conv1": "conv2d --input 6x7x3 --filters 4 --kernel 3 --padding same --simd 3 --pe 2",
    "gemm1": "gemm --max-m 12 --max-k 10 --max-n 9 --rows 4 --cols 4",
    "loaded": (
        "conv2d --input 5x4x4 --filters 4 --kernel 2 --input-format u4 --weight-format s4 "
        "--requantize channel --input-zero-point 3 --simd 2 --pe 2 --load-weights"
    ),
    "wide": (
        "conv2d --input 4x5x3 --filters 3 --kernel 2 --input-format s12 --weight-format s8 "
        "--requantize none --simd 1 --pe 1"
    ),
    "scaled": (
        "gemm --max-m 9 --max-k 8 --max-n 10 --rows 4 --cols 4 --input-format u6 "
        "--input-zero-point 5 --bias-format s16 --requantize channel --output-zero-point -3"
    ),
}
"""Three bytes a beat and several lanes; run-time weights; 12 bits in 16; requantized columns."""


def generate(folder: Path, *names: str) -> list[Path]:
    """Projects of `DESIGNS` in `folder`."""
    for name in names:
        assert main([*shlex.split(DESIGNS[name]), "-o", str(folder / name), "--json"]) == 0
    return [folder / name for name in names]


def convolved(project: Path, x: npt.ArrayLike, held: Parameters | None = None) -> Any:
    """What a convolution must put out for [N, H, W, C], or for one frame."""
    opened = Project.open(project)
    conv = opened.design
    assert isinstance(conv, Conv2d)
    frames = np.asarray(x).reshape(-1, *conv.input_shape)
    y = reference.conv2d_output(conv, held or opened.parameters, frames)
    return y if np.ndim(x) == 4 else y[0]


def multiplied(project: Path, *operands: Any) -> Any:
    """What a product must put out."""
    gemm = Project.open(project).design
    assert isinstance(gemm, Gemm)
    return reference.gemm_output(gemm, *operands)


def images(count: int, seed: int = 0) -> Any:
    """Frames for conv1."""
    rng = np.random.default_rng(seed)
    return rng.integers(-128, 128, (count, 6, 7, 3)).astype(np.int8)


def good(conv: Any, folder: Path, seed: int = 5) -> bool:
    """Whether conv1, a project in `folder`, does what it must."""
    x = images(2, seed)
    return bool((conv(x) == convolved(folder / "conv1", x)).all())
