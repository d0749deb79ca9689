"""The stages of the demo: each runs one design on the photograph and compares every output.

To show the same design under another tool, add a function to STAGES: it opens the project that
an earlier stage generated in the demo's folder, and hands back its own row.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.conv2d import Conv2d
from hls.errors import CheckFailed
from hls.gemm import Gemm
from hls.generator import generate
from hls.project import Project
from sim import demo_images as images
from sim import demo_layers as layers
from sim import reference
from sim.cosim import CosimResult, cosim
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
    cycles: int
    """Counted in RTL; of C-sim, which has no clock, what the model predicts."""
    outputs: int
    mismatches: int
    seconds: float

    @property
    def ratio(self) -> float:
        """Cycles over their lower bound."""
        return self.cycles / self.bound_cycles


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
        cycles=conv.predicted_cycles,
        outputs=expected.size,
        mismatches=int(np.count_nonzero(demo.features != expected)),
        seconds=seconds,
    )


def convolution_rtl(demo: Demo) -> Row:
    """Lower the filter bank to Verilog and run that on the whole photograph."""
    project = Project.open(demo.folder / "filters")
    conv = project.design
    assert isinstance(conv, Conv2d)
    result = _cosimulated(project, x=demo.photo[None])
    # Both were compared with NumPy; that they are one another's equals is what the demo says.
    differ = np.count_nonzero(result.output[0] != demo.features)
    return Row(
        design=conv.name,
        layer=f"{conv.height}x{conv.width}x3 -> {conv.out_channels}",
        tool="RTL",
        multipliers=conv.multipliers,
        bound_cycles=conv.lower_bound_cycles,
        cycles=result.stream_cycles,
        outputs=result.outputs,
        mismatches=max(result.mismatches, int(differ)),
        seconds=result.cycles / result.cycles_per_second,
    )


def transform(demo: Demo) -> Row:
    """C-simulate the transform of three feature maps, one call of the accelerator each."""
    blocks = _blocks(demo)
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
        cycles=PLANES * gemm.predicted_cycles,
        outputs=expected.size,
        mismatches=int(np.count_nonzero(demo.codes != expected)),
        seconds=seconds,
    )


def transform_rtl(demo: Demo) -> Row:
    """Lower the transform to Verilog and run that on the three maps, one call each."""
    project = Project.open(demo.folder / "cosines")
    gemm = project.design
    assert isinstance(gemm, Gemm)
    results = [
        _cosimulated(project, a=a, **layers.operands(gemm, plane > 0))
        for plane, a in enumerate(_blocks(demo))
    ]
    differ = np.count_nonzero(np.stack([result.output for result in results]) != demo.codes)
    return Row(
        design=gemm.name,
        layer=f"{PLANES} x {gemm.max_m}x{gemm.max_k}x{gemm.max_n}",
        tool="RTL",
        multipliers=gemm.multipliers,
        bound_cycles=PLANES * gemm.lower_bound_cycles,
        cycles=sum(result.cycles for result in results),
        outputs=sum(result.outputs for result in results),
        mismatches=max(sum(result.mismatches for result in results), int(differ)),
        seconds=sum(result.cycles / result.cycles_per_second for result in results),
    )


def _blocks(demo: Demo) -> list[npt.NDArray[np.uint8]]:
    """The blocks of pixels of each map that is transformed."""
    return [images.blocks_of(demo.features[..., p], layers.BLOCK) for p in range(PLANES)]


def _cosimulated(project: Project, **inputs: Any) -> CosimResult:
    """Run the project's Verilog, without stalls.

    Raises:
        CheckFailed: it hangs, or breaks a rule of a protocol.
    """
    result = cosim(project, engine="fast", inputs=inputs)
    if result.violations:
        raise CheckFailed(f"{project.design.name} in RTL: {'; '.join(result.violations)}")
    return result


STAGES: tuple[Callable[[Demo], Row], ...] = (
    convolution, transform, convolution_rtl, transform_rtl
)  # fmt: skip
"""In order; each makes one row of the table. A stage may use what those before it left in Demo."""
