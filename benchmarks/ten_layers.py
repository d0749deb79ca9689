"""Ten layers of well-known networks by all algorithms, all in RTL at full size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.projects import prepared
from benchmarks.tables import Benchmark, Table, Value
from hls.algorithms import Cost, baselines, costs
from hls.boards import board
from hls.design import Conv2d, engine
from hls.errors import CheckFailed
from hls.layers import Layer
from hls.memory import Memory
from sim.cosim import CosimResult, cosim

__all__ = ["ALGORITHMS", "LAYERS", "TEN_LAYERS", "Ran", "costs_of", "table"]

MOST_BYTES = 1.10
"""Times the compulsory traffic, that direct or kn2row must reach."""
ARRAY = 8
ALGORITHMS = ("direct", "im2col", "implicit", "kn2row", "kn2row_partials")

LAYERS = tuple(
    Layer(name=f"l{size}x{size}x{channels}_{filters}k{kernel}", networks="", kernel=kernel,
          size=size, in_channels=channels, out_channels=filters)
    for size, channels, filters, kernel in (
        (7, 832, 256, 1), (14, 256, 1024, 1), (27, 64, 256, 1), (7, 192, 384, 3),
        (13, 384, 384, 3), (14, 512, 512, 3), (56, 64, 64, 3), (7, 48, 128, 5),
        (27, 96, 256, 5), (28, 96, 128, 3),
    )
)  # fmt: skip
"""The last one, of GoogLeNet, is our choice; the others were asked for."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A layer by an algorithm: what the model said, and what RTL did."""

    layer: Layer
    algorithm: str
    cost: Cost
    result: CosimResult

    @property
    def compulsory_bytes(self) -> int:
        """Every pixel, weight and result once."""
        layer = self.layer
        pixels = layer.size**2 * (layer.in_channels + layer.out_channels)
        return pixels + layer.kernel**2 * layer.in_channels * layer.out_channels

    @property
    def moved_bytes(self) -> int:
        """Over all ports in RTL; streams carry what a line buffer's model counts, beat for beat."""
        if self.algorithm == "direct":
            return self.cost.dram_bytes
        return sum(sum(counts.values()) for counts in self.result.memory_bytes.values())

    @property
    def cycles(self) -> int:
        """Start to done, the loading of a line buffer's weights included."""
        return self.result.cycles + self.result.setup_cycles


def _run(progress: Callable[[str], None]) -> list[Table]:
    ran = []
    for number, layer in enumerate(LAYERS, start=1):
        found = costs_of(layer)
        of_layer = []
        for algorithm in ALGORITHMS:
            progress(f"{number}/{len(LAYERS)} {layer.name} {algorithm}: lower, build, simulate")
            of_layer.append(_measured(layer, algorithm, found[algorithm]))
        if not all(np.array_equal(of_layer[0].result.output, o.result.output) for o in of_layer):
            raise CheckFailed(f"{layer.name}: the algorithms disagree")
        ran += of_layer
    return [table(ran)]


def costs_of(layer: Layer) -> dict[str, Cost]:
    """What the models say of a layer by each of ALGORITHMS."""
    conv, target = layer.conv(simd=ARRAY, pe=ARRAY), board("pynq-z2")
    found = costs(conv, target, memory=Memory()) | baselines(conv, target, memory=Memory())
    return {name: found[name] for name in ALGORITHMS}


def _measured(layer: Layer, algorithm: str, cost: Cost) -> Ran:
    design = cost.design
    conv = design.conv if design is not None and not isinstance(design, Conv2d) else design
    assert isinstance(conv, Conv2d)
    project = prepared(conv, f"ten_layers/{algorithm}")
    assert type(project.design) is type(engine(conv))
    result = cosim(project, engine="fast", frames=1)
    if not result.match:
        raise CheckFailed(f"{layer.name} by {algorithm}: RTL differs from NumPy in "
                          f"{result.mismatches} of {result.outputs} outputs")  # fmt: skip
    return Ran(layer=layer, algorithm=algorithm, cost=cost, result=result)


def table(ran: list[Ran]) -> Table:
    """Cycles and bytes of every layer by every algorithm."""
    rows: list[tuple[Value, ...]] = []
    misses = []
    shares: dict[str, dict[str, float]] = {}
    for one in ran:
        share = one.moved_bytes / one.compulsory_bytes
        shares.setdefault(one.layer.name, {})[one.algorithm] = share
        rows.append((
            one.layer.name, one.algorithm, one.cycles,
            round(one.cycles * one.cost.multipliers / one.cost.macs, 3),
            round(100 * (one.cost.cycles / one.cycles - 1), 2), one.moved_bytes, round(share, 3),
            "yes" if one.cost.fits else "no",
        ))  # fmt: skip
    for name, found in shares.items():
        least = min(found["direct"], found["kn2row"])
        if least > MOST_BYTES:
            misses.append(f"{name}: direct and kn2row move {least:.2f} of the compulsory bytes")
    return Table(
        title="Ten layers by five algorithms, in RTL",
        caption=(
            f"{ARRAY * ARRAY} multipliers each, or what the lanes of a line buffer allow below; "
            "fast engine, one frame, start to done, weights loaded in that time, every output "
            "compared and the same for all five. x MACs: cycles over MACs / multipliers. Bytes "
            "over the compulsory ones: pixels, weights and results once; mark: direct or kn2row "
            f"at most {MOST_BYTES:g}. Fits: a PYNQ-Z2, by the model."
        ),
        columns=("layer", "by", "cycles", "x MACs", "model %", "bytes", "x compulsory", "fits"),
        rows=rows,
        misses=misses,
    )


TEN_LAYERS = Benchmark("layers", "ten layers by five algorithms in RTL; long", _run)
