"""The board and the clock that a network is generated for, in all that is made of it later."""

from __future__ import annotations

import json
from pathlib import Path

import networks
import pytest
from conftest import Lineloom

from hls import Conv2d, Project, generate
from hls.boards import board
from hls.errors import InputError
from hls.made_for import asked_for, common_clock
from hls.memory import Memory
from hls.network import Network
from hls.network.dataflow import DataflowNetwork
from hls.network.generation import generate_dataflow, generate_network
from hls.network.overlay import OverlayEngine
from hls.network.overlay_generation import texts as overlay_texts
from hls.network.overlay_network import OverlayNetwork
from hls.network.page import page
from hls.overlay import Overlay
from hls.rtl import lower_project
from sim.cosim import cosim
from sim.network_report import network_report
from sim.overlay_files import SimulatedBit, prepare

MODELS = Path(__file__).parent.parent / "models"


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A small network for a KV260 at 250 MHz."""
    b = networks.Builder((3, 4, 2))
    design = DataflowNetwork(network=b.network(b.conv("x", 4)))
    target = board("kv260").at(250)
    return generate_dataflow(design, tmp_path_factory.mktemp("target") / "fast", target)


def test_the_verb_sizes_for_the_board_and_names_part_and_clock(
    tmp_path: Path, lineloom: Lineloom
) -> None:
    path = tmp_path / "net"
    done = lineloom("net", MODELS / "digits_mlp.onnx", "--board", "ultra96v2", "--clock", 160,
                    "-o", path, "--json")  # fmt: skip
    assert (done.code, done.err) == (0, "")
    target = {"board": "ultra96v2", "part": "xczu3eg-sbva484-1-i", "clock_mhz": 160.0}
    assert target.items() <= done.json.items()
    speed = done.json["predicted_frames_per_second"]
    assert speed == round(160e6 / done.json["predicted_cycles"], 1)
    assert json.loads((path / "manifest.json").read_text())["target"] == target
    assert "set part xczu3eg-sbva484-1-i\nset clock_ns 6.25\n" in (path / "run_hls.tcl").read_text()
    config = (path / "hls_config.cfg").read_text()
    assert "part=xczu3eg-sbva484-1-i\n" in config
    assert "clock=6.25ns\n" in config
    assert "ultra96v2 (xczu3eg-sbva484-1-i) at 160 MHz" in lineloom("show", path).out


@pytest.mark.parametrize("clock", [0.5, 251, -1, float("nan"), float("inf")])
def test_a_clock_that_the_board_does_not_take_is_refused(
    clock: float, tmp_path: Path, lineloom: Lineloom
) -> None:
    done = lineloom("net", MODELS / "digits_mlp.onnx", "--clock", clock, "-o", tmp_path / "net")
    assert done.code == 2
    assert done.err == (
        f"lineloom: clock {clock:g} MHz is outside 1..250, which the ports of pynq-z2 take; "
        "use --clock 100\n"
    )
    assert not (tmp_path / "net").exists()
    with pytest.raises(InputError, match=r"is outside 1\.\.250"):
        Overlay(board("pynq-z2"), clock, ())


def test_the_overlay_style_names_them_too() -> None:
    design = OverlayNetwork(network=networks.chain(), engine=OverlayEngine())
    made = overlay_texts(design, board("zcu104").at(200))
    assert "set part xczu7ev-ffvc1156-2-e\nset clock_ns 5.0\n" in made["run_hls.tcl"]
    assert json.loads(made["manifest.json"])["target"]["clock_mhz"] == 200


def test_verilog_and_report_are_for_the_clock(fast: Project) -> None:
    """Its pipelines are deeper than at 100 MHz, and it still computes what it should."""
    result = cosim(fast, frames=3, engine="fast")
    assert result.match
    lowering = json.loads((fast.path / "reports" / "lowering.json").read_text())
    assert (lowering["target"], lowering["clock_ns"]) == ("xczu3eg", 4.0)
    found = network_report(fast, asked_for(fast))
    assert (found["board"], found["clock_mhz"]) == ("kv260", 250)
    assert found["frames_per_second"] == round(250e6 / found["cycles_per_frame"]["value"], 1)
    assert found["pipelined_for_ns"] == 4
    assert 'class="wrong"' not in page(found)
    assert "more than the 3.2 ns of this clock" in page(found | {"clock_mhz": 312.5})


def test_a_sign_behind_a_shift_is_kept_by_the_compiler(tmp_path: Path) -> None:
    """What the pinned clang's SLP vectorizer got wrong, on processors that have AVX-512."""
    network = Network.from_onnx(MODELS / "digits_mlp.onnx", "mlp")
    weights = network.convolutions[0].parameters.weights[32:48, :, :, :32]
    conv = Conv2d(height=1, width=1, in_channels=32, out_channels=16, kernel=1, simd=16, pe=8,
                  packing="auto", requantize="none", bias=None)  # fmt: skip
    made = generate(conv, tmp_path / "conv", parameters={"weights": weights})
    lower_project(made, part="xczu3eg", clock_ns=5)
    assert cosim(made, frames=3, engine="fast").match


def test_another_board_is_asked_at_its_own_clock(fast: Project, tmp_path: Path) -> None:
    assert asked_for(fast) == asked_for(fast, "kv260") == board("kv260").at(250)
    assert asked_for(fast, "zcu104") == board("zcu104")
    plain = generate(Conv2d(height=4, width=4, in_channels=1, out_channels=1), tmp_path / "conv")
    assert asked_for(plain) == board("pynq-z2")
    with pytest.raises(InputError, match="board 'zc' is unknown"):
        asked_for(fast, "zc")


def test_a_bitstream_has_the_clock_of_its_networks(fast: Project, tmp_path: Path) -> None:
    target = board("kv260")
    assert common_clock([fast], target) == 250
    assert common_clock([fast], board("zcu104")) == 100
    assert common_clock([], target) == 100
    slow, _ = generate_network(networks.chain(), tmp_path / "slow", board="kv260", clock_mhz=75)
    with pytest.raises(InputError, match="for 75 and 250 MHz; choose one clock for all"):
        common_clock([fast, slow], target)
    bit = prepare([fast.path], board="kv260", folder=tmp_path / "bit")
    assert SimulatedBit.read(bit).clock_mhz == 250
    bit = prepare([fast.path], board="kv260", clock_mhz=90, folder=tmp_path / "bit")
    assert SimulatedBit.read(bit).clock_mhz == 90


def test_memory_answers_after_more_cycles_of_a_faster_clock() -> None:
    at_100, at_200 = Memory.of(board("pynq-z2")), Memory.of(board("pynq-z2").at(200))
    assert at_200.latency_cycles == 2 * at_100.latency_cycles
    assert at_200.bytes_per_cycle == at_100.bytes_per_cycle / 2
