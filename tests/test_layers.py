"""The layers that the project promises: each runs in RTL, without stalls and under them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hls import Conv2d, Gemm, Project, generate
from sim.cosim import cosim

LAYERS = {
    "lenet": Conv2d(height=28, width=28, in_channels=1, out_channels=8, kernel=5, pe=8),
    "resnet": Conv2d(height=14, width=14, in_channels=64, out_channels=64, padding="same",
                     simd=8, pe=4, taps="row"),
    "pointwise": Conv2d(height=14, width=14, in_channels=128, out_channels=128, kernel=1, simd=8,
                        pe=8),
    "strided": Conv2d(height=32, width=32, in_channels=3, out_channels=16, padding="same",
                      stride=2, simd=3, pe=4),
    "alexnet": Conv2d(height=27, width=27, in_channels=96, out_channels=64, kernel=5,
                      padding="same", groups=2, simd=4, pe=4),
    "depthwise": Conv2d(height=16, width=16, in_channels=32, out_channels=32, padding="same",
                        groups=32, simd=4, pe=4),
    "dilated": Conv2d(height=20, width=30, in_channels=5, out_channels=7, kernel=(3, 5),
                      dilation=2, requantize="channel", simd=5, pe=1),
}  # fmt: skip
"""Those of the first issue: sizes that divide and odd ones, groups, depthwise, stride, dilation."""
SLOW = {"resnet", "pointwise", "alexnet"}
"""A third of a million cycles and more: `make soak` runs them."""
GEMM_SIZES = [(1, 1, 1), (1, 64, 10), (7, 13, 5), (64, 64, 64), (100, 77, 33)]
STALLS = (0.0, 0.3)


def check(project: Project, sizes: tuple[int, int, int] | None = None) -> None:
    """Run with and without stalls on one build; the outputs must be the golden ones."""
    for stalls in STALLS:
        result = cosim(project, engine="fast", stalls=stalls, seed=11, sizes=sizes)
        assert result.match, (stalls, result.first_mismatch, result.violations)
        assert result.mismatches == 0


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.soak] if n in SLOW else []) for n in LAYERS]
)
def test_every_promised_layer_matches_in_rtl(name: str, tmp_path: Path) -> None:
    check(generate(LAYERS[name], tmp_path / "conv2d"))


def test_every_promised_product_matches_in_rtl(tmp_path: Path) -> None:
    project = generate(Gemm(max_m=128, max_k=128, max_n=64, rows=8, cols=8), tmp_path / "gemm")
    for sizes in GEMM_SIZES:
        check(project, sizes)
