"""Convolutions on the systolic array, by each algorithm and bit for bit the layer."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hls import Clip, Conv2d, Parameters, Pool, Project, generate
from hls.design import MatrixConv2d, NaiveConv2d, engine
from hls.errors import DesignError, InputError
from hls.partials_conv2d import PartialsConv2d
from host.packing import fold_bias
from sim import golden, reference, vectors
from sim.cosim import cosim

ARRAY = ["im2col", "implicit", "kn2row", "kn2row_partials"]

LAYERS: dict[str, dict[str, Any]] = {
    # Channels and filters that do not fill their words, frames that share a tile.
    "odd": {"height": 7, "width": 9, "in_channels": 5, "out_channels": 6, "padding": "same",
            "simd": 4, "pe": 4, "batch": 3},
    # Windows that skip rows and columns, zero points, one scale a filter.
    "strided": {"height": 11, "width": 8, "in_channels": 4, "out_channels": 5, "kernel": (3, 2),
                "stride": (2, 3), "dilation": (2, 1), "padding": (2, 1, 0, 3), "input": "u8",
                "weight": "s5", "output": "u8", "requantize": "channel", "input_zero_point": 131,
                "output_zero_point": 7, "activation": Clip(low=7, high=200), "simd": 2, "pe": 4,
                "batch": 2},
    # Rows that no window sees, raw sums, no table at all.
    "raw": {"height": 8, "width": 6, "in_channels": 8, "out_channels": 8, "kernel": 1, "stride": 3,
            "bias": None, "requantize": "none", "simd": 4, "pe": 2, "batch": 2},
    # More padding than the kernel reaches, so that windows lie in it as a whole.
    "padded": {"height": 4, "width": 5, "in_channels": 2, "out_channels": 3, "kernel": 2,
               "padding": (2, 3, 3, 2), "simd": 2, "pe": 2, "batch": 3},
    # A fully connected layer is the 1x1 case.
    "connected": {"height": 1, "width": 1, "in_channels": 40, "out_channels": 12, "kernel": 1,
                  "activation": "relu", "simd": 8, "pe": 4, "batch": 3},
}  # fmt: skip


def conv(name: str, algorithm: str) -> Conv2d:
    return Conv2d(name=f"{name}_{algorithm}", algorithm=algorithm, **LAYERS[name])


def golden_frames(project: Project, x: Any) -> Any:
    design = project.design
    assert isinstance(design, MatrixConv2d)
    assert project.parameters is not None
    return reference.conv2d_output(design.conv, project.parameters, x)


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        # implicit and kn2row share their templates: one of them in the quick tests.
        pytest.param(
            name, how, marks=[] if name == "strided" or how == "implicit" else [pytest.mark.soak]
        )
        for name in LAYERS
        for how in ARRAY
    ],
)
def test_csim_equals_golden(name: str, algorithm: str, tmp_path: Path) -> None:
    project = generate(conv(name, algorithm), tmp_path / "conv")
    x = vectors.frames(conv(name, algorithm), 4, seed=3)  # more than a call takes
    assert np.array_equal(project.csim(x).output, golden_frames(project, x))
    assert np.array_equal(project.csim(x[0]).output, golden_frames(project, x[:1])[0])


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("odd", "implicit"),
        ("strided", "kn2row"),
        ("strided", "im2col"),
        ("padded", "implicit"),
        ("strided", "kn2row_partials"),
    ],
)
def test_rtl_equals_golden_and_moves_the_bytes_of_the_model(
    name: str, algorithm: str, tmp_path: Path
) -> None:
    project = generate(conv(name, algorithm), tmp_path / "conv")
    batch = LAYERS[name]["batch"]
    for stalls in (0.0, 0.4):
        result = cosim(project, engine="fast", frames=batch, stalls=stalls, seed=2)
        assert result.match, (result.first_mismatch, result.violations)
        assert set(result.ii.values()) == {1}
        design = project.design
        assert isinstance(design, MatrixConv2d)
        moved = {
            port.removeprefix("m_axi_gmem_"): sum(counts.values())
            for port, counts in result.memory_bytes.items()
        }
        assert moved == design.traffic_bytes


def test_the_naive_baseline_is_right_and_moves_a_word_an_operand(tmp_path: Path) -> None:
    project = generate(conv("strided", "naive"), tmp_path / "conv")
    for stalls in (0.0, 0.3):
        result = cosim(project, engine="fast", frames=2, stalls=stalls)
        assert result.match, (result.first_mismatch, result.violations)
    design = project.design
    assert isinstance(design, NaiveConv2d)
    moved = {
        port.removeprefix("m_axi_gmem_"): sum(counts.values())
        for port, counts in result.memory_bytes.items()
    }
    assert moved == design.traffic_bytes
    x = vectors.frames(design.conv, 2, seed=3)
    assert np.array_equal(project.csim(x).output, golden_frames(project, x))


@pytest.mark.parametrize("algorithm", ["im2col", "kn2row_partials"])
def test_cocotb_agrees_with_the_fast_engine(algorithm: str, tmp_path: Path) -> None:
    project = generate(conv("raw", algorithm), tmp_path / "conv")
    fast, slow = (cosim(project, engine=name) for name in ("fast", "cocotb"))
    assert fast.match
    assert slow.match
    assert fast.cycles == slow.cycles
    assert fast.memory_bytes == slow.memory_bytes


def test_fewer_frames_than_the_batch_and_none_too_many(tmp_path: Path) -> None:
    project = generate(conv("odd", "kn2row"), tmp_path / "conv")
    assert cosim(project, engine="fast", frames=2, stalls=0.2).match
    with pytest.raises(InputError, match=r"frames=4 is over batch=3 of the design; generate one"):
        cosim(project, engine="fast", frames=4)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_patches_times_weights_is_the_convolution(data: st.DataObject) -> None:
    def size(low: int, high: int) -> int:
        return data.draw(st.integers(low, high))

    kernel, stride, dilation = ((size(1, 3), size(1, 3)) for _ in range(3))
    pads = tuple(size(0, 2) for _ in range(4))
    shape = (size(1, 2), size(7, 9), size(7, 9), size(1, 3))
    rng = np.random.default_rng(size(0, 1000))
    x = rng.integers(-128, 128, shape)
    weights = rng.integers(-128, 128, (size(1, 4), *kernel, shape[3]))
    zero_point = size(-3, 3)
    how: dict[str, Any] = {"stride": stride, "dilation": dilation, "pads": pads}
    wanted = golden.conv2d(x, weights, zero_point=zero_point, **how)
    patches = golden.patches(x, kernel, zero_point=zero_point, **how) - zero_point
    matrix = weights.transpose(1, 2, 3, 0).reshape(-1, len(weights))
    assert np.array_equal((patches @ matrix).reshape(wanted.shape), wanted)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_partials_of_the_taps_add_up_to_the_convolution(data: st.DataObject) -> None:
    """Whatever the padding and the zero point, at the corners of the formats."""

    def size(low: int, high: int) -> int:
        return data.draw(st.integers(low, high))

    def pair(high: int) -> tuple[int, int]:
        return size(1, high), size(1, high)

    layer = Conv2d(
        height=size(7, 9), width=size(7, 9), in_channels=size(1, 3), out_channels=size(1, 5),
        kernel=pair(3), stride=pair(3), dilation=pair(3), padding=[size(0, 2) for _ in range(4)],
        input=data.draw(st.sampled_from(["u8", "s8"])), requantize="none", bias=None,
        input_zero_point=data.draw(st.sampled_from([0, 3, 127])), algorithm="kn2row_partials",
        simd=2, pe=2, batch=size(1, 2),
    )  # fmt: skip
    made = engine(layer)
    assert isinstance(made, PartialsConv2d)
    low, high = layer.input_format.minimum, layer.input_format.maximum
    rng = np.random.default_rng(size(0, 1000))
    x = rng.choice([low, high, 0], (layer.batch, *layer.input_shape)).astype(
        layer.input_format.dtype
    )
    weights = rng.choice([-128, 127, 1], layer.weight_shape)
    held = Parameters(weights=weights, bias=None, multiplier=None, shift=None)
    wanted = reference.conv2d_output(layer, held, x)

    partials = reference.between(made, held, x).astype(np.int64)
    partials = partials.reshape(len(partials), -1, made.filter_words * layer.pe)
    padding = partials[0] if made.padding_pixels else np.zeros_like(partials[0])
    image = partials[made.padding_pixels :].reshape(*x.shape[:3], *padding.shape)
    bias = fold_bias(None, weights.sum(axis=(1, 2, 3)), layer.input_zero_point)
    rows, cols = layer.window.rows, layer.window.cols
    read = 0
    for frame, row, col in np.ndindex(wanted.shape[:3]):
        total = bias.copy()
        for tap in range(layer.window.taps):
            y = row * rows.stride + tap // cols.kernel * rows.dilation - layer.pads.top
            z = col * cols.stride + tap % cols.kernel * cols.dilation - layer.pads.left
            inside = 0 <= y < layer.height and 0 <= z < layer.width
            seen = image[frame, y, z] if inside else padding
            total += seen[tap, : layer.out_channels]
            read += inside or made.padding_pixels
        assert np.array_equal(total, wanted[frame, row, col])
    assert read * made.filter_words == made.read_words


def test_kn2row_moves_everything_once() -> None:
    """The layers that the comparison of algorithms names, within 1.10 of the compulsory traffic."""
    for size, channels, filters, kernel in (
        (7, 832, 256, 1), (14, 256, 1024, 1), (27, 64, 256, 1), (7, 192, 384, 3),
        (13, 384, 384, 3), (14, 512, 512, 3), (56, 64, 64, 3), (7, 48, 128, 5), (27, 96, 256, 5),
    ):  # fmt: skip
        design = engine(
            Conv2d(height=size, width=size, in_channels=channels, out_channels=filters,
                   kernel=kernel, padding="same", simd=8, pe=8, algorithm="kn2row")
        )  # fmt: skip
        assert isinstance(design, MatrixConv2d)
        compulsory = size * size * (channels + filters) + kernel * kernel * channels * filters
        assert design.dram_bytes <= 1.10 * compulsory


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"groups": 4}, "groups=4 is not possible with algorithm='implicit'; leave groups away"),
        ({"pooling": Pool()}, "pooling=Pool.* is not possible with algorithm='implicit'"),
        ({"taps": "one"}, "taps='one' is not possible"),
        ({"weights": "load"}, "weights='load' is not possible"),
        ({"bias_fraction": 4}, "bias_fraction=4 is not possible"),
        ({"simd": 3}, "simd=3 is not a power of two from 2 on, .*; use 2 or 4"),
        ({"pe": 1}, "pe=1 is not a power of two from 2 on"),
        ({"simd": 128}, "simd=128 is outside 1..64"),
        (
            {"algorithm": "kn2row_partials", "out_channels": 7300},
            "out_channels=7300 makes a matrix",
        ),
        (
            {"algorithm": "kn2row_partials", "batch": 4096},
            "batch=4096 makes a matrix of 65537 rows",
        ),
        ({"algorithm": "kn2row_partials", "pe": 64}, "pe=64 makes .* 2048 bits .* use pe up to 32"),
        ({"batch": 20000}, "batch=20000 makes a matrix of 320000 rows or columns, over 65536"),
        (
            {"algorithm": "fft"},
            "algorithm='fft' is unknown; use direct, im2col, implicit, kn2row, kn2row_partials, "
            "naive or auto",
        ),
        ({"algorithm": "direct", "batch": 2}, "batch=2 has no meaning for algorithm='direct'"),
        ({"padding": (5, 0, 0, 0), "kernel": 1, "stride": 64}, "padding top=5 hides the image"),
    ],
)
def test_refusals(change: dict[str, Any], words: str) -> None:
    good = Conv2d(height=4, width=4, in_channels=8, out_channels=8, padding="same", simd=4, pe=4,
                  algorithm="implicit")  # fmt: skip
    with pytest.raises(DesignError, match=words):
        dataclasses.replace(good, **change)
