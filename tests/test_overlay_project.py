"""Networks in overlay style as projects: verbs, and one engine's RTL for several programs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from conftest import Lineloom, Shared
from overlay_engine import ENGINE

import sim
from hls import Project
from hls.bitstream import write
from hls.boards import board
from hls.network import Network
from hls.network.overlay_generation import generate_overlay
from hls.network.overlay_network import OverlayNetwork
from hls.network.page import page
from host import Accelerator, AcceleratorError
from sim import network as golden
from sim import workload
from sim.cosim import cosim
from sim.network_report import network_report
from sim.overlay_files import prepare

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


# ---------------------------------------------------------------------- on the board


def _classes(network: Network, images: Any) -> Any:
    """Largest output of each image [N, C, H, W] by the golden model, quantized by NumPy."""
    given = network.tensors[network.input]
    steps = np.rint(images / np.float32(given.scale)) + given.zero_point
    x = np.clip(steps, -128, 127).astype(np.int8).transpose(0, 2, 3, 1)
    return golden.tensors(network, x)[network.output].argmax(axis=3)[:, 0, 0]


def test_the_host_predicts_with_it(
    hardware: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = networks.residual(5)
    project = _on(hardware, network, tmp_path / "net")
    x = np.random.default_rng(3).normal(0, 40, (5, 4, 8, 8)).astype(np.float32)
    held = sum(array.nbytes for array in np.load(project.path / "program.npz").values())
    with sim.board(project.path), Accelerator(project.path) as net:
        assert repr(net) == "<OverlayNetwork engine of engine.bit>"
        np.testing.assert_array_equal(net.predict(x), _classes(network, x))
        # Program and weights go to memory once, frames every time.
        frames = x.size
        assert net.info.sent_bytes == held + frames
        order: list[str] = []
        start, put = net._start, net._put
        monkeypatch.setattr(net, "_start", lambda found: (order.append("start"), start(found)))
        monkeypatch.setattr(net, "_put", lambda *a: (order.append(f"put {a[2]}"), put(*a)))
        assert net.predict(x[:3]).tolist() == _classes(network, x[:3]).tolist()
        assert order == ["put 0", "start", "put 1", "start", "put 2", "start"]
        assert net.info.sent_bytes == held + frames + frames * 3 // 5
        net.reload()
        q = np.random.default_rng(4).integers(-128, 128, (8, 8, 4)).astype(np.int8)
        np.testing.assert_array_equal(net(q), golden.tensors(network, q[None])[network.output][0])
        assert net.info.sent_bytes == 2 * held + frames + frames * 3 // 5 + q.size
    found = network_report(project, board("pynq-z2"))
    assert found["match"]
    assert found["timeline"] == []
    assert sum(layer["cycles"]["value"] for layer in found["layers"]) == pytest.approx(
        found["cycles_per_frame"]["value"], rel=0.05
    )
    assert "one after the other on one engine" in page(found)


def test_frames_of_a_cosimulation_come_out_together(hardware: Path, tmp_path: Path) -> None:
    network = networks.chain(5)
    project = _on(hardware, network, tmp_path / "net")
    x = np.random.default_rng(8).integers(-128, 128, (4, 8, 8, 1)).astype(np.int8)
    found = cosim(project, inputs={"x": x}, engine="fast")
    np.testing.assert_array_equal(found.output, golden.tensors(network, x)[network.output])


def _shorter(file: Path) -> None:
    held = dict(np.load(file))
    np.savez(file, **held | {"b": held["b"][:-1]})


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda file: file.unlink(), r"program.npz is missing; copy it beside engine.bit"),
        (lambda file: file.write_bytes(b"PK"), r"program.npz cannot be read \(.*; copy it again"),
        (_shorter, r"bytes of b, manifest.json tells [\d,]+; both must come from the same"),
    ],
)
def test_a_program_that_does_not_belong_to_it(
    hardware: Path, tmp_path: Path, damage: Callable[[Path], None], words: str
) -> None:
    project = _on(hardware, networks.chain(6), tmp_path / "net")
    damage(project.path / "program.npz")
    with sim.board(project.path), pytest.raises(AcceleratorError, match=words):
        Accelerator(project.path)


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
