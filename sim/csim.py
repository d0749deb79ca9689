"""C-sim: compile the generated C++ and run it on NumPy arrays, without any vendor tool.

The compiled library is kept by content (sources, headers, flags and compiler), so a second run of
the same design costs nothing. Two sets of headers can be used: ours in `hls/include`, and the
official Xilinx `ap_types`; both must give the same bits.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hls import tools
from hls.conv2d import Conv2d
from hls.design import ENGINES as KINDS
from hls.design import DataflowNetwork, MatrixConv2d, OverlayNetwork, framed
from hls.errors import InputError, ToolFailed
from hls.gemm import Gemm
from hls.network.compiling import Program, compile_network
from hls.parameters import Parameters
from hls.project import Project
from hls.rendering import INCLUDE
from host import packing
from host.program import take_frames
from sim import overlay_network
from sim.operands import matrices, patch_operands, pixels

__all__ = ["CsimResult", "csim", "library", "traces"]

Array = npt.NDArray[Any]

_HERE = Path(__file__).parent
_FLAGS = ("-std=c++17", "-O3", "-fPIC", "-shared", "-fno-sanitize=all", "-Wall", "-Wextra",
          "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-label")  # fmt: skip
_VENDOR_FLAGS = ("-D__AP_INT_SPECIAL_H__", "-D__AP_FIXED_SPECIAL_H__")
"""The vendor's std::complex specialisations do not compile with clang's C++ library."""

_MESSAGE_BYTES = 4096
_CHUNK_BYTES = 1 << 20
"""Streams of a call hold all of its frames; this much of them stays in the cache."""


@dataclass(frozen=True)
class CsimResult:
    """What a run put out."""

    output: Array
    calls: int
    """Calls of the top function; the frames of a call run back to back."""


def csim(project: Project, *arrays: Any, headers: Path = INCLUDE, **named: Any) -> CsimResult:
    """Run a project's C++ on NumPy arrays.

    A Conv2d takes `x` [N, H, W, C] (or one frame [H, W, C]) and, if its weights are loaded at run
    time, `parameters` (those of the project unless given). A Gemm takes `a` [M, K], `b` [K, N] and
    what its epilogue needs of `bias`, `multiplier` and `shift` ([N] or one value).

    Args:
        project: a generated project.
        headers: folder of ap_int.h and hls_stream.h; ours unless given.
        arrays, named: the operands.

    Raises:
        InputError: an operand has the wrong shape or values outside its format.
        ToolFailed: the C++ does not compile, or found an inconsistency.
    """
    if isinstance(project.design, Conv2d):
        return _conv2d(project, project.design, headers, *arrays, **named)
    if isinstance(project.design, MatrixConv2d):
        return _matrix_conv2d(project, project.design, headers, *arrays, **named)
    if isinstance(project.design, DataflowNetwork):
        return _network(project, project.design, headers, *arrays, **named)
    if isinstance(project.design, OverlayNetwork):
        return _overlay(project, project.design, headers, *arrays, **named)
    return _gemm(project, project.design, headers, *arrays, **named)


def _conv2d(
    project: Project,
    conv: Conv2d,
    headers: Path,
    x: Any,
    *,
    parameters: Parameters | None = None,
) -> CsimResult:
    single = np.ndim(x) == 3
    frames = pixels(conv, np.asarray(x)[None] if single else x)
    words = np.zeros(0, np.uint32)
    if conv.weights == "load":
        held = parameters or project.parameters
        assert held is not None
        words = packing.pack_parameters(
            project.manifest, held.weights, held.bias, held.multiplier, held.shift
        )
    elif parameters is not None:
        raise InputError(f"{conv.name}: its weights are baked in; generate with weights='load'")
    frame_bytes = conv.window.positions * conv.window.beats * conv.window.taps * conv.simd * 2
    output, calls = _streamed(
        project, headers, frames, conv.epilogue.output.dtype, frame_bytes, words
    )
    return CsimResult(output[0] if single else output, calls)


def _network(project: Project, design: DataflowNetwork, headers: Path, x: Any) -> CsimResult:
    single = np.ndim(x) == 3
    frames = pixels(design, np.asarray(x)[None] if single else x)
    frame_bytes = sum(len(process.orders[0]) for process in design.processes)
    words = np.zeros(0, np.uint32)
    output, calls = _streamed(
        project, headers, frames, design.output_format.dtype, frame_bytes, words
    )
    return CsimResult(output[0] if single else output, calls)


def _overlay(project: Project, design: OverlayNetwork, headers: Path, x: Any) -> CsimResult:
    single = np.ndim(x) == 3
    frames = pixels(design, np.asarray(x)[None] if single else x)
    program, folder = design.program, project.path / "src"
    buffers = [run_program(program, folder, overlay_network.fresh_tensors(program, frame), headers)
               for frame in frames]  # fmt: skip
    tensors = np.array(buffers, np.int8).reshape(-1, program.buffer_bytes["tensors"])
    output = take_frames(program.data(), tensors)
    return CsimResult(output[0] if single else output, len(frames))


def run_program(
    program: Program, folder: Path, tensors: npt.NDArray[np.int8], headers: Path = INCLUDE
) -> npt.NDArray[np.int8]:
    """Run the overlay engine's C++ in `folder`; the buffer of tensors, flat, afterwards.

    Raises:
        ToolFailed: the C++ does not compile, or found an inconsistency.
    """
    name = program.engine.name
    sources = [folder / f"{name}.cpp", _HERE / "csim_overlay_engine.cpp"]
    defines = [f'-DLINELOOM_HEADER="{name}.hpp"', f"-DLINELOOM_TOP={name}"]
    entry = compiled(name, sources, defines, headers).lineloom_overlay_engine
    after = tensors.reshape(-1, program.engine.word_bytes).copy()
    records = np.ascontiguousarray(program.records)
    sized = [argument for array in (program.weights, program.parameters, after)
             for argument in (_pointer(array), ctypes.c_int64(len(array)))]  # fmt: skip
    run_entry(entry, name, _pointer(records), *sized, ctypes.c_uint(len(records)))
    return after.reshape(-1)


def traces(project: Project, x: Array) -> dict[str, Array]:
    """What each layer of a network puts out for the frames x [N, H, W, C], by layer, in C-sim."""
    design = project.design
    if isinstance(design, OverlayNetwork):
        program = compile_network(design.network, design.engine, keep_all=True)
        starts = [overlay_network.fresh_tensors(program, frame) for frame in pixels(design, x)]
        ends = [run_program(program, project.path / "src", start) for start in starts]
        return overlay_network.traces(program, ends)
    assert isinstance(design, DataflowNetwork)
    frames = pixels(design, x)
    made = library(project, traced=True)
    made.lineloom_forget()
    made.lineloom_trace.restype = ctypes.c_longlong
    output = np.empty((len(frames), *design.output_shape), design.output_format.dtype)
    none = _pointer(np.zeros(0, np.uint32))
    run_entry(made.lineloom_conv2d, design.name, _pointer(frames), _pointer(output),
             ctypes.c_uint(len(frames)), none, ctypes.c_int(0))  # fmt: skip
    found = {}
    for stage in design.stages:
        memory = ctypes.POINTER(ctypes.c_int8)()
        stream = design.results(stage.name).name.encode()
        count = made.lineloom_trace(stream, ctypes.byref(memory))
        found[stage.name] = np.ctypeslib.as_array(memory, (count,)).copy()
    made.lineloom_forget()
    return found


def _streamed(
    project: Project,
    headers: Path,
    frames: Array,
    dtype: np.dtype[Any],
    frame_bytes: int,
    words: npt.NDArray[np.uint32],
) -> tuple[Array, int]:
    """What a design with frames on streams puts out, and in how many calls of several frames.

    Args:
        frames: [N, H, W, C].
        dtype: of the output.
        frame_bytes: that the streams hold of a frame, about.
        words: parameters to load first, if any.
    """
    design = framed(project.design)
    assert design is not None
    entry = library(project, headers).lineloom_conv2d
    output = np.empty((len(frames), *design.output_shape), dtype)

    def call(start: int, stop: int, loaded: npt.NDArray[np.uint32]) -> None:
        run_entry(
            entry,
            design.name,
            _pointer(frames[start:stop]),
            _pointer(output[start:stop]),
            ctypes.c_uint(stop - start),
            _pointer(loaded),
            ctypes.c_int(loaded.size),
        )

    chunks = list(_chunks(frame_bytes, len(frames)))
    if words.size:
        call(0, 0, words)
    # Baked-in or loaded weights are only read from here on, so that calls may run side by side.
    if len(chunks) == 1:
        call(chunks[0][0], chunks[0][1], words[:0])
    else:
        list(_workers().map(lambda chunk: call(chunk[0], chunk[1], words[:0]), chunks))
    return output, len(chunks)


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count())


def _chunks(frame_bytes: int, frames: int) -> Iterable[tuple[int, int]]:
    """Slices of the frames whose streams fit the memory, at least three frames back to back."""
    size = max(3, min(_CHUNK_BYTES // frame_bytes, -(-frames // (os.cpu_count() or 1))))
    return [(start, min(start + size, frames)) for start in range(0, frames, size)]


def _matrix_conv2d(
    project: Project,
    engine: MatrixConv2d,
    headers: Path,
    x: Any,
    *,
    parameters: Parameters | None = None,
) -> CsimResult:
    conv, single = engine.conv, np.ndim(x) == 3
    frames = pixels(conv, np.asarray(x)[None] if single else x)
    held = parameters or project.parameters
    assert held is not None
    operands = patch_operands(engine, held)
    table = operands.get("p", np.zeros((0, 4), np.uint32))
    entry = library(project, headers).lineloom_matrix_conv2d
    outputs = []
    for start in range(0, len(frames), conv.batch):
        batch = frames[start : start + conv.batch]
        packed = packing.pack_pixels(batch, conv.simd)
        rows = len(batch) * engine.positions
        result = np.zeros((rows, packing.row_length(conv.out_channels, conv.pe)),
                          engine.epilogue.output.dtype)  # fmt: skip
        run_entry(
            entry,
            conv.name,
            *(_pointer(array) for array in (packed, operands["b"], table, result)),
            ctypes.c_uint(len(batch)),
        )
        outputs.append(packing.unpack_rows(result, conv.out_channels))
    shape = (len(frames), *conv.output_shape)
    output = np.concatenate(outputs).reshape(shape) if outputs else np.empty(shape)
    return CsimResult(output[0] if single else output, len(outputs))


def _gemm(
    project: Project,
    gemm: Gemm,
    headers: Path,
    a: Any,
    b: Any,
    bias: Any = None,
    multiplier: Any = None,
    shift: Any = None,
) -> CsimResult:
    operands = matrices(gemm, a, b, bias, multiplier, shift)
    left, right = operands["a"], operands["b"]
    m, k = left.shape
    n = right.shape[1]
    table = np.zeros((0, 4), np.uint32)
    if gemm.has_parameters:
        sums = right.sum(axis=0, dtype=np.int64)
        folded = packing.fold_bias(operands.get("bias"), sums, gemm.input_zero_point)
        table = packing.pack_columns(folded, operands.get("multiplier"), operands.get("shift"), n)
    packed_a = packing.pack_rows(left, gemm.rows, gemm.input_format.dtype)
    packed_b = packing.pack_rows(right, gemm.cols, gemm.weight_format.dtype)
    output = gemm.epilogue.output.dtype
    packed_c = np.zeros((m, -(-n // gemm.cols) * gemm.cols), output)
    run_entry(
        library(project, headers).lineloom_gemm,
        gemm.name,
        *(_pointer(array) for array in (packed_a, packed_b, table, packed_c)),
        *(ctypes.c_uint(size) for size in (m, k, n)),
    )
    return CsimResult(packing.unpack_rows(packed_c, n), 1)


# ---------------------------------------------------------------------- library


def _pointer(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def run_entry(entry: Any, name: str, *arguments: Any) -> None:
    """Call a function of a library; what it complains of is a ToolFailed."""
    message = ctypes.create_string_buffer(_MESSAGE_BYTES)
    if entry(*arguments, message, ctypes.c_int(_MESSAGE_BYTES)):
        raise ToolFailed(f"{name}: C-sim stopped: {message.value.decode(errors='replace')}")


def library(project: Project, headers: Path = INCLUDE, *, traced: bool = False) -> ctypes.CDLL:
    """The compiled design, from the cache if it was compiled before.

    If it is `traced`, it keeps what is written to streams of words; with our headers alone.
    """
    design = project.design
    kind = KINDS[type(design)]
    sources = [project.source(".cpp"), _HERE / f"csim_{kind}.cpp"]
    defines = [f'-DLINELOOM_HEADER="{design.name}.hpp"', f"-DLINELOOM_TOP={design.name}"]
    if isinstance(design, Conv2d | DataflowNetwork):
        defines.append(f"-DLINELOOM_OUTPUT_BEATS={np.prod(design.output_shape) // design.pe}")
    if isinstance(design, Conv2d):
        defines += ["-DLINELOOM_LOAD"] if design.weights == "load" else []
    elif not isinstance(design, DataflowNetwork | OverlayNetwork) and design.has_parameters:
        defines.append("-DLINELOOM_PARAMETERS")
    if isinstance(design, MatrixConv2d):
        defines.append(f"-DLINELOOM_FILTERS={design.conv.out_channels}")
        if design.u_words:
            words = {"WORD": design.u_word, "WORDS": design.u_words}
            defines += [f"-DLINELOOM_U_{name}={value}" for name, value in words.items()]
    defines += ["-include", str(_HERE / "csim_trace.hpp")] if traced else []
    return compiled(design.name, sources, defines, headers)


def compiled(
    name: str, sources: Sequence[Path], defines: Sequence[str], headers: Path = INCLUDE
) -> ctypes.CDLL:
    """A library of `sources`, from the cache if it was compiled before.

    The first of them is the generated one; the headers beside it are its own.
    """
    flags = [*_FLAGS, *defines, *([] if headers == INCLUDE else _VENDOR_FLAGS)]
    own = sources[0].parent
    read = [*sources, *sorted(own.glob("*.hpp")), *sorted(_HERE.glob("csim_*.hpp")),
            *sorted(headers.rglob("*.h")), *sorted(INCLUDE.glob("*.h"))]  # fmt: skip
    for file in sources:
        if not file.is_file():
            raise InputError(f"{file}: is missing; generate the project again")
    # The compiler tunes for this machine's processor, which a shared cache may not be read on.
    key = hashlib.sha256("\0".join([*tools.cxx(), *flags, tools.processor()]).encode())
    for file in read:
        key.update(file.read_bytes())
    made = tools.cache_folder() / "csim" / f"{key.hexdigest()[:32]}.so"
    if not made.is_file():
        includes = [f"-I{own}"]
        # The vendor's set lacks ap_axi_sdata.h; ours is written to its public interface alone.
        ours = [f"-I{INCLUDE}"]
        vendors = ["-isystem", str(headers), f"-idirafter{INCLUDE}"]
        includes += ours if headers == INCLUDE else vendors
        _compile(made, [*tools.cxx(), *flags, *includes, *map(str, sources)], name)
    return _loaded(made)


def _compile(made: Path, command: Sequence[str], name: str) -> None:
    made.parent.mkdir(parents=True, exist_ok=True)
    with (
        made.with_suffix(".lock").open("w") as lock,
        tempfile.TemporaryDirectory(dir=made.parent) as scratch,
    ):
        # Whoever comes second waits instead of doing the same.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made.is_file():
            return
        built = Path(scratch) / made.name
        tools.run([*command, "-o", str(built)], what=f"compiling {name} for C-sim")
        built.rename(made)


@cache
def _loaded(path: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(path))
