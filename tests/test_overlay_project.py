"""Networks in overlay style as projects: verbs, and one engine's RTL for several programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import networks
import numpy as np
import pytest
from conftest import Lineloom
from hypothesis import given, settings
from hypothesis import strategies as st
from overlay_engine import ENGINE

from hls import Project
from hls.bitstream import write
from hls.boards import board
from hls.network import Network
from hls.network.generation import generate_network
from hls.network.layers import Flattening
from hls.network.overlay_generation import generate_overlay
from hls.network.overlay_network import OverlayNetwork
from hls.network.page import page
from sim import network as golden
from sim import workload
from sim.cosim import cosim
from sim.network_report import network_report
from sim.overlay_files import prepare

NETWORKS = {
    make.__name__: make for make in (networks.chain, networks.residual, networks.every_kind)
}


def _on(hardware: Path, network: Network, folder: Path) -> Project:
    """A project of `network` with the very RTL, and model of it, of another one."""
    return generate_network(network, folder, engine=hardware)[0]


@pytest.mark.parametrize("stalls", [0.0, 0.3])
@pytest.mark.parametrize("name", NETWORKS)
def test_one_engine_runs_all_networks(
    name: str, stalls: float, hardware: Path, tmp_path: Path
) -> None:
    make: Callable[[int], Network] = NETWORKS[name]
    before = {file: file.read_text() for file in (hardware / "rtl").glob("*.v")}
    project = _on(hardware, make(5), tmp_path / name)
    assert isinstance(project.design, OverlayNetwork)
    result = cosim(project, frames=2, stalls=stalls, seed=3, engine="fast")
    assert result.match, result
    assert {hardware / "rtl" / file.name: file.read_text()
            for file in (project.path / "rtl").glob("*.v")} == before  # fmt: skip
    network = project.design.network
    layers = sum(network.tensors[layer.output].size for layer in network.layers)
    outputs = network.tensors[network.output].size
    # All layers of a frame, then the results of two, and of one more.
    assert result.outputs == layers + 3 * outputs
    moved = sum(sum(both.values()) for both in result.memory_bytes.values())
    assert [*result.layer_cycles] == [
        layer.name for layer in network.layers if not isinstance(layer, Flattening)
    ]
    assert sum(result.layer_cycles.values()) == result.cycles
    assert moved == 2 * project.manifest["costs"]["dram_bytes"]
    if not stalls:
        assert result.cycles_per_frame == pytest.approx(
            project.manifest["costs"]["predicted_cycles"], rel=0.05
        )


@settings(max_examples=8)
@given(networks.random_networks(20), st.sampled_from([0.0, 0.1, 0.5]), st.integers(0, 99))
def test_one_engine_runs_any_network(
    hardware: Path, tmp_path_factory: pytest.TempPathFactory, network: Network, stalls: float,
    seed: int,
) -> None:  # fmt: skip
    project = _on(hardware, network, tmp_path_factory.mktemp("any") / "net")
    result = cosim(project, frames=2, stalls=stalls, seed=seed, engine="fast")
    assert result.match, result
    assert sum(result.layer_cycles.values()) == result.cycles


def test_cocotb_agrees(hardware: Path, tmp_path: Path) -> None:
    project = _on(hardware, networks.chain(6), tmp_path / "chain")
    slow, fast = (cosim(project, frames=1, engine=engine) for engine in ("cocotb", "fast"))
    assert slow.match, slow
    assert fast.match, fast
    assert slow.cycles == fast.cycles
    assert (slow.layer_cycles, sum(fast.layer_cycles.values())) == ({}, fast.cycles)


def test_csim_names_the_layer_that_goes_wrong(lineloom: Lineloom, tmp_path: Path) -> None:
    project = generate_overlay(
        OverlayNetwork(network=networks.residual(2), engine=ENGINE), tmp_path / "residual"
    )
    right = lineloom("csim", project.path, "--frames", "3", "--json")
    assert right.code == 0
    assert right.json["match"] is True
    source = project.source(".cpp")
    text = source.read_text()
    assert "Acc_t(before + value)" in text
    source.write_text(text.replace("Acc_t(before + value)", "Acc_t(before - value)"))
    wrong = lineloom("csim", project.path, "--frames", "1", "--json")
    assert wrong.code == 1
    assert wrong.json["first_layer"]["layer"] == "add3"


def test_a_project_opens_as_it_was(tmp_path: Path) -> None:
    design = OverlayNetwork(network=networks.every_kind(1), engine=ENGINE)
    opened = Project.open(generate_overlay(design, tmp_path / "net").path)
    assert isinstance(opened.design, OverlayNetwork)
    assert opened.design.engine == ENGINE
    assert (opened.design.program.records == design.program.records).all()
    with np.load(opened.path / "program.npz") as held:
        sizes = {name: held[name].nbytes for name in held.files}
    told = opened.manifest["program"]["buffer_bytes"]
    assert sizes == {name: size for name, size in told.items() if name != "tensors"}
    assert set(opened.manifest["program"]["buffers"].values()) == {*told}


def test_a_flat_index_is_found_in_its_layer() -> None:
    """What a cosimulation reports of a wrong value in the tensors of all layers."""
    design = OverlayNetwork(network=networks.chain(0), engine=ENGINE)
    load = workload.overlay(design, [np.zeros((1, *design.input_shape), np.int8)])
    conv, pool = (design.network.tensors[layer.output] for layer in design.network.layers[:2])
    for flat, layer, index in (
        (0, "conv0", [0, 0, 0]),
        (conv.size - 1, "conv0", [n - 1 for n in conv.shape]),
        (conv.size, "pool1", [0, 0, 0]),
        (conv.size + pool.shape[2], "pool1", [0, 1, 0]),
    ):
        assert workload.locate(load, 0, (flat,)) == {"layer": layer, "index": index}
    assert workload.locate(load, 1, (0, 0, 0, 7)) == {"index": [0, 0, 0, 7]}


def test_a_report_of_it(hardware: Path, tmp_path: Path) -> None:
    project = _on(hardware, networks.residual(5), tmp_path / "net")
    found = network_report(project, board("pynq-z2"))
    assert found["match"]
    cycles = found["cycles_per_frame"]["value"]
    # Counted in RTL, the layers make up a frame without a gap; by the model, nearly.
    assert sum(layer["span_cycles"]["value"] for layer in found["layers"]) == cycles
    assert sum(layer["cycles"]["value"] for layer in found["layers"]) == pytest.approx(
        cycles, rel=0.05
    )
    assert sum(layer["share"] for layer in found["layers"]) == pytest.approx(1.0, abs=1e-3)
    ends = [span for row in found["timeline"] for span in row["spans"]]
    assert [first for first, _ in ends] == [0, *(last + 1 for _, last in ends[:-1])]
    assert ends[-1][1] == cycles - 1
    for layer in found["layers"]:
        modelled = layer["cycles"]["value"]
        assert layer["span_cycles"]["value"] == pytest.approx(modelled, rel=0.05, abs=35), layer
    assert "one after the other on one engine" in page(found)


def test_frames_of_a_cosimulation_come_out_together(hardware: Path, tmp_path: Path) -> None:
    network = networks.chain(5)
    project = _on(hardware, network, tmp_path / "net")
    x = np.random.default_rng(8).integers(-128, 128, (4, 8, 8, 1)).astype(np.int8)
    found = cosim(project, inputs={"x": x}, engine="fast")
    np.testing.assert_array_equal(found.output, golden.tensors(network, x)[network.output])


def test_programs_go_along_with_an_overlay(hardware: Path, tmp_path: Path) -> None:
    project = _on(hardware, networks.chain(6), tmp_path / "net")
    bit = prepare([project.path], folder=tmp_path / "taken")
    told = json.loads(bit.with_name("manifest.json").read_text())
    assert told["program"]["file"] == "engine.npz"
    kept = bit.with_name("engine.npz").read_bytes()
    assert kept == (project.path / "program.npz").read_bytes()
    made = write([project], board("pynq-z2"), folder=tmp_path / "vivado")
    assert [file.name for file in made.files][-1] == "engine.npz"
    assert (made.folder / "programs" / "engine.npz").read_bytes() == kept
    script = (made.folder / "build.tcl").read_text()
    assert "file copy $root/programs/engine.npz $root/overlay.part/engine.npz" in script
