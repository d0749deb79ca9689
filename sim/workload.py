"""What a cosimulation runs and what must come out: stimuli as beats, memories and registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.conv2d import Conv2d
from hls.design import DataflowNetwork, OverlayNetwork
from hls.gemm import Gemm
from hls.matrix_conv2d import MatrixConv2d
from hls.network.compiling import compile_network
from hls.parameters import Parameters
from host import packing
from host.program import unpack
from sim import network as golden_network
from sim import overlay_network, reference
from sim.calls import MEMORY_BASE, Call, Finding, Region, beat_bytes
from sim.operands import patch_operands
from sim.overlay_network import Piece
from sim.placement import Placement, fresh, view

__all__ = [
    "Workload",
    "conv2d",
    "gemm",
    "locate",
    "matrix_conv2d",
    "measured_output",
    "network",
    "output",
    "overlay",
    "strays",
]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Workload:
    """Calls of a kernel, and what each must put out."""

    calls: list[Call]
    expected: list[Array]
    measured: int
    """Which of the calls puts out what counts."""
    bound_cycles: int
    frames: int
    input_port: str | None = None
    output_port: str | None = None
    memory: npt.NDArray[np.uint8] | None = None
    results: tuple[Region, ...] = ()
    """Where the result of each call lies in memory."""
    pieces: tuple[tuple[Piece, ...], ...] = ()
    """Of each call: what of its region is compared, one behind the other; without, all of it."""
    phases: int = 1
    """Calls up to the measured one that belong to it."""
    hurried: int = 0
    """Frames at the end of a call that come faster than others, as nothing follows behind them."""


def conv2d(
    conv: Conv2d, parameters: Parameters, manifest: Mapping[str, Any], batches: Sequence[Array]
) -> Workload:
    """Frames [N, H, W, C] of a convolution: a call for each of `batches`, the first measured."""
    ports = {port["name"]: beat_bytes(port) for port in manifest["ports"]}
    calls, expected = [], []

    def call(x: Array, words: npt.NDArray[np.uint32] | None) -> None:
        y = reference.conv2d_output(conv, parameters, x)
        sends = {"in_r": _beats(x, ports["in_r"])}
        arguments = {"frames": len(x)}
        if conv.weights == "load":
            arguments["load"] = int(words is not None)
        if words is not None:
            sends["parameters"] = _beats(words, ports["parameters"])
        calls.append(Call(arguments, sends, {"out_r": y.nbytes // ports["out_r"]}))
        expected.append(y)

    words = None
    if conv.weights == "load":
        held = parameters
        words = packing.pack_parameters(
            manifest, held.weights, held.bias, held.multiplier, held.shift
        )
        call(batches[0][:0], words)
    measured = len(calls)
    call(batches[0], None)
    for x in batches[1:]:
        call(x, words)
    return Workload(
        calls=calls,
        expected=expected,
        measured=measured,
        bound_cycles=conv.lower_bound_cycles,
        frames=len(batches[0]),
        input_port="in_r",
        output_port="out_r",
    )


def network(
    design: DataflowNetwork, manifest: Mapping[str, Any], batches: Sequence[Array]
) -> Workload:
    """Frames [N, H, W, C] of a network: a call for each of `batches`, the first measured."""
    ports = {port["name"]: beat_bytes(port) for port in manifest["ports"]}
    outputs = [golden_network.tensors(design.network, x)[design.network.output] for x in batches]
    return Workload(
        calls=[
            Call({"frames": len(x)}, {"in_r": _beats(x, ports["in_r"])},
                 {"out_r": y.nbytes // ports["out_r"]})
            for x, y in zip(batches, outputs, strict=True)
        ],
        expected=outputs,
        measured=0,
        bound_cycles=design.lower_bound_cycles,
        frames=len(batches[0]),
        input_port="in_r",
        output_port="out_r",
        hurried=1 if len(batches[0]) > 2 else 0,
    )  # fmt: skip


def overlay(design: OverlayNetwork, batches: Sequence[Array]) -> Workload:
    """Frames [N, H, W, C] of a network on its engine: a call a frame, the first batch measured.

    Before them the first frame runs with all tensors kept, which are compared layer by layer.
    """
    network = design.network
    last = next(layer for layer in network.layers if layer.output == network.output)
    frames = np.concatenate(batches)
    keeping = compile_network(network, design.engine, keep_all=True)
    runs = [(keeping, frames[0]), *((design.program, frame) for frame in frames)]
    calls, homes, memory = overlay_network.calls(runs)
    made = golden_network.tensors(network, frames)
    layers = [made[layer.output][0].reshape(-1) for layer in network.layers]
    result = overlay_network.pieces(design.program, [last])
    return Workload(
        calls=calls,
        expected=[np.concatenate(layers), *(output[None] for output in made[network.output])],
        measured=len(batches[0]),
        bound_cycles=design.lower_bound_cycles,
        frames=len(batches[0]),
        memory=memory.contents(),
        results=homes,
        pieces=(overlay_network.pieces(keeping, network.layers), *([result] * len(frames))),
        phases=len(batches[0]),
    )


def gemm(design: Gemm, products: Sequence[Mapping[str, Array]]) -> Workload:
    """A call for each of `products`, the first measured: a, b and what the epilogue needs."""
    memory = Placement()
    calls, expected, results = [], [], []
    for operands in products:
        (m, k), n = operands["a"].shape, operands["b"].shape[1]
        placed = memory.place(_buffers(design, operands), writable="c")
        addresses = {name: region.address for name, region in placed.items()}
        calls.append(Call({"m": m, "k": k, "n": n} | addresses, regions=list(placed.values())))
        expected.append(reference.gemm_output(design, **operands))
        results.append(placed["c"])
    (m, k), n = products[0]["a"].shape, products[0]["b"].shape[1]
    return Workload(
        calls=calls,
        expected=expected,
        measured=0,
        bound_cycles=-(-m * k * n // (design.rows * design.cols)),
        frames=1,
        memory=memory.contents(),
        results=tuple(results),
    )


def matrix_conv2d(
    engine: MatrixConv2d,
    parameters: Parameters,
    batches: Sequence[Array],
) -> Workload:
    """Frames [N, H, W, C] on the array: for each of `batches` a call a phase, the first measured.

    What comes out of a phase that only prepares the next one is compared as well.
    """
    conv, memory = engine.conv, Placement()
    calls, expected, results = [], [], []
    operands = patch_operands(engine, parameters)

    def call(counts: dict[str, int], placed: Mapping[str, Region], y: Array, name: str) -> None:
        addresses = {name: region.address for name, region in placed.items()}
        calls.append(Call(counts | addresses, regions=list(placed.values())))
        expected.append(y)
        results.append(placed[name])

    for x in batches:
        y = reference.conv2d_output(conv, parameters, x)
        pixels = packing.pack_pixels(x, conv.simd)
        rows = len(x) * engine.positions
        row_bytes = packing.row_length(conv.out_channels, conv.pe) * y.itemsize
        buffers = {"x": pixels, **operands, "c": fresh(rows, row_bytes)}
        placed = memory.place(buffers, writable="c")
        counts = {"frames": len(x)}
        if engine.u_words:
            between = reference.between(engine, parameters, pixels.reshape(*x.shape[:3], -1))
            placed |= memory.place({"u": fresh(len(between), between[0].nbytes)}, writable="u")
            # The same place, read through another port.
            placed["a"] = replace(placed["u"], port="m_axi_gmem_a", writable=False)
            first = engine.counts[0]
            call({first: len(x), "frames": 0}, placed, between, "u")
            counts[first] = 0
        call(counts, placed, y, "c")
    phases = len(engine.counts)
    return Workload(
        calls=calls,
        expected=expected,
        measured=phases - 1,
        bound_cycles=-(-engine.lower_bound_cycles // conv.batch),
        frames=len(batches[0]),
        memory=memory.contents(),
        results=tuple(results),
        phases=phases,
    )


def _buffers(design: Gemm, operands: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays of a product as they lie in memory; the result last."""
    a, b = operands["a"], operands["b"]
    m, n = a.shape[0], b.shape[1]
    buffers = {
        "a": packing.pack_rows(a, design.rows, design.input_format.dtype),
        "b": packing.pack_rows(b, design.cols, design.weight_format.dtype),
    }
    if design.has_parameters:
        sums = b.sum(axis=0, dtype=np.int64)
        folded = packing.fold_bias(operands.get("bias"), sums, design.input_zero_point)
        buffers["p"] = packing.pack_columns(
            folded, operands.get("multiplier"), operands.get("shift"), n
        )
    row_bytes = packing.row_length(n, design.cols) * design.epilogue.output.dtype.itemsize
    buffers["c"] = fresh(m, row_bytes)
    return buffers


def _beats(array: Array, beat_bytes: int) -> npt.NDArray[np.uint8]:
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return flat.reshape(-1, beat_bytes)


def output(load: Workload, call: int, finding: Finding) -> Array:
    """What a call put out, in the shape and dtype of what it had to."""
    expected = load.expected[call]
    if load.output_port is not None:
        data = finding.calls[call].data[load.output_port]
        return data.reshape(-1).view(expected.dtype).reshape(expected.shape)
    assert finding.memory is not None
    if load.pieces:
        tensors = view(finding.memory, load.results[call]).view(np.int8)[None]
        parts = [unpack(piece.place, tensors).reshape(-1) for piece in load.pieces[call]]
        found: Array = np.concatenate(parts).reshape(expected.shape)
        return found
    row = expected.shape[-1]
    rows = view(finding.memory, load.results[call]).view(expected.dtype)
    got = packing.unpack_rows(rows.reshape(expected.size // row, -1), row)
    return got.reshape(expected.shape)


def measured_output(load: Workload, finding: Finding) -> Array:
    """What counts: of the measured call, or of all calls where each has a frame of its own."""
    first = load.measured + 1 - load.phases if load.pieces else load.measured
    return np.concatenate([output(load, call, finding) for call in range(first, load.measured + 1)])


def locate(load: Workload, call: int, index: Sequence[int]) -> dict[str, Any]:
    """Where in the result of a call an index is: layer, row, column and channel of many layers."""
    pieces = load.pieces[call] if load.pieces else ()
    if len(pieces) < 2:
        return {"index": [*index]}
    sizes = [int(np.prod(piece.place["shape"])) for piece in pieces]
    starts = np.cumsum([0, *sizes])
    which = int(np.searchsorted(starts, index[0], side="right")) - 1
    place = np.unravel_index(index[0] - starts[which], pieces[which].place["shape"])
    return {"layer": pieces[which].layer, "index": [int(i) for i in place]}


def strays(load: Workload, finding: Finding) -> list[str]:
    """A complaint if memory beside the results changed."""
    if load.memory is None or finding.memory is None:
        return []
    changed = load.memory != finding.memory
    for region in load.results:
        view(changed.view(np.uint8), region)[:] = 0
    at = np.flatnonzero(changed)
    if not len(at):
        return []
    return [f"memory beside the result changed: {len(at)} bytes, the first at "
            f"{MEMORY_BASE + int(at[0]):#x}"]  # fmt: skip
