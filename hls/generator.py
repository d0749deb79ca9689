"""Design -> which templates, under which names, with which context."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hls import bench
from hls.algorithms import Choice, resolve
from hls.boards import board as board_of
from hls.conv2d import Conv2d
from hls.design import (
    DataflowNetwork,
    Design,
    MatrixConv2d,
    NaiveConv2d,
    Operator,
    OverlayNetwork,
    PartialsConv2d,
    engine,
    layer,
)
from hls.gemm import MEMORY_LATENCY_CYCLES, Gemm
from hls.manifest import manifest
from hls.parameters import Parameters, Tables, random_parameters
from hls.project import Project, publish
from hls.rendering import render

__all__ = [
    "BOARD",
    "CLOCK_NS",
    "PART",
    "conv2d_context",
    "conv2d_summary",
    "generate",
    "summary",
    "texts",
]

PART = "xc7z020clg400-1"
CLOCK_NS = 10.0
BOARD = "pynq-z2"
"""What algorithm="auto" is chosen for unless told otherwise."""

_KERNELS: dict[type[Design], tuple[str, str]] = {
    NaiveConv2d: ("kernel.hpp", "naive.cpp"),
    PartialsConv2d: ("partials.hpp", "partials.cpp"),
}
"""Templates of header and kernel where an engine has others than those of its folder."""


def generate(
    design: Operator,
    path: str | Path,
    *,
    parameters: Parameters | Mapping[str, Any] | None = None,
    seed: int = 0,
    board: str = BOARD,
) -> Project:
    """Write the complete HLS project of `design` to the folder `path`.

    A Conv2d with an algorithm on the systolic array becomes the project of its engine. With "auto"
    it is that of the cheapest algorithm; the manifest says why.

    Args:
        design: a Conv2d or a Gemm.
        path: the folder; an older project of ours there is replaced, anything else is refused.
        parameters: weights, bias, multiplier and shift of a Conv2d, as Parameters or as arrays;
            random ones of `seed` if None. A Gemm takes its operands at run time.
        seed: of the random parameters.
        board: name of the board that algorithm="auto" is chosen for.

    Raises:
        InputError: parameters do not fit, the folder cannot be written, or there is no such board.
        DesignError: no algorithm fits the board.
    """
    choice = None
    if isinstance(design, Conv2d):
        design, choice = resolve(design, board_of(board))
    design = engine(design)
    conv = layer(design)
    if conv is not None:
        if parameters is None:
            parameters = random_parameters(conv, seed)
        elif not isinstance(parameters, Parameters):
            parameters = Parameters.checked(conv, parameters, "parameters")
    else:
        parameters = None
    arrays = {} if parameters is None else {"parameters.npz": parameters.arrays}
    return publish(texts(design, parameters, choice), arrays, Path(path))


def texts(
    design: Operator, parameters: Parameters | None, choice: Choice | None = None
) -> dict[str, str]:
    """All generated text files of `design`: path inside the project -> content."""
    if isinstance(design, Conv2d):
        assert parameters is not None
        context = conv2d_context(design, parameters)
        files = {"weights.hpp": f"src/{design.name}_weights.hpp"} if design.weights == "rom" else {}
        kind = "conv2d"
    elif isinstance(design, MatrixConv2d):
        context, files, kind = _matrix_conv2d(design), {}, "matrix_conv2d"
    else:
        context, files, kind = _gemm(design), {}, "gemm"
    header, kernel = _KERNELS.get(type(design), ("kernel.hpp", "kernel.cpp"))
    files |= {
        header: f"src/{design.name}.hpp",
        kernel: f"src/{design.name}.cpp",
        "kernel_tb.cpp": f"src/{design.name}_tb.cpp",
        "README.md": "README.md",
    }
    rendered = {out: render(f"{kind}/{name}.j2", **context) for name, out in files.items()}
    rendered["manifest.json"] = json.dumps(manifest(design, choice), indent=2) + "\n"
    for name in ("run_hls.tcl", "hls_config.cfg"):
        rendered[name] = render(f"vitis/{name}.j2", **context)
    return dict(sorted(rendered.items()))


def _common(design: Operator) -> dict[str, Any]:
    epilogue = design.epilogue
    return {
        "design": design,
        "manifest": manifest(design),
        "summary": summary(design),
        "out": epilogue,
        "clamps": epilogue.low > epilogue.output.minimum or epilogue.high < epilogue.output.maximum,
        "part": PART,
        "clock_ns": CLOCK_NS,
    }


def _rounding(design: Operator, max_shift: int) -> dict[str, int]:
    return {
        "max_shift": max_shift,
        "rounded_bits": max(
            design.epilogue.product_bits + 1, max_shift + 2, design.epilogue.output.bits + 1
        ),
    }


def conv2d_context(conv: Conv2d, parameters: Parameters) -> dict[str, Any]:
    """What the templates of a line-buffer convolution are filled with."""
    tables = Tables.of(conv, parameters)
    baked = conv.weights == "rom" and tables.shift is not None
    max_shift = int(tables.shift.max()) if baked and tables.shift is not None else conv.max_shift
    pool = conv.pool_window
    largest = max(
        conv.window.frame_steps * conv.window.beats,
        conv.window.positions * max(conv.weight_words, conv.output_beats * conv.finish_steps),
    )
    context = _common(conv)
    return (
        context
        | _rounding(conv, max_shift)
        | {
            "conv": conv,
            "pool": pool,
            "pool_bits": pool.taps.bit_length() + 1 if pool else 0,
            "tables": tables,
            "steps_bits": 32 + largest.bit_length(),
            "streams": _streams(conv),
            "processes": _processes(conv),
            "bench": bench.conv2d(conv),
        }
    )


def summary(design: Design) -> str:
    """One line that tells an engineer which layer or network this is."""
    if isinstance(design, DataflowNetwork | OverlayNetwork):
        return design.summary
    if isinstance(design, Conv2d):
        return conv2d_summary(design)
    if isinstance(design, MatrixConv2d):
        array = f"{design.algorithm} on {design.gemm.rows}x{design.gemm.cols} PEs"
        how = "as plain loops" if isinstance(design, NaiveConv2d) else f"by {array}"
        return f"{conv2d_summary(design.conv)}, {how}"
    return _gemm_summary(design)


def conv2d_summary(conv: Conv2d) -> str:
    """One line that tells which convolution this is."""
    rows, cols = conv.window.rows, conv.window.cols
    height, width, channels = conv.output_shape
    extras = [
        f"stride {rows.stride}x{cols.stride}" if (rows.stride, cols.stride) != (1, 1) else "",
        f"dilation {rows.dilation}x{cols.dilation}"
        if (rows.dilation, cols.dilation) != (1, 1)
        else "",
        f"{conv.groups} groups" if conv.groups > 1 else "",
        f"{conv.pooling.kind} pooling" if conv.pooling else "",
    ]
    layer = (
        f"2D convolution {conv.height}x{conv.width}x{conv.in_channels} -> "
        f"{height}x{width}x{channels}, kernel {rows.kernel}x{cols.kernel}"
    )
    return ", ".join([layer, *filter(None, extras)])


def _processes(conv: Conv2d) -> list[str]:
    pool = ["pool_slide", "pool"] if conv.pooling else []
    return ["receive", "slide", "multiply", "finish", *pool, "send"]


def _streams(conv: Conv2d) -> list[dict[str, Any]]:
    """The FIFOs of a convolution; only the windows' depth matters for speed (`hls.pacing`)."""
    word = conv.simd * conv.input_format.bits
    result = conv.pe * conv.epilogue.output.bits
    sums = conv.pe * conv.epilogue.accumulator.bits
    windows = conv.window.taps * word
    streams = [
        _stream("words", "Word_t", word),
        _stream("windows", "Window_t", windows, conv.window_fifo_words),
        _stream("sums", "Sums_t", sums),
        _stream("results", "Result_t", result),
    ]
    if conv.pool_window is not None:
        streams += [
            _stream("pool_windows", "PoolWindow_t", conv.pool_window.taps * result),
            _stream("pooled", "Result_t", result),
        ]
    if conv.weights == "load":
        streams.append(_stream("finish_parameters", "ap_uint<32> ", 32))
    return streams


def _stream(name: str, cpp_type: str, bits: int, depth: int = 2) -> dict[str, Any]:
    return {"name": name, "type": cpp_type, "bits": bits, "depth": depth}


def _gemm_summary(gemm: Gemm) -> str:
    return (
        f"C[m,n] = A[m,k] . B[k,n] up to {gemm.max_m}x{gemm.max_k}x{gemm.max_n} (m x k x n) "
        f"on {gemm.rows}x{gemm.cols} PEs"
    )


def _matrix_conv2d(engine: MatrixConv2d) -> dict[str, Any]:
    conv, gemm = engine.conv, engine.gemm
    rows = conv.window.rows
    ports = {
        "x": ("const AWord_t*", conv.batch * conv.height * engine.line_words),
        "u": (f"{engine.u_word}*", engine.u_words),
        "a": (f"const {engine.u_word}*", engine.u_words),
        "b": ("const BWord_t*", engine.k * -(-gemm.max_n // gemm.cols)),
        "p": ("const Column_t*", conv.out_channels),
        "c": ("CWord_t*", conv.batch * engine.positions * -(-conv.out_channels // gemm.cols)),
    }
    ports = {name: port for name, port in ports.items() if name in engine.ports}
    frames = [f"unsigned {name}" for name in engine.counts]
    frame_step = conv.height - rows.last_output
    ring = max(1, engine.ring_rows)  # a baseline may have none
    spans = {
        "place": max(axis.size + axis.reach + axis.pad_before + axis.stride
                     for axis in (rows, conv.window.cols)),
        "line": engine.ring_rows + conv.height + rows.reach + rows.pad_before + rows.stride,
        "word": 2 * engine.ring_rows * engine.line_words + (rows.reach + rows.pad_before + 1)
        * engine.line_words + (conv.window.cols.reach + conv.window.cols.pad_before
                               + conv.window.cols.stride + 1) * engine.channel_words,
    }  # fmt: skip
    return (
        _common(engine)
        | _rounding(engine, gemm.max_shift)
        | {
            "engine": engine,
            "conv": conv,
            "gemm": gemm,
            "arguments": ", ".join([f"{type_} {name}" for name, (type_, _) in ports.items()]
                                   + frames),
            "depths": {name: depth for name, (_, depth) in ports.items()},
            "registers": [*ports, *engine.counts],
            "streams": _matrix_streams(engine),
            "bits": {name: span.bit_length() + 1 for name, span in spans.items()},
            "steps": {
                "frame": frame_step,
                "frame_lines": frame_step % ring,
                "stride_lines": rows.stride % ring,
                "first_line": rows.pad_before % ring,
            },
            "memory_latency": MEMORY_LATENCY_CYCLES,
            "bench": bench.matrix_conv2d(engine),
        }
    )  # fmt: skip


def _matrix_streams(engine: MatrixConv2d) -> list[tuple[str, str]]:
    """Name and type of the FIFOs between the processes."""
    columns = [("p_columns", "Column_t")] if engine.has_parameters else []
    if isinstance(engine, PartialsConv2d):
        product = [("a_words", "AWord_t"), ("b_words", "BWord_t"), ("a_columns", "AWord_t"),
                   ("b_rows", "BWord_t"), ("results", "Row_t")]  # fmt: skip
        sums = [("taps", engine.u_word), ("totals", "Row_t"), ("c_words", "CWord_t")]
        return [*product, *columns, *sums]
    return [
        ("pixels", "AWord_t"),
        ("cuts", "Cut_t"),
        *([("patches", "AWord_t")] if engine.transforms else []),
        ("a_words", "AWord_t"),
        ("b_words", "BWord_t"),
        *columns,
        ("a_columns", "AWord_t"),
        ("b_rows", "BWord_t"),
        ("results", "Row_t"),
        ("c_words", "CWord_t"),
    ]


def _gemm(gemm: Gemm) -> dict[str, Any]:
    depths = {
        "a": gemm.max_m * -(-gemm.max_k // gemm.rows),
        "b": gemm.max_k * -(-gemm.max_n // gemm.cols),
        "c": gemm.max_m * -(-gemm.max_n // gemm.cols),
        "p": gemm.max_n,
    }
    context = _common(gemm)
    return (
        context
        | _rounding(gemm, gemm.max_shift)
        | {
            "gemm": gemm,
            "memory_latency": MEMORY_LATENCY_CYCLES,
            "depths": depths,
            "bench": bench.gemm(gemm),
        }
    )
