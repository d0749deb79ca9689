"""manifest.json: all that a bench or a board's host needs to know about a generated design.

Registers are laid out by `hls.registers`.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from hls.algorithms import Choice
from hls.conv2d import Conv2d
from hls.design import (
    DataflowNetwork,
    Design,
    MatrixConv2d,
    OverlayNetwork,
    PartialsConv2d,
    to_dict,
)
from hls.epilogue import Epilogue
from hls.fixed import Fixed
from hls.gemm import Gemm
from hls.network.instructions import WORD_BITS
from hls.parameters import WEIGHT_ORDER, weight_axes
from hls.registers import registers

__all__ = ["FORMAT", "manifest"]

FORMAT = 1
"""Version of the manifest; readers refuse others."""


def manifest(design: Design, choice: Choice | None = None) -> dict[str, Any]:
    """The manifest of `design` as JSON-able data; with why its algorithm was chosen, if it was."""
    if isinstance(design, Conv2d):
        body = _conv2d(design)
    elif isinstance(design, MatrixConv2d):
        body = _matrix_conv2d(design)
    elif isinstance(design, DataflowNetwork):
        body = _network(design)
    elif isinstance(design, OverlayNetwork):
        body = _overlay(design)
    else:
        body = _gemm(design)
    return {
        "lineloom": FORMAT,
        "name": design.name,
        "top": design.name,
        "vlnv": f"lineloom:hls:{design.name}:1.0",
        "design": to_dict(design),
        **body,
        "packing": _packing(design),
        "costs": {
            "multipliers": design.multipliers,
            "multiplications": design.multiplications,
            "macs": design.macs,
            "lower_bound_cycles": design.lower_bound_cycles,
            "predicted_cycles": design.predicted_cycles,
            "on_chip_bits": design.on_chip_bits,
            "dram_bytes": design.dram_bytes,
        },
        **({} if choice is None else {"choice": choice.data()}),
    }


def _packing(design: Design) -> dict[str, Any]:
    """How two products share a DSP block, or why they do not although "auto" asked for it."""
    packed = design.packed
    found: dict[str, Any] = {"packed": packed is not None, "because": design.unpacked_because}
    if packed is not None:
        found |= {"block": packed.block.name, "shift": packed.shift, "products": packed.products}
    return found


def _stream(name: str, direction: str, lanes: int, element_bits: int) -> dict[str, Any]:
    return {
        "name": name,
        "protocol": "axis",
        "direction": direction,
        "width_bits": lanes * element_bits,
        "lanes": lanes,
        "element_bits": element_bits,
    }


def _format(number_format: Fixed) -> dict[str, Any]:
    return {
        "format": str(number_format),
        "dtype": number_format.dtype.name,
        "minimum": number_format.minimum,
        "maximum": number_format.maximum,
    }


def _quantization(epilogue: Epilogue) -> dict[str, Any]:
    return {
        "requantize": epilogue.requantize,
        "rounding": "half to even",
        "multiplier_bits": epilogue.multiplier_bits,
        "max_shift": epilogue.max_shift,
        "bias_fraction": epilogue.bias_fraction,
        "output_zero_point": epilogue.zero_point,
        "output_low": epilogue.low,
        "output_high": epilogue.high,
    }


def _layer(conv: Conv2d) -> dict[str, Any]:
    """Shapes, formats and quantization of a convolution, whatever computes it."""
    return {
        "shapes": {
            "input": list(conv.input_shape),
            "weights": list(conv.weight_shape),
            "output": list(conv.output_shape),
        },
        "formats": {
            "input": _format(conv.input_format),
            "weights": _format(conv.weight_format),
            "bias": None if conv.bias_format is None else _format(conv.bias_format),
            "accumulator": _format(conv.epilogue.accumulator),
            "output": _format(conv.epilogue.output),
        },
        "quantization": {
            "input_zero_point": conv.input_zero_point,
            **_quantization(conv.epilogue),
        },
    }


def _conv2d(conv: Conv2d) -> dict[str, Any]:
    ports = [
        _stream("in_r", "in", conv.simd, conv.input_format.container_bits),
        _stream("out_r", "out", conv.pe, conv.epilogue.output.container_bits),
    ]
    arguments = [("frames", 32)]
    parameters: dict[str, Any] = {"kind": conv.weights}
    if conv.weights == "load":
        ports.append(_stream("parameters", "in", 1, 32))
        arguments.append(("load", 1))
        parameters |= {
            "words": conv.parameter_words,
            "weight_axes": list(weight_axes(conv)),
            "weight_order": list(WEIGHT_ORDER),
            "weight_bits": conv.weight_format.bits,
            "group_words": conv.weight_group_words,
        }
    return {
        "ports": ports,
        "registers": registers(arguments),
        **_layer(conv),
        "parameters": parameters,
    }


def _memory(name: str, direction: str, lanes: int, element_bits: int) -> dict[str, Any]:
    return _stream(name, direction, lanes, element_bits) | {
        "protocol": "m_axi",
        "address_bits": 64,
    }


def _matrix_conv2d(engine: MatrixConv2d) -> dict[str, Any]:
    gemm, conv = engine.gemm, engine.conv
    pixels = gemm.rows, gemm.input_format.container_bits
    partial = isinstance(engine, PartialsConv2d)
    between = (gemm.cols, engine.epilogue.accumulator.container_bits) if partial else pixels
    kinds = {
        "x": ("in", *pixels),
        "u": ("out", *between),
        "a": ("in", *between),
        "b": ("in", gemm.cols, gemm.weight_format.container_bits),
        "p": ("in", 1, 128),
        "c": ("out", gemm.cols, engine.epilogue.output.container_bits),
    }
    arguments = [(name, 64) for name in engine.ports] + [(name, 32) for name in engine.counts]
    return {
        "engine": "matrix_conv2d",
        "ports": [_memory(f"m_axi_gmem_{name}", *kinds[name]) for name in engine.ports],
        "registers": registers(arguments),
        **_layer(conv),
        "parameters": {"kind": "memory"},
        "matrix": {
            "algorithm": engine.algorithm,
            "batch": conv.batch,
            "phases": engine.counts,
            "between_bytes": _between(engine, math.prod(between) // 8),
            "pixel_words": engine.channel_words,
            "k": engine.k,
            "taps": "columns" if partial else "rows",
            "tile": [gemm.tile_rows, gemm.tile_cols],
            "traffic_bytes": engine.traffic_bytes,
        },
    }


def _network(design: DataflowNetwork) -> dict[str, Any]:
    return {
        "engine": "network",
        "style": "dataflow",
        "ports": [
            _stream("in_r", "in", design.simd, design.input_format.container_bits),
            _stream("out_r", "out", design.pe, design.output_format.container_bits),
        ],
        "registers": registers([("frames", 32)]),
        "parameters": {"kind": "rom"},
        **_tensors(design, design.stage_cycles),
    }


def _overlay(design: OverlayNetwork) -> dict[str, Any]:
    engine, program = design.engine, design.program
    lanes = engine.lanes, design.input_format.container_bits
    kinds = {
        "program": ("in", 1, WORD_BITS),
        "x": ("in", *lanes),
        "b": ("in", *lanes),
        "p": ("in", 1, 128),
        "y": ("out", *lanes),
    }
    return {
        "engine": "network",
        "style": "overlay",
        "ports": [_memory(f"m_axi_gmem_{name}", *kind) for name, kind in kinds.items()],
        "registers": registers([*((name, 64) for name in kinds), ("steps", 32)]),
        "parameters": {"kind": "memory"},
        **_tensors(design, design.layer_cycles),
        "program": program.data(),
    }


def _tensors(
    design: DataflowNetwork | OverlayNetwork, layer_cycles: dict[str, int]
) -> dict[str, Any]:
    """Input and output of a network, whatever computes it, and how its layers share the time."""
    network = design.network
    source, result = network.tensors[network.input], network.tensors[network.output]
    return {
        "shapes": {"input": list(source.shape), "output": list(result.shape)},
        "formats": {
            "input": _format(design.input_format),
            "output": _format(design.output_format),
        },
        "network": {
            "name": network.name,
            "input": {**asdict(network.source), "scale": source.scale,
                      "zero_point": source.zero_point},
            "output": {**asdict(network.result), "scale": result.scale,
                       "zero_point": result.zero_point},
            "layers": layer_cycles,
        },
    }  # fmt: skip


def _between(engine: MatrixConv2d, word_bytes: int) -> dict[str, int]:
    """Bytes that the first of two phases leaves in memory: for any number of frames, and a frame.

    That is nothing where there is but one phase.
    """
    a_frame = (engine.u_words - engine.u_words_once) // engine.conv.batch
    return {"once": engine.u_words_once * word_bytes, "a_frame": a_frame * word_bytes}


def _gemm(gemm: Gemm) -> dict[str, Any]:
    output = gemm.epilogue.output
    ports = [
        _memory("m_axi_gmem_a", "in", gemm.rows, gemm.input_format.container_bits),
        _memory("m_axi_gmem_b", "in", gemm.cols, gemm.weight_format.container_bits),
    ]
    arguments = [("a", 64), ("b", 64)]
    if gemm.has_parameters:
        ports.append(_memory("m_axi_gmem_p", "in", 1, 128))
        arguments.append(("p", 64))
    ports.append(_memory("m_axi_gmem_c", "out", gemm.cols, output.container_bits))
    arguments += [("c", 64), ("m", 32), ("k", 32), ("n", 32)]
    return {
        "ports": ports,
        "registers": registers(arguments),
        "shapes": {
            "a": ["m", "k"],
            "b": ["k", "n"],
            "c": ["m", "n"],
            "maxima": {"m": gemm.max_m, "k": gemm.max_k, "n": gemm.max_n},
        },
        "formats": {
            "a": _format(gemm.input_format),
            "b": _format(gemm.weight_format),
            "bias": None if gemm.bias_format is None else _format(gemm.bias_format),
            "accumulator": _format(gemm.epilogue.accumulator),
            "c": _format(output),
        },
        "quantization": {
            "input_zero_point": gemm.input_zero_point,
            **_quantization(gemm.epilogue),
        },
    }
