"""Networks in overlay style as projects: verbs, and one engine's RTL for several programs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import networks
import numpy as np
import pytest
from conftest import Lineloom, Shared
from overlay_engine import ENGINE

from hls import Project
from hls.network import Network
from hls.network.overlay_generation import generate_overlay
from hls.network.overlay_network import OverlayNetwork
from sim import workload
from sim.cosim import cosim

NETWORKS = {
    make.__name__: make for make in (networks.chain, networks.residual, networks.every_kind)
}


@pytest.fixture(scope="session")
def hardware(shared: Shared) -> Path:
    """A project whose engine is lowered, with a model of it."""

    def make(folder: Path) -> None:
        design = OverlayNetwork(network=networks.chain(0), engine=ENGINE)
        cosim(generate_overlay(design, folder), frames=1, engine="fast")

    return shared("hardware", make)


def _on(hardware: Path, network: Network, folder: Path) -> Project:
    """A project of `network` with the very RTL, and model of it, of another one."""
    project = generate_overlay(OverlayNetwork(network=network, engine=ENGINE), folder)
    for part in ("rtl", "reports", "sim"):
        shutil.copytree(hardware / part, project.path / part)
    return project


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
    assert moved == 2 * project.manifest["costs"]["dram_bytes"]
    if not stalls:
        assert result.cycles_per_frame == pytest.approx(
            project.manifest["costs"]["predicted_cycles"], rel=0.05
        )


def test_cocotb_agrees(hardware: Path, tmp_path: Path) -> None:
    project = _on(hardware, networks.chain(6), tmp_path / "chain")
    slow, fast = (cosim(project, frames=1, engine=engine) for engine in ("cocotb", "fast"))
    assert slow.match, slow
    assert fast.match, fast
    assert slow.cycles == fast.cycles


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
