"""The stages of the demo: each runs one design on the photograph and compares every output.

To show the same design under another tool, add a function to STAGES: it opens the project that
an earlier stage generated in the demo's folder, and hands back its own row.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hls.generator import generate
from sim import demo_images as images
from sim import demo_layers as layers
from sim import reference
from sim.csim import library

__all__ = ["STAGES", "Demo", "Row"]

PLANES = 3
"""Feature maps that are transformed: luminance and two colour differences."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one stage did: a design, run by one tool, and compared."""

    design: str
    layer: str
    tool: str
    multipliers: int
    bound_cycles: int
    predicted_cycles: int
    outputs: int
    mismatches: int
    seconds: float

    @property
    def ratio(self) -> float:
        """Predicted cycles over the lower bound."""
        return self.predicted_cycles / self.bound_cycles


@dataclass
class Demo:
    """The photograph, and what the stages have made of it so far."""

    photo: npt.NDArray[np.uint8]
    folder: Path
    features: npt.NDArray[np.uint8] = field(init=False)
    """[H, W, 8], of `convolution`."""
    codes: npt.NDArray[np.int8] = field(init=False)
    """[3, blocks, 64], of `transform`."""

    def decoded(self) -> npt.NDArray[np.uint8]:
        """The picture that the codes stand for, [H, W, 3]."""
        height, width, _ = self.photo.shape
        planes = [
            images.pixels_of(layers.decode(codes, plane > 0), layers.BLOCK, height, width)
            for plane, codes in enumerate(self.codes)
        ]
        return layers.planes_to_rgb(np.stack(planes))

    def zeros(self) -> float:
        """The part of the codes that is 0 and so costs next to nothing to keep."""
        return float(np.mean(self.codes == 0))

    def coding(self) -> str:
        """How much the codes save, and how near they are to the photograph."""
        quality_db = images.psnr_db(self.photo, self.decoded())
        return f"{self.zeros():.0%} are 0, {quality_db:.1f} dB"


def convolution(demo: Demo) -> Row:
    """C-simulate the filter bank on the whole photograph."""
    height, width, _ = demo.photo.shape
    conv = layers.convolution(height, width)
    project = generate(conv, demo.folder / conv.name, parameters=layers.bank(conv))
    library(project)  # compiled here, so that the clock below sees the simulation alone
    start = time.perf_counter()
    demo.features = project.csim(demo.photo).output
    seconds = time.perf_counter() - start
    parameters = project.parameters
    assert parameters is not None
    expected = reference.conv2d_output(conv, parameters, demo.photo[None])[0]
    return Row(
        design=conv.name,
        layer=f"{height}x{width}x3 -> {conv.out_channels}",
        tool="C-sim",
        multipliers=conv.multipliers,
        bound_cycles=conv.lower_bound_cycles,
        predicted_cycles=conv.predicted_cycles,
        outputs=expected.size,
        mismatches=int(np.count_nonzero(demo.features != expected)),
        seconds=seconds,
    )


def transform(demo: Demo) -> Row:
    """C-simulate the transform of three feature maps, one call of the accelerator each."""
    blocks = [images.blocks_of(demo.features[..., p], layers.BLOCK) for p in range(PLANES)]
    gemm = layers.transform(len(blocks[0]))
    project = generate(gemm, demo.folder / gemm.name)
    library(project)
    operands = [layers.operands(gemm, plane > 0) for plane in range(PLANES)]
    start = time.perf_counter()
    demo.codes = np.stack(
        [project.csim(a=a, **given).output for a, given in zip(blocks, operands, strict=True)]
    )
    seconds = time.perf_counter() - start
    expected = np.stack(
        [
            reference.gemm_output(gemm, a=a, **given)
            for a, given in zip(blocks, operands, strict=True)
        ]
    )
    return Row(
        design=gemm.name,
        layer=f"{PLANES} x {gemm.max_m}x{gemm.max_k}x{gemm.max_n}",
        tool="C-sim",
        multipliers=gemm.multipliers,
        bound_cycles=PLANES * gemm.lower_bound_cycles,
        predicted_cycles=PLANES * gemm.predicted_cycles,
        outputs=expected.size,
        mismatches=int(np.count_nonzero(demo.codes != expected)),
        seconds=seconds,
    )


STAGES: tuple[Callable[[Demo], Row], ...] = (convolution, transform)
"""In order; each makes one row of the table. A stage may use what those before it left in Demo."""
