"""NNgen's accelerator in RTL, by the compiled engine and on the memory that our designs run on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.peers.accelerator import Accelerator
from hls.conv2d import Conv2d
from hls.errors import CheckFailed
from hls.gemm import Gemm
from sim import golden, vectors
from sim.engine_fast import FastEngine
from sim.memory import Memory
from sim.verilate import verilate

__all__ = ["MEMORY_LATENCY", "Operands", "operands", "rounded", "simulate"]

MEMORY_LATENCY = 1
"""The word follows its address in the next cycle: memory cannot be faster."""

_TOP = Path(__file__).parent / "nngen_top.v"
_MANIFEST = {
    "top": "nngen_top",
    "registers": {"port": "s_axi_control"},
    "ports": [{"name": "m_axi_gmem", "protocol": "m_axi", "direction": "inout"}],
}
_SCRATCH_BYTES = 4096
_PATIENCE_CYCLES = 200_000


class Operands(NamedTuple):
    """What a layer works on, and its sums."""

    source: npt.NDArray[Any]
    weights: npt.NDArray[Any]
    """[outputs, ..., inputs]."""
    sums: npt.NDArray[np.int64]


def simulate(accelerator: Accelerator, layer: Operands) -> int:
    """Run a layer once, and compare all of memory.

    Returns:
        Cycles from the answer to the register write that starts it to the interrupt.

    Raises:
        CheckFailed: it hangs, breaks a rule of AXI, or leaves memory as it must not.
    """
    folder, tensors = accelerator.folder, accelerator.tensors
    width = folder / "port.v"  # read first: a macro holds for the files behind it
    width.write_text(f"`define NNGEN_PORT_BITS {accelerator.port_bits}\n")
    model = verilate("nngen_top", [width, _TOP, accelerator.verilog], folder / "sim")
    board = Memory(0, accelerator.scratch_address + _SCRATCH_BYTES)
    memory = board.bytes
    tensors["input"].put(memory, layer.source)
    tensors["weights"].put(memory, layer.weights)
    wanted = memory.copy()
    tensors["output"].put(wanted, rounded(layer.sums, accelerator.shift))
    engine = FastEngine(model, _MANIFEST, board, stalls=0.0, seed=1, waves=None, folder=folder,
                        memory_latency=MEMORY_LATENCY)  # fmt: skip
    try:
        cycles = _run(engine, accelerator)
        complaints = engine.complaints
    finally:
        engine.close()
    output = tensors["output"]
    wrong = int((output.get(memory) != output.get(wanted)).sum())
    if wrong:
        raise CheckFailed(f"{folder.name}: NNgen's RTL differs from NumPy in {wrong} outputs")
    end = output.address + output.bytes
    for part in (slice(output.address), slice(end, accelerator.scratch_address)):
        if not np.array_equal(memory[part], wanted[part]):
            raise CheckFailed(f"{folder.name}: NNgen's RTL writes outside its output")
    if complaints:
        raise CheckFailed(f"{folder.name}: NNgen's RTL breaks a rule: {complaints[0]}")
    return cycles


def operands(design: Conv2d | Gemm) -> Operands:
    """Random operands of a layer, and its exact sums by our golden model."""
    rng = np.random.default_rng(1)
    if isinstance(design, Conv2d):
        source = vectors.values(design.input_format, (1, *design.input_shape), rng)
        weights = vectors.values(design.weight_format, design.weight_shape, rng)
        pads = design.pads
        edges = (pads.top, pads.bottom, pads.left, pads.right)
        return Operands(source, weights, golden.conv2d(source, weights, pads=edges))
    source = vectors.values(design.input_format, (design.max_m, design.max_k), rng)
    weights = vectors.values(design.weight_format, (design.max_n, design.max_k), rng)
    return Operands(source, weights, golden.gemm(source, weights.T))


def rounded(sums: npt.NDArray[np.int64], shift: int) -> npt.NDArray[np.int64]:
    """sums / 2^shift to int8: halves away from zero (our designs: to even), then saturated."""
    half = 1 << (shift - 1)
    return golden.clamp((sums + half - (sums < 0)) >> shift, -128, 127)


def _run(engine: FastEngine, accelerator: Accelerator) -> int:
    registers = accelerator.registers
    engine.write(registers["scratch"], accelerator.scratch_address)
    engine.write(registers["enable"], 1)
    engine.write(registers["start"], 1)
    started = engine.cycle
    while not engine.interrupt:
        if engine.quiet_cycles > _PATIENCE_CYCLES:
            raise CheckFailed(f"{accelerator.folder.name}: NNgen's RTL hangs")
        engine.step(_PATIENCE_CYCLES)
    return engine.cycle - started
