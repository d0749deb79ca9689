"""Networks in overlay style on the simulated board: several of them on one loaded bitstream."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from conftest import Lineloom

import host.overlay_network
import sim
from hls.network import Network
from hls.network.dataflow import DataflowNetwork
from hls.network.generation import generate_dataflow, generate_network
from hls.network.overlay import OverlayEngine
from hls.network.overlay_generation import generate_overlay
from hls.network.overlay_network import OverlayNetwork
from host import Accelerator, AcceleratorError
from sim import network as golden
from sim.device import SimulatedDevice

RESIDUAL, CHAIN = networks.residual(5), networks.chain(7)


def frames(network: Network, count: int, seed: int = 0) -> Any:
    shape = network.tensors[network.input].shape
    return np.random.default_rng(seed).integers(-128, 128, (count, *shape)).astype(np.int8)


def computed(network: Network, x: Any) -> Any:
    """What must come out for frames [N, H, W, C]."""
    return golden.tensors(network, x)[network.output]


def good(net: Any, network: Network, count: int = 2, seed: int = 5) -> bool:
    x = frames(network, count, seed)
    return bool((net(x) == computed(network, x)).all())


@pytest.fixture(scope="module")
def residual(hardware: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that the bitstream was built from."""
    folder = tmp_path_factory.mktemp("models") / "residual"
    return generate_network(RESIDUAL, folder, engine=hardware)[0].path


@pytest.fixture(scope="module")
def chain(hardware: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What has to be copied to a board of another model for that bitstream."""
    made = generate_network(CHAIN, tmp_path_factory.mktemp("models") / "chain", engine=hardware)[0]
    taken = made.path.parent / "taken"
    taken.mkdir()
    for name in ("manifest.json", "program.npz"):
        shutil.copy(made.path / name, taken / name)
    return taken


@pytest.fixture
def board(residual: Path) -> Iterator[SimulatedDevice]:
    with sim.board(residual) as made:
        yield made


@pytest.fixture
def net(board: SimulatedDevice, residual: Path) -> Iterator[Any]:
    with Accelerator(residual) as made:
        yield made


# ---------------------------------------------------------------------- one model


def classes(network: Network, images: Any) -> Any:
    """Largest output of each image [N, C, H, W] by the golden model, quantized by NumPy."""
    given = network.tensors[network.input]
    steps = np.rint(images / np.float32(given.scale)) + given.zero_point
    x = np.clip(steps, -128, 127).astype(np.int8).transpose(0, 2, 3, 1)
    return computed(network, x).argmax(axis=3)[:, 0, 0]


def test_frames_are_packed_while_others_are_computed(
    board: SimulatedDevice, residual: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host.overlay_network, "_CALL_FRAMES", 2)
    x = np.random.default_rng(3).normal(0, 40, (5, 4, 8, 8)).astype(np.float32)
    held = {name: array.nbytes for name, array in np.load(residual / "program.npz").items()}
    with Accelerator(residual) as net:
        assert repr(net) == "<OverlayNetwork net of engine.bit>"
        np.testing.assert_array_equal(net.predict(x), classes(RESIDUAL, x))
        # Weights, and a program for the frames of a call, go to memory once; frames every time.
        once = sum(held.values()) + held["program"]
        assert net.info.sent_bytes == once + x.size
        order: list[str] = []
        start, put = net._start, net._put
        monkeypatch.setattr(net, "_start", lambda *a: (order.append(f"start {a[1]}"), start(*a)))
        monkeypatch.setattr(
            net, "_put", lambda *a: (order.append(f"put {a[2].start}..{a[2].stop}"), put(*a))
        )
        np.testing.assert_array_equal(net.predict(x[::-1]), classes(RESIDUAL, x[::-1]))
        assert order == ["put 0..2", "start 2", "put 2..4", "start 2", "put 4..5", "start 1"]
        assert net.info.sent_bytes == once + 2 * x.size
        net.reload()
        q = frames(RESIDUAL, 1)[0]
        np.testing.assert_array_equal(net(q), computed(RESIDUAL, q[None])[0])
        assert net.info.sent_bytes == 2 * once + 2 * x.size + q.size


def test_another_clock_leaves_the_program_long_enough(
    board: SimulatedDevice, residual: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host.overlay_network, "_CALL_S", 1e-4)
    with Accelerator(residual) as net:
        assert net._call_frames == 3
        net._info.clock_mhz *= 50  # as info finds it, after somebody has set pynq.Clocks
        assert good(net, RESIDUAL, 10)


def test_what_is_refused_half_way_leaves_it_ready(
    board: SimulatedDevice, residual: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host.overlay_network, "_CALL_FRAMES", 2)
    x = np.zeros((5, 4, 8, 8), np.float32)
    x[4, 0, 7, 7] = np.nan  # is found while the frames before it are computed
    with Accelerator(residual) as net:
        with pytest.raises(AcceleratorError, match=r"holds NaN, the first at \(4, 0, 7, 7\)"):
            net.predict(x)
        assert good(net, RESIDUAL)


def test_memory_that_does_not_answer(
    board: SimulatedDevice, net: Any, chain: Path, residual: Path
) -> None:
    other = net.model(chain, timeout_s=0.001)
    assert good(other, CHAIN)
    board.freeze()
    with pytest.raises(AcceleratorError, match=r"time-out after 0.001 s.*does not finish \(memory"):
        other(frames(CHAIN, 1))
    board.freeze(False)
    # Two models, but one engine: nobody else was in the way of loading the overlay again.
    assert "loaded again" in other.info.recovered
    assert good(net, RESIDUAL)
    assert good(other, CHAIN)


# ---------------------------------------------------------------------- several models


def test_models_take_turns_on_one_bitstream(
    residual: Path, chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloads: list[str] = []
    download = SimulatedDevice.download
    monkeypatch.setattr(SimulatedDevice, "download",
                        lambda self, bit, parser=None: (downloads.append(bit.bitfile_name),
                                                        download(self, bit, parser)))  # fmt: skip
    with sim.board(residual), Accelerator(residual) as first:
        second, third = first.model(chain), first.model(residual / "manifest.json")
        held = {first: RESIDUAL, second: CHAIN, third: RESIDUAL}
        for turn in range(3):
            for model, network in held.items():
                assert good(model, network, turn + 1, turn)
        waiting = [(model.submit(frames(network, 3, seed)), network, seed)
                   for seed in range(4) for model, network in held.items()]  # fmt: skip
        for future, network, seed in waiting:
            x = frames(network, 3, seed)
            np.testing.assert_array_equal(future.result(), computed(network, x))

        async def together() -> list[Any]:
            calls = [model.run(frames(network, 2)) for model, network in held.items()]
            return await asyncio.gather(*calls)

        for found, network in zip(asyncio.run(together()), held.values(), strict=True):
            np.testing.assert_array_equal(found, computed(network, frames(network, 2)))
        assert [model.info.calls for model in held] == [8, 8, 8]
        assert "8 x 8 x 1 to 1 x 1 x 10" in second._repr_html_()
        assert len(downloads) == 1
        first.close()
        assert good(second, CHAIN), "each may be closed before the other"
        with pytest.raises(AcceleratorError, match=r"engine is in use by another.*model\(path\)"):
            Accelerator(residual)
        third.close()
        second.close()
        with pytest.raises(AcceleratorError, match="is closed; open it again"):
            first.model(chain)
        assert len(downloads) == 1
        with Accelerator(residual) as again:
            assert good(again, RESIDUAL)


def test_all_models_come_back_after_a_reload(net: Any, chain: Path) -> None:
    other = net.model(chain)
    assert good(other, CHAIN)
    sent = other.info.sent_bytes
    net.reload()
    assert good(net, RESIDUAL)
    assert good(other, CHAIN)
    assert other.info.sent_bytes > 2 * frames(CHAIN, 2).nbytes + sent, "weights, too"


# ---------------------------------------------------------------------- what is refused


def _edited(name: str, change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        data = json.loads((folder / name).read_text())
        change(data)
        (folder / name).write_text(json.dumps(data))

    return edit


def _shorter(folder: Path) -> None:
    held = dict(np.load(folder / "program.npz"))
    np.savez(folder / "program.npz", **held | {"b": held["b"][:-1]})


def _of(design: Any) -> Callable[[Path], None]:
    """Replace a folder by a project of another design."""

    def make(folder: Path) -> None:
        shutil.rmtree(folder)
        generator = generate_overlay if isinstance(design, OverlayNetwork) else generate_dataflow
        generator(design, folder)

    return make


def _several(data: dict[str, Any]) -> None:
    data["engines"] = {"engine": dict(data)}
    for entry in ("program", "design"):
        del data[entry]


MISFITS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "folder": (shutil.rmtree, r"manifest.json is missing; copy manifest.json and program.npz of"),
    "manifest": (lambda place: (place / "manifest.json").write_text("{"), r"cannot be read \(.*; "
                 "copy it again"),
    "version": (_edited("manifest.json", lambda data: data.update(lineloom=2)),
                "is not a Lineloom manifest of version 1"),
    "instructions": (
        _edited("manifest.json", lambda data: data["design"].update(instructions=7)),
        "is for an engine with instructions=7, the loaded one has instructions=1; make it for this "
        "engine with lineloom net --engine",
    ),
    "engine": (
        _of(OverlayNetwork(network=CHAIN, engine=OverlayEngine(max_n=256, image_words=4096))),
        "is for an engine with max_n=256, image_words=4096, the loaded one has max_n=512, "
        "image_words=2048",
    ),
    "style": (_of(DataflowNetwork(network=CHAIN)), "is of no network in overlay style; make one"),
    "several": (_edited("manifest.json", _several), "is of no network in overlay style; make one"),
    "lacking": (_edited("manifest.json", lambda data: data.pop("costs")), "has no 'costs'; copy"),
    "program": (lambda place: (place / "program.npz").unlink(), r"program.npz is missing; copy it "
                "beside manifest.json"),
    "damaged": (lambda place: (place / "program.npz").write_bytes(b"PK"),
                r"program.npz cannot be read \(.*; copy it again"),
    "shorter": (_shorter, r"bytes of b, manifest.json tells [\d,]+; both must come from the same"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISFITS)
def test_a_model_that_does_not_belong_to_the_engine(
    net: Any, chain: Path, tmp_path: Path, case: str
) -> None:
    damage, words = MISFITS[case]
    copied = tmp_path / "copied"
    shutil.copytree(chain, copied)
    damage(copied)
    with pytest.raises(AcceleratorError, match=words):
        net.model(copied)
    assert good(net, RESIDUAL)
    net.close()
    with Accelerator(net._session.bitfile) as again:  # the failed one has not kept the engine
        assert good(again, RESIDUAL)


@pytest.mark.parametrize("case", ["program", "damaged", "shorter"])
def test_a_program_that_does_not_belong_to_the_bitstream(
    board: SimulatedDevice, residual: Path, case: str
) -> None:
    damage, words = MISFITS[case]
    file = residual / "program.npz"
    kept = file.read_bytes()
    try:
        damage(residual)
        with pytest.raises(AcceleratorError, match=words):
            Accelerator(residual)
    finally:
        file.write_bytes(kept)


# ---------------------------------------------------------------------- lineloom net --engine

MODELS = Path(__file__).parent.parent / "models"


def test_a_program_for_the_engine_of_another_project(
    lineloom: Lineloom, hardware: Path, tmp_path: Path
) -> None:
    made = lineloom(
        "net", MODELS / "digits_mlp.onnx", "--engine", hardware, "-o", tmp_path / "mlp", "--json"
    )
    assert made.code == 0, made.err
    assert made.json["style"] == "overlay"
    checked = lineloom("cosim", tmp_path / "mlp", "--engine", "fast", "--frames", "1", "--json")
    assert checked.json["match"] is True
    for kind in ("rtl", "sim"):
        for file in (hardware / kind).rglob("*.v"):
            assert file.read_bytes() == (tmp_path / "mlp" / file.relative_to(hardware)).read_bytes()


def test_engines_that_do_not_suit(lineloom: Lineloom, hardware: Path, tmp_path: Path) -> None:
    def said(*options: object, model: str = "digits_mlp") -> str:
        made = lineloom("net", MODELS / f"{model}.onnx", *options, "-o", tmp_path / "net")
        assert made.code == 2
        assert not (tmp_path / "net").exists()
        return made.err

    assert "nowhere: no such project" in said("--engine", tmp_path / "nowhere")
    streams = generate_dataflow(DataflowNetwork(network=CHAIN), tmp_path / "streams").path
    assert "streams: has no engine that runs programs; name a pro" in said("--engine", streams)
    assert "style='dataflow' gives each layer an engine of its own, beside which" in said(
        "--engine", hardware, "--style", "dataflow"
    )
    assert "--fifos measured does not apply to style overlay" in said(
        "--engine", hardware, "--fifos", "measured"
    )
    assert "--board and --clock do not apply to the engine of another project" in said(
        "--engine", hardware, "--board", "kv260"
    )
    small = OverlayEngine(image_words=1024)
    few = generate_overlay(OverlayNetwork(network=CHAIN, engine=small), tmp_path / "few").path
    words = said("--engine", few, model="resnet8")
    assert "few does not run net: OverlayEngine: layer " in words
    assert "rows of 64 words are more than image_words=1024 hold" in words
    _edited("manifest.json", lambda data: data["design"].update(instructions=0))(few)
    assert "instructions of version 0, this Lineloom makes those of version 1" in said(
        "--engine", few
    )
    shown = lineloom("show", few)
    assert (shown.code, "its engine has instructions of version 0" in shown.err) == (2, True)
    _edited("manifest.json", lambda data: data["design"]["engine"].update(wings=2))(few)
    assert "few: its engine is not understood" in said("--engine", few)
