"""What a cosimulation runs and what must come out: stimuli as beats, memories and registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.conv2d import Conv2d
from hls.gemm import Gemm
from hls.parameters import Parameters
from host import packing
from sim import reference
from sim.calls import MEMORY_BASE, Call, Finding, Region, beat_bytes

__all__ = ["Workload", "conv2d", "gemm", "output", "strays"]

Array = npt.NDArray[Any]

_GUARD, _FRESH = 0xA5, 0x5A
"""Bytes between the buffers, and of a result that was not written."""
_PAGE_BYTES = 4096
_SHIFT_BYTES = 128
"""Buffers begin beside page boundaries, so that bursts have to be cut at them."""


@dataclass(frozen=True)
class Workload:
    """Calls of a kernel, and what each must put out."""

    calls: list[Call]
    expected: list[Array]
    measured: int
    """Which of the calls counts."""
    bound_cycles: int
    frames: int
    input_port: str | None = None
    output_port: str | None = None
    memory: npt.NDArray[np.uint8] | None = None
    results: tuple[Region, ...] = ()
    """Where the result of each call lies in memory."""


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


def gemm(
    design: Gemm, manifest: Mapping[str, Any], products: Sequence[Mapping[str, Array]]
) -> Workload:
    """A call for each of `products`, the first measured: a, b and what the epilogue needs."""
    regions: list[Region] = []
    contents: list[Array] = []
    calls, expected, results = [], [], []
    address = MEMORY_BASE
    for operands in products:
        buffers = _buffers(design, operands)
        (m, k), n = operands["a"].shape, operands["b"].shape[1]
        arguments = {"m": m, "k": k, "n": n}
        of_call = []
        for name, buffer in buffers.items():
            address += _SHIFT_BYTES
            region = Region(f"m_axi_gmem_{name}", address, buffer.nbytes, writable=name == "c")
            arguments[name] = address
            of_call.append(region)
            contents.append(buffer)
            address += -(-buffer.nbytes // _PAGE_BYTES) * _PAGE_BYTES
        regions += of_call
        results.append(of_call[-1])
        calls.append(Call(arguments, regions=of_call))
        expected.append(reference.gemm_output(design, **operands))
    memory = np.full(address + _PAGE_BYTES - MEMORY_BASE, _GUARD, np.uint8)
    for region, buffer in zip(regions, contents, strict=True):
        _place(memory, region)[:] = np.ascontiguousarray(buffer).reshape(-1).view(np.uint8)
    (m, k), n = products[0]["a"].shape, products[0]["b"].shape[1]
    return Workload(
        calls=calls,
        expected=expected,
        measured=0,
        bound_cycles=-(-m * k * n // (design.rows * design.cols)),
        frames=1,
        memory=memory,
        results=tuple(results),
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
    dtype = design.epilogue.output.dtype
    fresh = np.full(m * -(-n // design.cols) * design.cols * dtype.itemsize, _FRESH, np.uint8)
    buffers["c"] = fresh.view(dtype).reshape(m, -1)
    return buffers


def _beats(array: Array, beat_bytes: int) -> npt.NDArray[np.uint8]:
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return flat.reshape(-1, beat_bytes)


def _place(memory: npt.NDArray[np.uint8], region: Region) -> npt.NDArray[np.uint8]:
    first = region.address - MEMORY_BASE
    return memory[first : first + region.size_bytes]


def output(load: Workload, call: int, finding: Finding) -> Array:
    """What a call put out, in the shape and dtype of what it had to."""
    expected = load.expected[call]
    if load.output_port is not None:
        data = finding.calls[call].data[load.output_port]
        return data.reshape(-1).view(expected.dtype).reshape(expected.shape)
    assert finding.memory is not None
    rows = _place(finding.memory, load.results[call]).view(expected.dtype)
    return packing.unpack_rows(rows.reshape(expected.shape[0], -1), expected.shape[1])


def strays(load: Workload, finding: Finding) -> list[str]:
    """A complaint if memory beside the results changed."""
    if load.memory is None or finding.memory is None:
        return []
    changed = load.memory != finding.memory
    for region in load.results:
        _place(changed.view(np.uint8), region)[:] = 0
    at = np.flatnonzero(changed)
    if not len(at):
        return []
    return [f"memory beside the result changed: {len(at)} bytes, the first at "
            f"{MEMORY_BASE + int(at[0]):#x}"]  # fmt: skip
