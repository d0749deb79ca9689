"""The generated C++ test benches: they pass on what is generated, and fail on what is broken."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from hls import Clip, Conv2d, Gemm, Pool, bench, generate, tools
from hls.design import Design
from hls.project import Project
from hls.rendering import INCLUDE

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-label"]

CONVOLUTIONS = [
    Conv2d(
        name="plain", height=7, width=8, in_channels=4, out_channels=6, padding="same",
        simd=2, pe=3,
    ),
    Conv2d(
        name="grouped", height=9, width=7, in_channels=4, out_channels=8, groups=2,
        stride=(2, 1), dilation=(1, 2), padding=(2, 0, 1, 3), input="u8", weight="s4",
        input_zero_point=100, output_zero_point=-5, requantize="channel", simd=2, pe=4,
        taps="row", weights="load", pooling=Pool(kind="average", size=2, stride=1),
    ),
    Conv2d(
        name="depthwise", height=9, width=9, in_channels=6, out_channels=6, groups=6,
        kernel=(3, 2), stride=2, padding=(1, 2, 0, 1), simd=3, pe=3, taps="one", input="u4",
        weight="s4", output="u4", input_zero_point=7, output_zero_point=2,
        requantize="channel", activation="relu",
    ),
    Conv2d(
        name="wide", height=6, width=5, in_channels=4, out_channels=8, kernel=1, simd=4, pe=8,
        input="s16", weight="s16", output="s16", bias=None,
    ),
    Conv2d(
        name="raw", height=12, width=10, in_channels=2, out_channels=4, dilation=(2, 1),
        padding=2, simd=1, pe=2, requantize="none",
        pooling=Pool(kind="max", size=(3, 2), stride=(2, 1)),
    ),
    Conv2d(
        name="raw_loaded", height=7, width=8, in_channels=4, out_channels=4, kernel=2, simd=2,
        pe=4, requantize="none", bias="s32", weights="load",
        pooling=Pool(kind="average", size=3, stride=2),
    ),
    Conv2d(
        name="wrapping", height=5, width=5, in_channels=8, out_channels=16, groups=4, padding=1,
        simd=4, pe=8, weights="load", accumulator="s14", output="s6",
        activation=Clip(low=-20, high=25),
    ),
]  # fmt: skip

GEMMS = [
    Gemm(
        name="plain_gemm", max_m=13, max_k=21, max_n=19, rows=4, cols=4, tile_m=8, tile_n=8,
        tile_k=8,
    ),
    Gemm(
        name="quantized", max_m=10, max_k=70, max_n=9, rows=4, cols=2, input="u8", weight="s4",
        bias="s16", requantize="channel", input_zero_point=128, output_zero_point=3, output="u8",
        activation="relu",
    ),
    Gemm(
        name="biased", max_m=40, max_k=17, max_n=33, rows=8, cols=8, tile_m=16, tile_n=16,
        bias="u12", input_zero_point=5,
    ),
    Gemm(
        name="wide_gemm", max_m=9, max_k=9, max_n=9, rows=2, cols=4, requantize="tensor",
        input="s16", weight="s16", output="s16",
    ),
    Gemm(
        name="wrapping_gemm", max_m=5, max_k=300, max_n=5, rows=2, cols=2, requantize="channel",
        max_shift=20, multiplier_bits=8, bias="s32", accumulator="s20",
    ),
    Gemm(
        name="clipped", max_m=6, max_k=6, max_n=6, rows=4, cols=4, input="u4", weight="u4",
        activation=Clip(low=3, high=900),
    ),
    Gemm(name="single", max_m=1, max_k=1, max_n=1, rows=2, cols=2),
]  # fmt: skip

ARRAYS = [
    Conv2d(
        name="unrolled", height=6, width=5, in_channels=3, out_channels=5, stride=(2, 1),
        padding=(1, 2, 0, 1), input="u8", weight="s4", input_zero_point=100, output_zero_point=-5,
        requantize="channel", algorithm="im2col", simd=2, pe=4, batch=2,
    ),
    Conv2d(
        name="streamed", height=7, width=6, in_channels=4, out_channels=6, kernel=(2, 3),
        dilation=2, padding="same", algorithm="implicit", simd=4, pe=2, batch=2,
    ),
    Conv2d(
        name="shifted", height=5, width=5, in_channels=2, out_channels=2, bias=None,
        requantize="none", algorithm="kn2row", simd=2, pe=2,
    ),
    Conv2d(
        name="apart", height=5, width=6, in_channels=3, out_channels=5, kernel=(2, 3),
        stride=(2, 1), padding=(1, 0, 2, 1), input="u8", weight="s4", input_zero_point=100,
        output_zero_point=-5, requantize="channel", algorithm="kn2row_partials", simd=2, pe=4,
        batch=2,
    ),
]  # fmt: skip

EVERY: list[Design] = [*CONVOLUTIONS, *GEMMS, *ARRAYS]
DESIGNS = {design.name: design for design in EVERY}


def build(name: str, folder: Path) -> Project:
    """Generate one of the designs."""
    design = DESIGNS[name]
    if name != "plain":
        return generate(design, folder / name, seed=1)
    # A power of two makes products that lie halfway between two outputs.
    assert isinstance(design, Conv2d)
    rng = np.random.default_rng(1)
    arrays = {
        "weights": rng.integers(-20, 20, design.weight_shape),
        "bias": rng.integers(-50, 50, design.out_channels),
        "multiplier": np.int64(1),
        "shift": np.int64(5),
    }
    return generate(design, folder / name, parameters=arrays)


def compiled(
    source: Path, project: Project, folder: Path, warnings: Sequence[str] = WARNINGS
) -> Path:
    """An object file of `source`, made with our headers."""
    made = folder / f"{source.stem}.o"
    includes = [f"-I{INCLUDE}", f"-I{project.path / 'src'}"]
    flags = ["-std=c++17", "-O1", "-g0", "-fno-sanitize=all", *warnings]
    tools.run(
        [*tools.cxx(), *flags, *includes, "-c", source, "-o", made],
        what=f"compiling {source.name}",
        env={"NO_COLOR": "1"},
    )
    return made


def linked(objects: list[Path], program: Path) -> Path:
    tools.run([*tools.cxx(), *objects, "-o", program], what=f"linking {program.name}")
    return program


def outcome(program: Path) -> tuple[int, str]:
    """Exit code and output of a test bench."""
    done = subprocess.run([program], capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def vendor_headers() -> Path:
    """The vendor's ap_int.h and hls_stream.h, which the hls4ml wheel carries."""
    try:
        wheel = importlib.metadata.distribution("hls4ml")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("hls4ml, whose wheel carries the vendor's ap_int.h, is not installed")
    return Path(str(wheel.locate_file("hls4ml/templates/vivado/ap_types")))


# ---- on what is generated ----------------------------------------------------------------------


@pytest.mark.parametrize("name", DESIGNS)
def test_passes(name: str, tmp_path: Path) -> None:
    project = build(name, tmp_path)
    objects = [compiled(project.source(end), project, tmp_path) for end in (".cpp", "_tb.cpp")]
    code, output = outcome(linked(objects, tmp_path / "bench"))
    assert code == 0, output
    assert f"{name}: PASS, 0 of" in output


@pytest.mark.parametrize(
    ("name", "standard"),
    [("plain", "c++11"), ("grouped", "c++14"), ("quantized", "c++11"), ("unrolled", "c++11")],
)
def test_passes_with_the_vendors_headers(name: str, standard: str, tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    project = build(name, tmp_path)
    # The vendor's constructors read their own uninitialised bits.
    flags = [f"-std={standard}", "-O0", *WARNINGS, "-Wno-uninitialized", "-Wno-maybe-uninitialized"]
    includes: list[str | Path] = [
        "-isystem",
        vendor_headers(),
        "-idirafter",
        INCLUDE,
        f"-I{project.path / 'src'}",
    ]
    sources = [project.source(".cpp"), project.source("_tb.cpp")]
    program = tmp_path / "bench"
    tools.run(["g++", *flags, *includes, *sources, "-o", program], what="compiling with g++")
    code, output = outcome(program)
    assert code == 0, output
    assert f"{name}: PASS, 0 of" in output


# ---- on what is broken -------------------------------------------------------------------------

BROKEN = [
    ("plain", "padding", "row_inside && col_inside ?", "row_inside ?"),
    ("plain", "rounding", "twice > one || (twice == one && odd)", "twice >= one"),
    ("plain", "ties", "(twice == one && odd)", "(twice == one && !odd)"),
    ("plain", "weight", "[weight_word][p][t][s]", "[weight_word][p][t][kChannelsPerPe - 1]"),
    ("plain", "tap", "[weight_word][p][t][s]", "[weight_word][p][kTaps - 1 - t][s]"),
    ("plain", "bias", " + Acc_t(kBias[row][l])", ""),
    ("plain", "clamp", "value > kOutputHigh ?", "value > 2 * kOutputHigh ?"),
    ("plain", "last", "sent.last = beat == beats - 1", "sent.last = true"),
    ("plain", "keep", "sent.keep = -1", "sent.keep = 1"),
    ("plain", "strb", "sent.strb = -1", "sent.strb = 0"),
    ("plain", "extra beat", "    out.write(sent);", "    out.write(sent);\n    out.write(sent);"),
    ("plain", "stale counter", "  ap_uint<3> out_row = ", "  static ap_uint<3> out_row = "),
    ("grouped", "zero point", "Pixel_t(kInputZeroPoint)", "Pixel_t(0)"),
    ("grouped", "stride", "row_phase == 0", "row_phase == 1"),
    ("grouped", "mean", "twice == kPoolTaps && odd", "twice == kPoolTaps"),
    ("grouped", "ties", "twice > one || (twice == one && odd)", "twice >= one"),
    ("grouped", "bias", "bias[i][l] = wide_bias", "bias[i][l] = -wide_bias"),
    ("grouped", "unread", "i < 4 * kOutChannels", "i < 4 * kOutChannels - 1"),
    ("raw", "maximum", "value > best ? value : best", "value < best ? value : best"),
    ("plain_gemm", "sub tiles", "index[0] = (sub_row", "index[0] = (sub_col"),
    ("plain_gemm", "first sum", "first[r + c] ? Acc_t(0) :", "false ? Acc_t(0) :"),
    ("plain_gemm", "rows below", "out == leaving.tile.rows_last", "out == kTileRows - 1"),
    ("plain_gemm", "early results", "wait = kDrainWait", "wait = 0"),
    ("plain_gemm", "place", "place = fill_place + filling.word", "place = filling.word"),
    ("plain_gemm", "next tiles", "tiles_at += walk.tile.right ? tile_step : 0;", ""),
    ("plain_gemm", "legality", "m - 1 < unsigned(kMaxM)", "m - 1 <= unsigned(kMaxM)"),
    ("quantized", "ties", "twice > one || (twice == one && odd)", "twice >= one"),
    ("wide_gemm", "ties", "(twice == one && odd)", "(twice == one && !odd)"),
    ("wrapping", "ties", "(twice == one && odd)", "twice == one"),
    ("quantized", "bias", "lanes[l] + bias", "lanes[l] - bias"),
    ("quantized", "shift", "column.range(127, 96)", "column.range(127, 96) + 1"),
    ("quantized", "clamp", "value < kOutputLow", "value < kOutputLow - 50"),
    ("apart", "padding", "inside ? pixel_at : 0)", "inside ? pixel_at : kPixelStep)"),
    ("apart", "frames", "frame_ends ? kFrameStep :", "false ? kFrameStep :"),
]


@cache
def compiled_bench(name: str, folder: Path) -> tuple[Project, Path]:
    """A design, and the object file of its test bench, shared by the tests that break it."""
    project = build(name, folder)
    return project, compiled(project.source("_tb.cpp"), project, folder)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benches")


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [pytest.param(n, right, wrong, id=f"{n}: {what}") for n, what, right, wrong in BROKEN],
)
def test_fails_on_a_broken_kernel(
    name: str, right: str, wrong: str, shared: Path, tmp_path: Path
) -> None:
    project, bench_object = compiled_bench(name, shared)
    text = project.source(".cpp").read_text()
    assert right in text, "the kernel's text has changed; bring this list in line"
    broken = tmp_path / f"{name}.cpp"
    broken.write_text(text.replace(right, wrong))
    kernel = compiled(broken, project, tmp_path, warnings=["-w"])
    code, output = outcome(linked([kernel, bench_object], tmp_path / "bench"))
    assert code != 0, output
    assert f"{name}: FAIL" in output or "is read while empty" in output, output


def test_a_mismatch_is_printed_with_its_place(shared: Path, tmp_path: Path) -> None:
    project, bench_object = compiled_bench("plain", shared)
    broken = tmp_path / "plain.cpp"
    text = project.source(".cpp").read_text()
    broken.write_text(text.replace("floor[0];", "floor[0];\n  return 77;"))
    kernel = compiled(broken, project, tmp_path, warnings=["-w"])
    code, output = outcome(linked([kernel, bench_object], tmp_path / "bench"))
    lines = output.splitlines()
    assert code == 1
    assert lines[0].startswith("call 1, frame 0, [0, 0, 0]: got 77, expected ")
    assert lines[10].startswith("... and ")
    assert lines[11].startswith("plain: FAIL, ")
    assert len(lines) == 12


# ---- what the benches feed ---------------------------------------------------------------------


def layer(size: int, channels: int) -> Conv2d:
    return Conv2d(height=size, width=size, in_channels=channels, out_channels=channels, padding=1)


def test_a_large_convolution_gets_fewer_frames() -> None:
    small, medium, large = (
        [len(call) for call in bench.conv2d(conv)["calls"]]
        for conv in (layer(8, 4), layer(28, 32), layer(56, 64))
    )
    assert small == [3, 3]
    assert medium == [2, 1]
    assert large == [1, 1]


@pytest.mark.parametrize("limits", [(1, 1, 1), (13, 21, 19), (2, 300, 5), (2048, 4096, 1000)])
def test_sizes_of_a_gemm(limits: tuple[int, int, int]) -> None:
    m, k, n = limits
    cases = bench.gemm(Gemm(max_m=m, max_k=k, max_n=n))["cases"]
    sizes = [(case["m"], case["k"], case["n"]) for case in cases]
    assert sizes[0] == (1, 1, 1)
    assert len(set(sizes)) == len(sizes)
    assert all(1 <= s <= most for case in sizes for s, most in zip(case, limits, strict=True))
    for axis in range(3):
        assert any(case[axis] == limits[axis] for case in sizes), "each maximum is reached"
    assert all(a * b * c <= bench.QUICK_MACS for a, b, c in sizes)


# ---- the README --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DESIGNS)
def test_readme_tells_the_manifests_facts(name: str, tmp_path: Path) -> None:
    project = build(name, tmp_path)
    text = (project.path / "README.md").read_text()
    manifest = json.loads((project.path / "manifest.json").read_text())
    for port in manifest["ports"]:
        assert f"| {port['name']} | {port['direction']} | {port['width_bits']} |" in text
    registers = manifest["registers"]["arguments"]
    for argument, register in registers.items():
        assert f"| {argument} | {register['offset']:#04x} | {register['bits']} |" in text
    for cost in manifest["costs"].values():
        assert f"| {cost:,} |" in text
    assert str(tmp_path) not in text
    assert not any(line.startswith("|") and not line.endswith("|") for line in text.splitlines())
