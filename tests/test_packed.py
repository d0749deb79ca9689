"""Designs with two products a DSP: right to the bit in C++ and RTL, as fast, with half the DSPs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Lineloom
from hypothesis import given, settings
from hypothesis import strategies as st

from hls import Conv2d, Gemm, InputError, Parameters, Project, generate
from hls.estimate import estimate
from hls.manifest import manifest
from hls.parameters import random_parameters
from host import AcceleratorError
from host.manifest import Engine
from sim import reference, vectors
from sim.cosim import cosim
from sim.csim import csim

LAYER: dict[str, Any] = {
    "height": 5, "width": 6, "in_channels": 8, "out_channels": 8, "padding": "same",
    "packing": "auto",
}  # fmt: skip

CONVS = {
    conv.name: conv
    for conv in (
        # Sums of four come apart; several of those, folds over filters and channels.
        Conv2d(**LAYER, simd=4, pe=4, name="fours"),
        # Sums of three, weights at run time in two words, groups, a scale for each channel.
        Conv2d(**LAYER, groups=2, simd=4, pe=2, taps="row", weights="load", requantize="channel",
               name="loaded"),
        # One product at a time, so that weights may be -128; padding of another value than 0.
        Conv2d(**LAYER, simd=1, pe=2, taps="one", input="u8", input_zero_point=128, name="ones"),
        # Several groups in a beat; the same shift without the narrowing on the wider port.
        Conv2d(**(LAYER | {"packing": "dsp48e2"}), groups=4, simd=4, pe=4, input="u8",
               requantize="none", name="beats"),
        # Unsigned weights and pixels: nothing is added to the lower field.
        Conv2d(**LAYER, simd=2, pe=8, weight="u8", input="u8", requantize="none", taps="one",
               name="positive"),
    )
}  # fmt: skip

GEMMS = {
    gemm.name: gemm
    for gemm in (
        Gemm(name="plain", max_m=20, max_k=30, max_n=21, rows=4, cols=4, packing="auto"),
        Gemm(name="narrow", max_m=9, max_k=9, max_n=9, rows=2, cols=2, weight="s9", input="s8",
             packing="auto", requantize="channel", bias="s16"),
        Gemm(name="flat", max_m=5, max_k=20, max_n=40, rows=2, cols=8, input="u8", weight="s7",
             input_zero_point=128, bias="s32", packing="dsp48e1"),
    )
}  # fmt: skip


def corners(conv: Conv2d) -> Parameters:
    """Weights of which each is the least or the largest, in pairs of all four kinds."""
    drawn = random_parameters(conv, 1)
    arrays = {k: v for k, v in vars(drawn).items() if v is not None}
    fmt, rng = conv.weight_format, np.random.default_rng(2)
    arrays["weights"] = rng.choice([fmt.minimum, fmt.maximum], conv.weight_shape)
    arrays["weights"][:2] = fmt.minimum  # a pair whose sums are as negative, or positive, as can be
    return Parameters.checked(conv, arrays, "corners")


def operands(gemm: Gemm) -> dict[str, Any]:
    """Operands of which each is the least or the largest value."""
    made = vectors.gemm_operands(gemm, gemm.max_m, gemm.max_k, gemm.max_n, 3)
    rng = np.random.default_rng(4)
    for name, fmt in (("a", gemm.input_format), ("b", gemm.weight_format)):
        made[name] = rng.choice([fmt.minimum, fmt.maximum], made[name].shape).astype(fmt.dtype)
    return made


def check(project: Project, conv: Conv2d, parameters: Parameters, **options: Any) -> None:
    x = vectors.frames(conv, 3, 7)  # the second frame is all minimum, the third all maximum
    expected = reference.conv2d_output(conv, parameters, x)
    np.testing.assert_array_equal(csim(project, x, **options).output, expected)


# ---------------------------------------------------------------------- C++


@pytest.mark.parametrize("name", CONVS)
def test_corners_of_a_convolution(name: str, tmp_path: Path) -> None:
    conv = CONVS[name]
    assert conv.packed is not None
    parameters = corners(conv)
    project = generate(conv, tmp_path / name, parameters=parameters)
    check(project, conv, parameters)


@pytest.mark.parametrize("name", GEMMS)
def test_corners_of_a_product(name: str, tmp_path: Path) -> None:
    gemm = GEMMS[name]
    assert gemm.packed is not None
    project = generate(gemm, tmp_path / name)
    run = operands(gemm)
    np.testing.assert_array_equal(csim(project, **run).output, reference.gemm_output(gemm, **run))


@pytest.fixture(scope="module")
def array(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return generate(GEMMS["plain"], tmp_path_factory.mktemp("packed") / "plain")


@settings(max_examples=40)
@given(m=st.integers(1, 20), k=st.integers(1, 30), n=st.integers(1, 21), seed=st.integers(0, 999))
def test_products_of_any_size(array: Project, m: int, k: int, n: int, seed: int) -> None:
    run = vectors.gemm_operands(GEMMS["plain"], m, k, n, seed)
    expected = reference.gemm_output(GEMMS["plain"], **run)
    np.testing.assert_array_equal(csim(array, **run).output, expected)


def test_the_vendors_headers_agree(tmp_path: Path) -> None:
    found = importlib.util.find_spec("hls4ml")
    if found is None or not found.submodule_search_locations:
        pytest.skip("hls4ml, whose wheel carries the vendor's ap_int.h, is not installed")
    headers = Path(found.submodule_search_locations[0]) / "templates" / "vivado" / "ap_types"
    for name in ("loaded", "positive"):
        parameters = corners(CONVS[name])
        project = generate(CONVS[name], tmp_path / name, parameters=parameters)
        check(project, CONVS[name], parameters, headers=headers)
    gemm = GEMMS["narrow"]
    project, run = generate(gemm, tmp_path / gemm.name), operands(gemm)
    output = csim(project, **run, headers=headers).output
    np.testing.assert_array_equal(output, reference.gemm_output(gemm, **run))


# ---------------------------------------------------------------------- RTL


@pytest.mark.parametrize(("name", "engine"), [("fours", "cocotb"), ("loaded", "fast")])
def test_convolutions_in_rtl(name: str, engine: str, tmp_path: Path) -> None:
    conv = CONVS[name]
    project = generate(conv, tmp_path / name, parameters=corners(conv))
    free, stalled = (cosim(project, engine="fast", stalls=s, seed=3) for s in (0.0, 0.3))
    assert free.match
    assert stalled.match
    assert free.ii["multiply_steps"] == 1
    assert free.cycles_per_frame <= 1.03 * conv.predicted_cycles
    if engine == "cocotb":
        slow = cosim(project, engine=engine, stalls=0.0, seed=3)
        assert slow.match
        assert slow.cycles == free.cycles


def test_products_in_rtl(tmp_path: Path) -> None:
    gemm = GEMMS["narrow"]
    project = generate(gemm, tmp_path / "narrow")
    for stalls, sizes in ((0.0, (9, 9, 9)), (0.0, (1, 1, 1)), (0.3, (4, 9, 5)), (0.3, (9, 9, 9))):
        result = cosim(project, engine="fast", sizes=sizes, stalls=stalls, seed=5)
        assert result.match
        assert set(result.ii.values()) == {1}
        if not stalls:
            assert abs(gemm.cycles(*sizes) - result.cycles) <= 16
    assert cosim(project, engine="cocotb", sizes=(3, 9, 5), stalls=0.3).match


@pytest.mark.parametrize(
    "design",
    [
        Conv2d(height=4, width=4, in_channels=4, out_channels=8, kernel=1, simd=2, pe=4,
               requantize="none", packing="auto", name="conv8"),
        Gemm(max_m=2, max_k=4, max_n=2, rows=2, cols=2, packing="auto", name="gemm4"),
    ],
    ids=lambda design: design.name,
)  # fmt: skip
def test_two_products_take_one_dsp(design: Conv2d | Gemm, tmp_path: Path) -> None:
    """By Yosys; nothing is requantized here, so the multiplications are all that takes DSPs."""
    _, usage = estimate(generate(design, tmp_path / design.name), "xc7")
    assert usage.dsp == design.multiplications == design.multipliers // 2


def test_a_convolution_on_the_packed_array(tmp_path: Path) -> None:
    """The array of another algorithm packs as that of Gemm does; its weights may be -128."""
    conv = Conv2d(**LAYER, simd=4, pe=4, algorithm="implicit", batch=2, name="array1")
    parameters = corners(conv)
    assert conv.packed is not None
    assert int(parameters.weights.min()) == -128
    project = generate(conv, tmp_path / "array1", parameters=parameters)
    assert project.design.multiplications == 8
    x = vectors.frames(conv, 2, 7)
    expected = reference.conv2d_output(conv, parameters, x)
    np.testing.assert_array_equal(csim(project, x).output, expected)


# ---------------------------------------------------------------------- limits of the weights


def test_a_weight_that_does_not_pack_is_refused_with_the_remedy(tmp_path: Path) -> None:
    conv = CONVS["fours"]
    weights = random_parameters(conv, 0).weights.copy()
    weights[3, 1, 2, 5] = -128
    arrays = {k: v for k, v in vars(random_parameters(conv, 0)).items() if v is not None}
    says = (r"array 'weights' holds -128, outside -127\.\.127 of sym8; clip to -127\.\.127 "
            r"\(symmetric quantization\), or use packing='off'")  # fmt: skip
    with pytest.raises(InputError, match=says):
        generate(conv, tmp_path / "fours", parameters=arrays | {"weights": weights})
    assert not (tmp_path / "fours").exists()


def test_random_weights_keep_to_the_limits() -> None:
    for conv in (CONVS["fours"], CONVS["loaded"]):
        drawn = [random_parameters(conv, seed).weights for seed in range(20)]
        assert {int(np.min(drawn)), int(np.max(drawn))} == {-127, 127}
    b = [vectors.gemm_operands(GEMMS["narrow"], 9, 9, 9, seed)["b"] for seed in range(40)]
    assert (int(np.min(b)), int(np.max(b))) == (-255, 255)


def test_operands_outside_the_limits_are_refused(tmp_path: Path) -> None:
    gemm = GEMMS["narrow"]
    project, run = generate(gemm, tmp_path / "narrow"), operands(gemm)
    run["b"][0, 0] = -256
    with pytest.raises(InputError, match=r"b: holds values outside -255\.\.255 of sym9"):
        csim(project, **run)


def test_the_board_refuses_what_does_not_pack() -> None:
    """By the limits in the manifest; what the host library does with them is in test_host."""
    for design, name in ((CONVS["loaded"], "weights"), (GEMMS["narrow"], "b")):
        entry = Engine(design.name, manifest(design), Path()).required_format(name)
        least = entry.minimum
        assert least == design.weight_format.minimum == 1 - (1 << (design.weight_format.bits - 1))
        good = np.full((2, 3), least, entry.dtype)
        assert (entry.integers(name, good, (2, 3)) == least).all()
        assert (entry.check(name, good, (2, 3)) == least).all()
        for refuse in (entry.check, entry.integers):
            with pytest.raises(
                AcceleratorError, match=rf"{name} has values {least - 1}\.\..*sym\d "
            ):
                refuse(name, good - 1, (2, 3))


# ---------------------------------------------------------------------- the command line


def flat(text: str) -> str:
    """A text without the frames of tables, and on one line."""
    return " ".join(text.replace("│", " ").split())


def test_the_command_packs_and_shows_it(tmp_path: Path, lineloom: Lineloom) -> None:
    sizes = "--input 6x6x4 --filters 4 --simd 2 --pe 2 --packing auto"
    made = lineloom("conv2d", *sizes.split(), "-o", tmp_path / "conv")
    assert made.code == 0, made.err
    assert "two products a DSP48E1, shift 17, sums of 4, weights -127..127" in flat(made.out)
    shown = lineloom("show", tmp_path / "conv", "--json").json
    assert shown["design"]["packing"] == "auto"
    assert shown["packing"] == {
        "packed": True, "because": "", "block": "DSP48E1", "shift": 17, "products": 4,
    }  # fmt: skip
    assert (shown["costs"]["multipliers"], shown["costs"]["multiplications"]) == (36, 18)
    text = flat((tmp_path / "conv" / "README.md").read_text())
    assert "Two filters share a DSP block (DSP48E1)" in text
    assert "weights may not hold -128: clip to -127..127 (symmetric quantization)" in text


def test_the_command_says_why_it_does_not_pack(tmp_path: Path, lineloom: Lineloom) -> None:
    sizes = ["--input", "6x6x4", "--filters", "4", "--simd", "2", "--pe", "1"]
    made = lineloom("conv2d", *sizes, "--packing", "auto", "-o", tmp_path / "conv")
    assert made.code == 0, made.err
    assert "none: pe=1 leaves a filter without another" in flat(made.out)
    assert (
        "No two products share a DSP block: pe=1" in (tmp_path / "conv" / "README.md").read_text()
    )
    refused = lineloom("conv2d", *sizes, "--packing", "dsp48e1", "-o", tmp_path / "other")
    assert refused.code == 2
    assert "use an even pe for each group, or packing='off'" in refused.err
