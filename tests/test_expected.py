"""Generated texts, word for word: a change of a template shows as a diff to be read and kept.

`make expect` rewrites tests/expected.
"""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Callable
from pathlib import Path

import networks
import pytest

from hls import Clip, Conv2d, Gemm, Pool
from hls.bitstream import scripts
from hls.boards import board
from hls.design import Design
from hls.generator import summary, texts
from hls.ipxact import package
from hls.manifest import manifest
from hls.network import Network, generation, overlay_generation
from hls.network.dataflow import DataflowNetwork
from hls.network.engines import Lanes
from hls.network.overlay import OverlayEngine
from hls.network.overlay_network import OverlayNetwork
from hls.overlay import Engine, Overlay
from hls.parameters import random_parameters

EXPECTED = Path(__file__).parent / "expected"

# Between them they take most branches of the templates; weights are few, so files stay small.
DESIGNS: dict[str, Design] = {
    design.name: design
    for design in (
        # Folds over channels, filters and taps; one scale for all channels.
        Conv2d(
            name="same", height=6, width=8, in_channels=4, out_channels=4, padding="same",
            activation="relu", simd=2, pe=2, taps="row",
        ),
        # Every step another window: stride, dilation, groups in one beat, zero points, channels.
        Conv2d(
            name="strided", height=9, width=12, in_channels=4, out_channels=4, kernel=(3, 2),
            stride=(2, 3), dilation=(1, 2), padding=(2, 0, 1, 4), groups=2, input="u5",
            weight="s3", output="u6", requantize="channel", input_zero_point=12,
            output_zero_point=7, activation=Clip(low=7, high=50), simd=4, pe=4,
        ),
        # Pairs of filters on a DSP block, sums of which come apart.
        Conv2d(
            name="pairs", height=4, width=5, in_channels=4, out_channels=4, kernel=2, simd=2, pe=2,
            packing="auto",
        ),
        # Weights at run time, overlapping average pooling.
        Conv2d(
            name="loaded", height=7, width=7, in_channels=2, out_channels=4, kernel=2,
            bias="s24", weights="load", pooling=Pool(kind="average", size=(2, 3), stride=1),
            pe=2,
        ),
        # The table of the columns' parameters, several sums in each PE.
        Gemm(
            name="quantized", max_m=20, max_k=30, max_n=20, rows=4, cols=4, tile_k=8, input="u8",
            weight="s4", bias="s16", output="u8", requantize="channel", input_zero_point=128,
            output_zero_point=3, activation="relu",
        ),
    )
}  # fmt: skip


def network() -> Network:
    """Each kind of layer once, few weights."""
    b = networks.Builder((4, 4, 2))
    first = b.conv("x", 4)
    met = b.add_up(b.conv(first, 4, groups=4), first)
    pooled = b.pool(met, "max", (2, 2), (2, 2))
    joined = b.concatenate(pooled, b.rescale(pooled))
    mean = b.pool(joined, "average", (2, 2), (1, 1))
    return b.network(b.dense(b.flatten(mean), 3))


# An engine for each layer, of several lanes and with several taps in turn; one engine for all.
NETWORKS: dict[str, Callable[[], dict[str, str]]] = {
    "network-dataflow": lambda: generation.texts(
        DataflowNetwork(network=network(), lanes={
            "conv0": Lanes(simd=2, pe=4, taps="row"), "conv1": Lanes(simd=2, pe=2, taps="one"),
            "add2": Lanes(simd=4, pe=4), "pool3": Lanes(simd=2, pe=2),
        }),
        board("kv260").at(200),
    ),
    "network-overlay": lambda: overlay_generation.texts(
        OverlayNetwork(network=network(), engine=OverlayEngine())
    ),
}  # fmt: skip


# Between them: both families, every kind of port, width converters, one engine and several.
OVERLAYS: dict[str, tuple[str, list[str]]] = {
    "overlay-pynq-z2": ("pynq-z2", ["loaded"]),
    "overlay-kv260": ("kv260", ["narrow", "quantized"]),
}
NARROW = Conv2d(name="narrow", height=4, width=4, in_channels=3, out_channels=3, simd=3, pe=3)
# Its RTL, as far as the packaged IP depends on it.
NARROW_RTL = {
    "narrow.v": b"""module narrow (
  input ap_clk, ap_rst_n,
  input [23:0] in_r_TDATA, input [2:0] in_r_TKEEP, in_r_TSTRB, input [0:0] in_r_TLAST,
  input in_r_TVALID, output in_r_TREADY,
  output [23:0] out_r_TDATA, output [2:0] out_r_TKEEP, out_r_TSTRB, output [0:0] out_r_TLAST,
  output out_r_TVALID, input out_r_TREADY,
  input [4:0] s_axi_control_AWADDR, input s_axi_control_AWVALID, output s_axi_control_AWREADY,
  input [31:0] s_axi_control_WDATA, input [3:0] s_axi_control_WSTRB,
  input s_axi_control_WVALID, output s_axi_control_WREADY,
  output [1:0] s_axi_control_BRESP, output s_axi_control_BVALID, input s_axi_control_BREADY,
  input [4:0] s_axi_control_ARADDR, input s_axi_control_ARVALID, output s_axi_control_ARREADY,
  output [31:0] s_axi_control_RDATA, output [1:0] s_axi_control_RRESP,
  output s_axi_control_RVALID, input s_axi_control_RREADY, output interrupt
);
endmodule
""",
    "narrow_rom.dat": b"00",
}


EVERY = {*DESIGNS, *NETWORKS, *OVERLAYS}


def overlay(name: str) -> dict[str, str]:
    """The scripts of a bitstream, as they must be."""
    target, names = OVERLAYS[name]
    designs = [DESIGNS.get(design, NARROW) for design in names]
    engines = [Engine(d.name, manifest(d)["vlnv"], manifest(d)) for d in designs]
    made = scripts(Overlay(board(target), 100.0, tuple(engines)))
    if "narrow" in names:
        ip = package(engines[names.index("narrow")], summary(NARROW), NARROW_RTL)
        made |= {f"engines/narrow/{path}": text for path, text in ip.items()}
    return made


def generated(name: str) -> dict[str, str]:
    """The texts of a design or of a bitstream, as they must be."""
    if name in OVERLAYS:
        return overlay(name)
    if name in NETWORKS:
        return NETWORKS[name]()
    design = DESIGNS[name]
    held = random_parameters(design, seed=1) if isinstance(design, Conv2d) else None
    return texts(design, held)


def kept(name: str) -> dict[str, str]:
    """The texts of a design, as they are checked in."""
    folder = EXPECTED / name
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def difference(name: str, before: dict[str, str], after: dict[str, str]) -> str:
    """A unified diff over all files."""
    lines: list[str] = []
    for path in sorted(before.keys() | after.keys()):
        old, new = (text.get(path, "").splitlines() for text in (before, after))
        at = f"tests/expected/{name}/{path}"
        lines += difflib.unified_diff(old, new, at, f"generated {path}", lineterm="", n=2)
    return "\n".join(lines)


@pytest.mark.parametrize("name", [*DESIGNS, *NETWORKS, *OVERLAYS])
def test_texts_are_as_expected(name: str, refresh: bool) -> None:
    made = generated(name)
    if refresh:
        shutil.rmtree(EXPECTED / name, ignore_errors=True)
        for path, text in made.items():
            file = EXPECTED / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    changes = difference(name, kept(name), made)
    assert not changes, f"the generated text changed; if that is meant, run make expect:\n{changes}"


def test_nothing_else_is_kept(refresh: bool) -> None:
    folders = {path.name: path for path in EXPECTED.iterdir()}
    for name in folders.keys() - EVERY if refresh else ():
        shutil.rmtree(folders.pop(name))
    assert set(folders) == EVERY, "tests/expected holds other designs; run make expect"


def test_a_difference_names_the_file_and_the_lines() -> None:
    text = difference("x", {"a": "1\n2\n", "gone": "3\n"}, {"a": "1\n4\n"})
    assert "--- tests/expected/x/a" in text
    assert {"-2", "+4", "-3"} <= set(text.splitlines())
    assert difference("x", {"a": "1\n"}, {"a": "1\n"}) == ""
