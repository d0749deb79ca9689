"""manifest.json: the register map of Vitis HLS, the ports, and all a host needs to know."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import conv2ds, gemms

from hls import Conv2d, Fixed, Gemm
from hls.manifest import FORMAT, manifest
from hls.registers import register_map

designs = st.one_of(conv2ds(), gemms())


@settings(max_examples=150)
@given(designs)
def test_manifests_are_plain_json(design: Conv2d | Gemm) -> None:
    data = manifest(design)
    assert json.loads(json.dumps(data)) == data
    assert data["lineloom"] == FORMAT
    assert data["name"] == data["top"] == design.name
    assert data["vlnv"] == f"lineloom:hls:{design.name}:1.0"


@settings(max_examples=150)
@given(designs)
def test_registers_are_laid_out_as_vitis_does(design: Conv2d | Gemm) -> None:
    registers = manifest(design)["registers"]
    assert registers["port"] == "s_axi_control"
    assert registers["control"] == {"CTRL": 0, "GIER": 4, "IER": 8, "ISR": 12}
    offset = 0x10
    for place in registers["arguments"].values():
        assert place["offset"] == offset
        # The argument's words, then one that is reserved.
        offset += 4 * (-(-place["bits"] // 32) + 1)
    assert offset <= 1 << registers["address_bits"]
    assert registers["address_bits"] == 5 or offset > 1 << (registers["address_bits"] - 1)


@pytest.mark.parametrize(
    ("design", "offsets"),
    [
        (Conv2d(height=4, width=4, in_channels=1, out_channels=1), {"frames": 0x10}),
        (Conv2d(height=4, width=4, in_channels=1, out_channels=1, weights="load"),
         {"frames": 0x10, "load": 0x18}),
        (Gemm(max_m=4, max_k=4, max_n=4),
         {"a": 0x10, "b": 0x1C, "c": 0x28, "m": 0x34, "k": 0x3C, "n": 0x44}),
        (Gemm(max_m=4, max_k=4, max_n=4, bias="s8"),
         {"a": 0x10, "b": 0x1C, "p": 0x28, "c": 0x34, "m": 0x40, "k": 0x48, "n": 0x50}),
    ],
)  # fmt: skip
def test_offsets_of_the_arguments(design: Conv2d | Gemm, offsets: dict[str, int]) -> None:
    placed = manifest(design)["registers"]["arguments"]
    assert {name: place["offset"] for name, place in placed.items()} == offsets
    assert list(placed) == list(offsets)


@settings(max_examples=100)
@given(designs)
def test_the_register_map_covers_every_word_of_every_argument(design: Conv2d | Gemm) -> None:
    layout = manifest(design)["registers"]
    found = register_map(layout)
    offsets = {register.name: register.offset for register in found}
    assert len(offsets) == len(found) == len(set(offsets.values()))
    assert list(offsets.values()) == sorted(offsets.values())
    words = {place["offset"] + 4 * word: (name, min(32, place["bits"] - 32 * word))
             for name, place in layout["arguments"].items()
             for word in range(-(-place["bits"] // 32))}  # fmt: skip
    held = {register.offset: (register.fields[0].name, register.fields[0].bits)
            for register in found[4:]}  # fmt: skip
    assert held == words
    for register in found:
        assert sum(field.bits for field in register.fields) == 32
        assert register.access == "read-write"


def test_the_register_map_is_that_of_vitis_hls() -> None:
    """Names as register_map of the pynq package shows them for IP of Vitis HLS."""
    found = register_map(manifest(Gemm(max_m=4, max_k=4, max_n=4))["registers"])
    assert [register.name for register in found] == [
        "CTRL", "GIER", "IP_IER", "IP_ISR",
        "a_1", "a_2", "b_1", "b_2", "c_1", "c_2", "m", "k", "n",
    ]  # fmt: skip
    control = {field.name: field.bit for field in found[0].fields}
    assert control == {"AP_START": 0, "AP_DONE": 1, "AP_IDLE": 2, "AP_READY": 3, "RESERVED_1": 4,
                       "AUTO_RESTART": 7, "RESERVED": 8}  # fmt: skip


def ports(design: Conv2d | Gemm) -> dict[str, dict[str, Any]]:
    found = {port["name"]: port for port in manifest(design)["ports"]}
    assert len(found) == len(manifest(design)["ports"])
    return found


def test_ports_of_a_convolution() -> None:
    conv = Conv2d(height=4, width=4, in_channels=6, out_channels=4, input="u5", output="s12",
                  simd=3, pe=2, weights="load")  # fmt: skip
    found = ports(conv)
    assert list(found) == ["in_r", "out_r", "parameters"]
    stream = {"name": "in_r", "protocol": "axis", "direction": "in", "lanes": 3, "element_bits": 8,
              "width_bits": 24}  # fmt: skip
    assert stream.items() <= found["in_r"].items()
    assert (found["out_r"]["direction"], found["out_r"]["width_bits"]) == ("out", 2 * 16)
    assert (found["parameters"]["direction"], found["parameters"]["width_bits"]) == ("in", 32)


def test_ports_of_a_gemm() -> None:
    gemm = Gemm(max_m=4, max_k=4, max_n=4, rows=4, cols=8, input="s16", requantize="channel",
                output="u4")  # fmt: skip
    found = ports(gemm)
    widths = {name: port["width_bits"] for name, port in found.items()}
    assert widths == {"m_axi_gmem_a": 4 * 16, "m_axi_gmem_b": 8 * 8, "m_axi_gmem_p": 128,
                      "m_axi_gmem_c": 8 * 8}  # fmt: skip
    assert {port["protocol"] for port in found.values()} == {"m_axi"}
    assert {port["address_bits"] for port in found.values()} == {64}
    assert [name for name, port in found.items() if port["direction"] == "out"] == ["m_axi_gmem_c"]


@settings(max_examples=100)
@given(conv2ds())
def test_shapes_formats_and_quantization_are_those_of_the_design(conv: Conv2d) -> None:
    data = manifest(conv)
    assert data["shapes"] == {
        "input": list(conv.input_shape),
        "weights": list(conv.weight_shape),
        "output": list(conv.output_shape),
    }
    for name, fmt in {"input": conv.input_format, "weights": conv.weight_format,
                      "accumulator": conv.epilogue.accumulator, "output": conv.epilogue.output,
                      }.items():  # fmt: skip
        held = data["formats"][name]
        assert Fixed.parse(held["format"]) == fmt
        assert (held["minimum"], held["maximum"]) == (fmt.minimum, fmt.maximum)
        assert held["dtype"] == fmt.dtype.name
    assert (data["formats"]["bias"] is None) == (conv.bias is None)
    quantization = data["quantization"]
    assert quantization["input_zero_point"] == conv.input_zero_point
    assert quantization["output_low"] == conv.epilogue.low
    assert quantization["output_high"] == conv.epilogue.high
    assert quantization["requantize"] == conv.requantize
    assert ("words" in data["parameters"]) == (conv.weights == "load")


def test_maxima_of_a_gemm_are_told() -> None:
    data = manifest(Gemm(max_m=5, max_k=6, max_n=7))
    assert data["shapes"]["maxima"] == {"m": 5, "k": 6, "n": 7}
    assert data["costs"]["macs"] == 5 * 6 * 7
