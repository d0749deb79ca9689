"""C-simulation: the generated C++ puts out what the golden models say, bit for bit."""

from __future__ import annotations

import importlib.util
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from conftest import Lineloom
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import conv2ds, gemms, operands, parameters, seeds, sizes

from hls import Clip, Conv2d, Gemm, InputError, Parameters, Project, ToolFailed, generate, tools
from hls.parameters import random_parameters
from sim import reference, vectors

# ---------------------------------------------------------------------- random designs


def check_conv2d(conv: Conv2d, held: Parameters, seed: int) -> None:
    """Compile a convolution and compare four frames, three of them back to back in one call."""
    x = vectors.frames(conv, 4, seed)
    with tempfile.TemporaryDirectory() as folder:
        got = generate(conv, Path(folder) / "design", parameters=held).csim(x)
    expected = reference.conv2d_output(conv, held, x)
    assert got.calls == 2
    assert got.output.dtype == expected.dtype
    np.testing.assert_array_equal(got.output, expected)


def check_gemm(gemm: Gemm, runs: list[dict[str, Any]]) -> None:
    """Compile a GEMM once and compare the products of all `runs`, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        project = generate(gemm, Path(folder) / "design")
        for run in runs:
            got = project.csim(**run).output
            expected = reference.gemm_output(gemm, **run)
            assert got.dtype == expected.dtype
            np.testing.assert_array_equal(got, expected)


def conv2d_examples(corner: str) -> Callable[..., None]:
    """A property test over random convolutions from one corner of the legal designs."""

    @given(st.data())
    def examples(data: st.DataObject) -> None:
        conv = data.draw(conv2ds(corner), label="design")
        check_conv2d(conv, data.draw(parameters(conv)), data.draw(seeds, label="seed"))

    return examples


def gemm_examples(corner: str) -> Callable[..., None]:
    """A property test over random GEMMs; each runs three products."""

    @given(st.data())
    def examples(data: st.DataObject) -> None:
        gemm = data.draw(gemms(corner), label="design")
        chosen = data.draw(st.lists(sizes(gemm), min_size=3, max_size=3), label="m, k, n")
        check_gemm(gemm, [data.draw(operands(gemm, *size)) for size in chosen])

    return examples


# Each example is a compilation of two seconds, so a steady run has few, spread over the corners,
# and does not look for a smaller one when it fails. A soak run does.
STEADY = (hypothesis.Phase.explicit, hypothesis.Phase.generate)


@pytest.mark.parametrize(
    ("corner", "examples"),
    [("plain", 6), ("grouped", 3), ("depthwise", 3), ("bundled", 4), ("pooled", 6), ("large", 2)],
)
def test_random_convolutions_match_the_golden_model(corner: str, examples: int) -> None:
    steady = settings(max_examples=examples, phases=STEADY)
    hypothesis.seed(corner)(steady(conv2d_examples(corner)))()


@pytest.mark.parametrize(("corner", "examples"), [("raw", 3), ("requantized", 5)])
def test_random_gemms_match_the_golden_model(corner: str, examples: int) -> None:
    steady = settings(max_examples=examples, phases=STEADY)
    hypothesis.seed(corner)(steady(gemm_examples(corner)))()


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["conv2d", "gemm"])
def test_random_designs_match_for_a_long_time(
    kind: str, soak_seconds: float, empty_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    end, rounds = time.monotonic() + soak_seconds, 0
    property_test, corners = {
        "conv2d": (conv2d_examples, ["any", "pooled", "bundled", "grouped", "depthwise", "large"]),
        "gemm": (gemm_examples, ["any"]),
    }[kind]
    while time.monotonic() < end or not rounds:
        seed = random.SystemRandom().getrandbits(32)
        corner = corners[rounds % len(corners)]
        with capsys.disabled():
            print(f"\n{kind} ({corner}) with hypothesis.seed({seed})", end="", flush=True)
        hypothesis.seed(seed)(settings(max_examples=10)(property_test(corner)))()
        rounds += 1


# ---------------------------------------------------------------------- the layers of the issue

LAYERS = {
    "28x28x1-8-k5-valid": "--input 28x28x1 --filters 8 --kernel 5 --pe 4",
    "14x14x64-64-k3-same": (
        "--input 14x14x64 --filters 64 --kernel 3 --padding same --simd 8 --pe 8"
    ),
    "14x14x128-128-k1": "--input 14x14x128 --filters 128 --kernel 1 --simd 16 --pe 8",
    "32x32x3-16-k3-stride-2": (
        "--input 32x32x3 --filters 16 --kernel 3 --stride 2 --padding 1 --simd 3 --pe 4"
    ),
    "27x27x96-64-k5-2-groups": (
        "--input 27x27x96 --filters 64 --kernel 5 --padding same --groups 2 --simd 16 --pe 16"
    ),
    "16x16x32-depthwise-k3": (
        "--input 16x16x32 --filters 32 --kernel 3 --padding same --groups 32 --simd 8 --pe 8"
    ),
    "20x30x5-7-k3x5-dilated-per-channel": (
        "--input 20x30x5 --filters 7 --kernel 3x5 --dilation 2 --requantize channel --simd 5"
    ),
}


@pytest.mark.parametrize("options", LAYERS.values(), ids=LAYERS)
def test_layers_match_through_the_command_line(
    options: str, lineloom: Lineloom, tmp_path: Path
) -> None:
    made = lineloom("conv2d", *options.split(), "--seed", 3, "-o", tmp_path / "conv", "--json")
    assert (made.code, made.err) == (0, "")
    frames = made.json["shapes"]["output"]
    run = lineloom("csim", tmp_path / "conv", "--frames", 3, "--seed", 1, "--json")
    assert run.code == 0
    result = run.json
    assert (result["match"], result["mismatches"], result["first_mismatch"]) == (True, 0, None)
    assert result["shape"] == [3, *frames]
    assert result["outputs"] == np.prod([3, *frames])
    assert result["calls"] == 1  # the three frames ran back to back


GEMM_8X8 = "--max-m 100 --max-k 77 --max-n 64 --rows 8 --cols 8"


@pytest.mark.parametrize(
    ("m", "k", "n"), [(1, 1, 1), (1, 64, 10), (7, 13, 5), (64, 64, 64), (100, 77, 33)]
)
def test_products_of_any_size_match_on_one_8x8_array(
    m: int, k: int, n: int, lineloom: Lineloom, tmp_path: Path
) -> None:
    # The same design has the same bytes, so all sizes share one compiled library.
    assert lineloom("gemm", *GEMM_8X8.split(), "-o", tmp_path / "gemm").code == 0
    run = lineloom("csim", tmp_path / "gemm", "--m", m, "--k", k, "--n", n, "--json")
    assert run.code == 0
    assert (run.json["match"], run.json["shape"]) == (True, [m, n])


def test_input_and_output_files_replace_random_frames(lineloom: Lineloom, tmp_path: Path) -> None:
    folder = tmp_path / "conv"
    assert lineloom("conv2d", *LAYERS["28x28x1-8-k5-valid"].split(), "-o", folder).code == 0
    project = Project.open(folder)
    assert isinstance(project.design, Conv2d)
    assert project.parameters is not None
    x = vectors.frames(project.design, 2, 9)
    np.save(tmp_path / "x.npy", x)
    files = ("--input", tmp_path / "x.npy", "--output", tmp_path / "y.npy")
    assert lineloom("csim", folder, *files).code == 0
    expected = reference.conv2d_output(project.design, project.parameters, x)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)


# ---------------------------------------------------------------------- state, between frames

LOADED = Conv2d(
    height=6, width=5, in_channels=3, out_channels=4, padding="same", simd=3, pe=2,
    requantize="channel", input_zero_point=-7, weights="load", name="loaded",
)  # fmt: skip


def test_a_zero_point_may_be_wider_than_sum_and_multiplier(tmp_path: Path) -> None:
    """It once overflowed the bits of sum, multiplier and shift, and clamped to the wrong end."""
    conv = Conv2d(
        height=3, width=3, in_channels=1, out_channels=1, accumulator="s10", output="u12",
        multiplier_bits=1, max_shift=3, output_zero_point=4095, name="wide_zero",
    )  # fmt: skip
    arrays = {"weights": np.ones((1, 3, 3, 1), int), "bias": [0], "multiplier": [1], "shift": [0]}
    project = generate(conv, tmp_path / "wide_zero", parameters=arrays)
    x = np.full((2, 3, 3, 1), [[[[50]]], [[[-50]]]], np.int8)
    assert project.csim(x).output.reshape(-1).tolist() == [4095, 4095 - 450]


def test_frames_back_to_back_equal_frames_one_by_one(tmp_path: Path) -> None:
    project = generate(LOADED, tmp_path / "conv", seed=2)
    x = vectors.frames(LOADED, 3, 5)
    together = project.csim(x)
    assert together.calls == 1
    assert together.output.shape == (3, *LOADED.output_shape)
    np.testing.assert_array_equal(together.output, [project.csim(frame).output for frame in x])


def test_weights_loaded_later_replace_those_before(tmp_path: Path) -> None:
    project = generate(LOADED, tmp_path / "conv")
    x = vectors.frames(LOADED, 2, 5)
    outputs = []
    for seed in (11, 12, 11):
        held = random_parameters(LOADED, seed)
        outputs.append(project.csim(x, parameters=held).output)
        np.testing.assert_array_equal(outputs[-1], reference.conv2d_output(LOADED, held, x))
    assert (outputs[0] != outputs[1]).any()
    np.testing.assert_array_equal(outputs[0], outputs[2])


def test_weights_of_the_project_are_loaded_unless_others_are_given(tmp_path: Path) -> None:
    project = generate(LOADED, tmp_path / "conv", seed=31)
    x = vectors.frames(LOADED, 1, 5)
    expected = reference.conv2d_output(LOADED, random_parameters(LOADED, 31), x)
    np.testing.assert_array_equal(project.csim(x).output, expected)


# ---------------------------------------------------------------------- the vendor's headers


@pytest.fixture
def vendor_headers() -> Path:
    """The vendor's ap_types, which the hls4ml wheel carries."""
    found = importlib.util.find_spec("hls4ml")
    if found is None or not found.submodule_search_locations:
        pytest.skip("hls4ml, whose wheel carries the vendor's ap_int.h, is not installed")
    return Path(found.submodule_search_locations[0]) / "templates" / "vivado" / "ap_types"


VENDOR_CONVOLUTIONS = {
    "zero-points-and-average-pooling": Conv2d(
        height=7, width=9, in_channels=4, out_channels=6, kernel=(3, 2), stride=(1, 2), padding=1,
        input="u5", weight="s3", output="u7", input_zero_point=13, output_zero_point=40,
        requantize="channel", activation="relu", simd=2, pe=3, taps="row", name="vendor1",
    ),
    "loaded-groups-wrapping-accumulator": Conv2d(
        height=5, width=6, in_channels=4, out_channels=8, groups=2, dilation=2, padding="same",
        input="s16", weight="s11", accumulator="s24", requantize="none", activation=Clip(
            low=-(2**20), high=2**21), simd=4, pe=8, weights="load", name="vendor2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("conv", VENDOR_CONVOLUTIONS.values(), ids=VENDOR_CONVOLUTIONS)
def test_convolutions_match_with_the_vendors_headers(
    conv: Conv2d, vendor_headers: Path, tmp_path: Path
) -> None:
    project = generate(conv, tmp_path / "conv", seed=1)
    x = vectors.frames(conv, 3, 2)
    assert project.parameters is not None
    expected = reference.conv2d_output(conv, project.parameters, x)
    np.testing.assert_array_equal(project.csim(x, headers=vendor_headers).output, expected)


def test_products_match_with_the_vendors_headers(vendor_headers: Path, tmp_path: Path) -> None:
    gemm = Gemm(
        max_m=20, max_k=30, max_n=20, rows=4, cols=4, bias="s32", requantize="channel",
        input="u8", input_zero_point=128, output_zero_point=-3, name="vendor3",
    )  # fmt: skip
    project = generate(gemm, tmp_path / "gemm")
    for m, k, n in ((20, 30, 20), (5, 7, 3)):
        run = vectors.gemm_operands(gemm, m, k, n, seed=m)
        expected = reference.gemm_output(gemm, **run)
        np.testing.assert_array_equal(project.csim(**run, headers=vendor_headers).output, expected)


# ---------------------------------------------------------------------- operands

BAKED = Conv2d(height=6, width=5, in_channels=3, out_channels=4, input="s6", name="baked")
PRODUCT = Gemm(max_m=8, max_k=9, max_n=10, bias="s8", requantize="tensor", max_shift=20,
               multiplier_bits=8, weight="u4", name="product")  # fmt: skip


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (np.zeros((1, 6, 5, 4), np.int8), r"x: has shape \[1, 6, 5, 4\]; .* \[any, 6, 5, 3\]"),
        (np.zeros((6, 5), np.int8), r"x: has shape \[6, 5\]"),
        (np.zeros((6, 5, 2), np.int8), r"x: has shape \[1, 6, 5, 2\]"),
        (np.zeros((1, 6, 5, 3)), "x: has dtype float64; it must hold integers of s6"),
        (np.zeros((1, 6, 5, 3), bool), "x: has dtype bool"),
        (np.full((1, 6, 5, 3), 32), r"x: holds values outside -32\.\.31 of s6"),
        (np.full((1, 6, 5, 3), -33), r"x: holds values outside -32\.\.31 of s6"),
    ],
)
def test_frames_that_do_not_fit_are_refused(x: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        generate(BAKED, tmp_path / "conv").csim(x)


def test_weights_cannot_be_loaded_where_they_are_baked_in(tmp_path: Path) -> None:
    project = generate(BAKED, tmp_path / "conv")
    with pytest.raises(InputError, match="baked in; generate with weights='load'"):
        project.csim(np.zeros(BAKED.input_shape, np.int8), parameters=project.parameters)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"a": np.zeros((9, 2), int)}, r"m=9 is outside 1\.\.8"),
        ({"a": np.zeros((2, 10), int), "b": np.zeros((10, 2), int)}, r"k=10 is outside 1\.\.9"),
        ({"a": np.zeros((0, 2), int)}, r"m=0 is outside 1\.\.8"),
        ({"b": np.zeros((2, 11), int)}, r"n=11 is outside 1\.\.10"),
        ({"b": np.zeros((3, 3), int)}, r"b: has shape \[3, 3\]; it must be \[2, any\]"),
        ({"a": np.zeros(2, int)}, r"a: has shape \[2\]"),
        ({"a": np.zeros((2, 2))}, "a: has dtype float64"),
        ({"a": np.full((2, 2), 128)}, r"a: holds values outside -128\.\.127"),
        ({"b": np.full((2, 3), 16)}, r"b: holds values outside 0\.\.15 of u4"),
        ({"bias": np.zeros(2, int)}, r"bias: has shape \[2\]; it must be \[3\]"),
        ({"bias": np.full(3, 128)}, r"bias: holds values outside -128\.\.127"),
        ({"multiplier": None}, "requantizes, so give multiplier and shift"),
        ({"multiplier": 256}, r"multiplier: holds values outside 0\.\.255"),
        ({"multiplier": [1, 2]}, r"multiplier: has shape \[2\]"),
        ({"shift": -1}, "shift: holds values outside"),
        ({"shift": 21}, "shift: 21 is over max_shift=20"),
    ],
)
def test_operands_that_do_not_fit_are_refused(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    run = {"a": np.zeros((2, 2), int), "b": np.zeros((2, 3), int), "bias": np.zeros(3, int),
           "multiplier": 1, "shift": 0}  # fmt: skip
    with pytest.raises(InputError, match=said):
        generate(PRODUCT, tmp_path / "gemm").csim(**(run | change))


# ---------------------------------------------------------------------- the cache

TINY = Conv2d(height=2, width=3, in_channels=1, out_channels=1, kernel=1, name="tiny")


def test_a_second_run_does_not_compile(
    tmp_path: Path, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = vectors.frames(TINY, 1, 0)
    first = generate(TINY, tmp_path / "one").csim(x).output
    assert len(list(empty_cache.rglob("*.so"))) == 1

    def compile_again(*_: object, **__: object) -> str:
        raise ToolFailed("compiled")

    monkeypatch.setattr(tools, "run", compile_again)
    np.testing.assert_array_equal(generate(TINY, tmp_path / "two").csim(x).output, first)
    with pytest.raises(ToolFailed, match="compiled"):
        generate(TINY, tmp_path / "other", seed=1).csim(x)


def test_a_failed_compilation_is_reported_whole_and_not_kept(
    tmp_path: Path, empty_cache: Path
) -> None:
    project = generate(TINY, tmp_path / "conv")
    source = project.source(".cpp")
    good = source.read_text()
    source.write_text(good + "int broken() { return nonsense; }\n")
    with pytest.raises(ToolFailed, match=r"compiling tiny for C-sim failed(.|\n)*'nonsense'"):
        project.csim(vectors.frames(TINY, 1, 0))
    assert [path for path in empty_cache.rglob("*") if path.suffix not in ("", ".lock")] == []


# ---------------------------------------------------------------------- wrong hardware is noticed


def test_a_wrong_rounding_is_reported_with_its_first_mismatch(
    lineloom: Lineloom, tmp_path: Path
) -> None:
    # One product a sum, halved: every odd one is a tie.
    np.savez(tmp_path / "w.npz", weights=np.ones((1, 1, 1, 1), int), multiplier=1, shift=1)
    options = ["--input", "4x4x1", "--filters", "1", "--kernel", "1", "--bias-format", "none"]
    folder = tmp_path / "conv"
    made = lineloom("conv2d", *options, "--weights", tmp_path / "w.npz", "-o", folder)
    assert (made.code, made.err) == (0, "")
    kernel = folder / "src" / "conv.cpp"
    text = kernel.read_text()
    wrong = text.replace("(twice == one && odd)", "(twice == one && !odd)")
    assert wrong != text
    kernel.write_text(wrong)

    x = np.arange(16, dtype=np.int8).reshape(1, 4, 4, 1)
    np.save(tmp_path / "x.npy", x)
    run = lineloom("csim", folder, "--input", tmp_path / "x.npy", "--json")
    assert run.code == 1
    assert run.json["match"] is False
    assert run.json["mismatches"] == 8
    # 1/2 is 0, the even neighbour; the wrong kernel takes the odd one.
    assert run.json["first_mismatch"] == {"index": [0, 0, 1, 0], "got": 1, "expected": 0}


def test_a_kernel_that_loses_outputs_is_stopped(tmp_path: Path) -> None:
    project = generate(TINY, tmp_path / "conv")
    kernel = project.source(".cpp")
    text = kernel.read_text()
    wrong = text.replace("sent.last = beat == beats - 1;", "sent.last = beat == 0;")
    assert wrong != text
    kernel.write_text(wrong)
    with pytest.raises(ToolFailed, match="tiny: C-sim stopped: TLAST is not on the last"):
        project.csim(vectors.frames(TINY, 1, 0))
