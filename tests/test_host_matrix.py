"""Convolutions on the systolic array through the host library: results, phases, faults."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import lowered
import numpy as np
import overlays
import pynq
import pytest
import vivado
from hypothesis import given, settings
from hypothesis import strategies as st
from ipxact_schema import violations
from overlays import LIMIT_S
from strategies import conv2ds, parameters, seeds

import sim
from hls import Conv2d, Parameters, Project, generate
from hls.bitstream import write
from hls.boards import board
from hls.design import MatrixConv2d
from hls.errors import DesignError, InputError
from hls.overlay import Overlay
from hls.parameters import random_parameters
from host import Accelerator, AcceleratorError
from host.packing import pack_patches, pack_pixels, pack_taps
from sim import reference, vectors

# im2col is called in two phases, the others in one. Channels and filters fill no whole words.
UNROLLED = Conv2d(
    name="unrolled", algorithm="im2col", height=5, width=6, in_channels=3, out_channels=5,
    kernel=(3, 2), stride=(2, 1), padding=(1, 1, 0, 1), input="u8", input_zero_point=7,
    requantize="channel", simd=4, pe=4, batch=2,
)  # fmt: skip
WOVEN = Conv2d(
    name="woven", algorithm="implicit", height=4, width=5, in_channels=5, out_channels=6, kernel=2,
    padding="same", activation="relu", simd=4, pe=4, batch=3,
)  # fmt: skip
DESIGNS = {design.name: design for design in (UNROLLED, WOVEN)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("arrays")
    for name, design in DESIGNS.items():
        generate(design, made / name)
    return made


@pytest.fixture(scope="module")
def device(folder: Path) -> Iterator[Any]:
    """A board with both engines in one overlay."""
    with sim.board(folder / "unrolled", folder / "woven", stalls=0.3) as made:
        yield made


@pytest.fixture(params=DESIGNS)
def conv(request: pytest.FixtureRequest, device: Any, folder: Path) -> Iterator[Any]:
    with opened(folder, request.param) as made:
        yield made


def opened(folder: Path, name: str) -> Any:
    made = Accelerator(folder / "unrolled_woven", name, timeout_s=LIMIT_S)
    load(made, held(name))
    return made


def held(name: str, seed: int = 1) -> Parameters:
    return random_parameters(DESIGNS[name], seed)


def load(conv: Any, given: Parameters) -> None:
    scale = None if given.multiplier is None else (given.multiplier, given.shift)
    conv.load_weights(given.weights, given.bias, scale)


def right(conv: Any, frames: int, seed: int = 1) -> bool:
    """Whether it does what the parameters of `seed` want, frames being of the same seed."""
    design = DESIGNS[conv.info.name]
    x = vectors.frames(design, frames, seed)
    wanted = reference.conv2d_output(design, held(design.name, seed), x)
    y = conv(x)
    return bool(y.dtype == wanted.dtype and np.array_equal(y, wanted))


# ---------------------------------------------------------------------- results


def test_a_frame_a_batch_and_more_than_a_batch(conv: Any) -> None:
    design = DESIGNS[conv.info.name]
    for frames in range(1, 3 * design.batch):
        assert right(conv, frames)
    x = vectors.frames(design, 2 * design.batch + 1, 5)
    wanted = reference.conv2d_output(design, held(design.name), x)
    assert np.array_equal(conv(x[0]), wanted[0])
    assert np.array_equal(asyncio.run(conv.run(x)), wanted)
    assert np.array_equal(conv.submit(x).result(60), wanted)


def test_what_info_counts(conv: Any) -> None:
    design, info = DESIGNS[conv.info.name], conv.info
    before = info.sent_bytes
    frames = 2 * design.batch + 1
    right(conv, frames)
    assert info.calls == 2  # one of them loaded the weights
    pixels = design.height * design.width * -(-design.in_channels // 4) * 4
    filters = -(-design.out_channels // 4) * 4
    assert info.sent_bytes - before == frames * pixels
    assert info.received_bytes == frames * design.window.positions * filters
    assert info.cycles >= 2 * conv._engine.manifest["costs"]["lower_bound_cycles"]
    taps = design.window.taps * -(-design.in_channels // 4) * 4
    assert before == taps * filters + 16 * design.out_channels


def test_frames_are_packed_while_others_are_computed(
    conv: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def noted(name: str) -> Any:
        call = getattr(conv, name)
        return lambda *arguments: (done.append(name), call(*arguments))

    for name in ("_fill", "_take", "_start"):
        monkeypatch.setattr(conv, name, noted(name))
    assert right(conv, 3 * DESIGNS[conv.info.name].batch)
    second = ["_start"] if conv.info.name == "unrolled" else []
    assert done == [
        "_fill", "_start", "_fill", *second, "_start", "_fill", "_take", *second, "_start",
        "_take", *second, "_take",
    ]  # fmt: skip


def test_no_allocation_once_warm(conv: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    most = 2 * DESIGNS[conv.info.name].batch
    right(conv, most)
    monkeypatch.setattr(pynq, "allocate", None)
    assert right(conv, most)
    assert right(conv, 1)


# ---------------------------------------------------------------------- weights


def test_weights_stay_until_others_are_loaded(device: Any, folder: Path) -> None:
    with Accelerator(folder / "unrolled_woven", "woven") as conv:
        with pytest.raises(AcceleratorError, match=r"woven has no weights yet; call load_weights"):
            right(conv, 1)
        for seed in (1, 2):
            load(conv, held("woven", seed))
            assert right(conv, 4, seed)
        conv.reload()
        assert right(conv, 4, 2)


def test_what_load_weights_refuses(conv: Any) -> None:
    good = held(conv.info.name)
    scale = (good.multiplier, good.shift)
    for weights, bias, requant, words in (
        (good.weights[:1], good.bias, scale, r"weights has shape \(1, .*, the accelerator takes"),
        (good.weights + 999, good.bias, scale, r"weights has values .*, s8 holds -128..127"),
        (good.weights, [1, 2], scale, r"bias has shape \(2,\), the accelerator takes"),
        (good.weights, good.bias, None, r"requantizes; give requant=\(multiplier, shift\)"),
        (good.weights, good.bias, (1, 48), r"shift has values 48..48, this design holds 0..47"),
    ):
        with pytest.raises(AcceleratorError, match=words):
            conv.load_weights(weights, bias, requant)
    assert right(conv, 2)


def test_weights_that_cannot_be_loaded_leave_those_before(
    conv: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    get = conv._buffers.get

    def full(name: str, size_bytes: int) -> Any:
        if name == "p":
            raise AcceleratorError("no memory")
        return get(name, size_bytes)

    with monkeypatch.context() as patched:
        patched.setattr(conv._buffers, "get", full)
        with pytest.raises(AcceleratorError, match="no memory"):
            load(conv, held(conv.info.name, 2))  # after those of b are there
    assert right(conv, 2)


@pytest.mark.parametrize("name", ["b", "p", "x 0", "c 0"])
def test_a_buffer_that_is_released(conv: Any, name: str) -> None:
    assert right(conv, 1)
    conv._buffers._held[name].freebuffer()
    with pytest.raises(AcceleratorError, match=f"the buffer {name} was released by somebody else"):
        right(conv, 1)
    # What takes its memory holds something else now.
    pynq.allocate(4096, np.uint8)[:] = 0x55
    assert right(conv, 1)


def test_frames_that_are_refused(conv: Any) -> None:
    for x, words in (
        (np.zeros((1, 2, 3), np.int8), r"the input has shape \(1, 2, 3\), the accelerator takes"),
        (np.zeros((2, *DESIGNS[conv.info.name].input_shape)), "is float64, the accelerator takes"),
    ):
        with pytest.raises(AcceleratorError, match=words):
            conv(x)
    assert right(conv, 1)


# ---------------------------------------------------------------------- faults


@pytest.mark.parametrize(("name", "phase"), [
    ("unrolled", "unroll"), ("unrolled", "frames"), ("woven", "frames"),
])  # fmt: skip
def test_memory_that_does_not_answer(
    device: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, phase: str
) -> None:
    with opened(folder, name) as conv:
        start = conv._start

        def frozen(now: str, frames: int) -> None:
            start(now, frames)
            device.freeze(now == phase)

        monkeypatch.setattr(conv, "_start", frozen)
        x = vectors.frames(DESIGNS[name], 3, 1)
        for call in (conv, lambda x: asyncio.run(conv.run(x))):
            with pytest.raises(
                AcceleratorError,
                match=rf"{name}: time-out after 0.001 s: the kernel does not finish \(memory does "
                r"not answer.*; CTRL=0x0[01] \(.*\)\. The overlay was loaded again; the acc",
            ):
                call(x)
            device.freeze(False)
        monkeypatch.undo()
        assert right(conv, 3)


@pytest.mark.parametrize(
    ("batches", "how"),
    [
        (2, "The overlay was loaded again"),  # the second one is computed, and does not end
        (1, "The kernel has ended its call"),
    ],
)
def test_a_call_that_is_interrupted(
    device: Any, conv: Any, monkeypatch: pytest.MonkeyPatch, batches: int, how: str
) -> None:
    def interrupt(*_: Any) -> None:
        device.freeze()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(conv, "_take", interrupt)
        with pytest.raises(KeyboardInterrupt):
            right(conv, batches * DESIGNS[conv.info.name].batch)
    assert conv.info.recovered == f"{how}; the accelerator is ready"
    device.freeze(False)
    assert right(conv, 2)


# ---------------------------------------------------------------------- what is on the board


def test_raw_pynq_runs_both_phases(device: Any, folder: Path) -> None:
    """As the documentation of pynq writes it; the patches in memory are those of NumPy."""
    given, x = held("unrolled"), vectors.frames(UNROLLED, 2, 3)
    with opened(folder, "unrolled") as conv:
        operands = conv._parameters
    overlay = pynq.Overlay(str(folder / "unrolled_woven" / "unrolled_woven.bit"))
    registers = overlay.unrolled.register_map
    pixels = pack_pixels(x, 4)
    patches = pack_patches(
        pixels.reshape(2, 5, 6, 4), (3, 2), stride=(2, 1), pads=(1, 1, 0, 1), zero_point=7
    )
    arrays = {"x": pixels, "u": np.zeros_like(patches), "b": operands["b"], "p": operands["p"],
              "c": np.zeros((len(patches), 8), np.int8)}  # fmt: skip
    buffers = {name: pynq.allocate(array.shape, array.dtype) for name, array in arrays.items()}
    for name, array in arrays.items():
        buffers[name][:] = array
        buffers[name].flush()
    for name, buffer in {**buffers, "a": buffers["u"]}.items():
        setattr(registers, f"{name}_1", buffer.physical_address & 0xFFFFFFFF)
        setattr(registers, f"{name}_2", buffer.physical_address >> 32)
    for counts in ((2, 0), (0, 2)):
        registers.unroll, registers.frames = counts
        registers.CTRL.AP_START = 1
        while not registers.CTRL.AP_IDLE:
            pass
    for name in ("u", "c"):
        buffers[name].invalidate()
    assert np.array_equal(buffers["u"], patches)
    wanted = reference.conv2d_output(UNROLLED, given, x)
    assert np.array_equal(buffers["c"][:, :5].reshape(wanted.shape), wanted)


SCRIPT = """
import numpy as np
from host import Accelerator
for name, shape, x in (("unrolled", (5, 3, 2, 3), np.full((5, 6, 3), 8, np.uint8)),
                       ("woven", (6, 2, 2, 5), np.ones((5, 4, 5, 5), np.int8))):
    with Accelerator("unrolled_woven.bit", name) as conv:
        conv.load_weights(np.ones(shape, int), np.zeros(shape[0], int), (1, 0))
        print(name, int(conv(x).max()))
"""


def test_a_script_under_lineloom_run(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    overlay = f"{folder / 'unrolled'},{folder / 'woven'}"
    ran = subprocess.run(
        [sys.executable, "-m", "hls", "run", "script.py", "--overlay", overlay],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "unrolled 18\nwoven 20\n"  # taps times channels


def test_scripts_for_vivado_connect_every_port(folder: Path, device: Any, tmp_path: Path) -> None:
    projects = [Project.open(folder / name) for name in DESIGNS]
    made = write(projects, board("pynq-z2"), folder=tmp_path / "out")
    done = vivado.run(made.folder, tmp_path / "record")
    assert done.code == 0, done.printed
    drawing = vivado.Drawing(done)
    ports = {
        name: {
            port.removeprefix("m_axi_gmem_"): re.sub("/S.*", "", drawing.facing(f"{name}/{port}"))
            for port in (entry["name"] for entry in project.manifest["ports"])
        }
        for name, project in zip(DESIGNS, projects, strict=True)
    }
    assert [list(facing) for facing in ports.values()] == [list("xuabpc"), list("xbpc")]
    cells = {cell for facing in ports.values() for cell in facing.values()}
    assert cells == {f"system_memory_{index}" for index in range(4)}
    for name in DESIGNS:
        component = made.folder / "engines" / name / "component.xml"
        assert violations(ET.parse(component).getroot()) == []


def test_ports_that_are_too_narrow_for_an_overlay() -> None:
    narrow = lowered.engine(MatrixConv2d(dataclasses.replace(WOVEN, simd=2)))
    with pytest.raises(InputError, match=r"m_axi_gmem_x is 16 bits .* \(simd and pe of a convolut"):
        Overlay(board("pynq-z2"), 100.0, (narrow,))


def test_partials_lie_between_two_calls(tmp_path: Path) -> None:
    """Padding without a zero point, whose taps are not read, and batches that are not full."""
    design = dataclasses.replace(
        WOVEN, name="apart", algorithm="kn2row_partials", padding=(2, 0, 1, 1), stride=(1, 2)
    )
    generate(design, tmp_path / "apart")
    given = random_parameters(design, 1)
    with sim.board(tmp_path / "apart", stalls=0.3), Accelerator(tmp_path / "apart") as conv:
        load(conv, given)
        for frames in (1, 3, 7):
            x = vectors.frames(design, frames, frames)
            assert np.array_equal(conv(x), reference.conv2d_output(design, given, x))
        x = np.full((2, *design.input_shape), -128, np.int8)
        assert np.array_equal(conv(x), reference.conv2d_output(design, given, x))


# ---------------------------------------------------------------------- patches made by the host


def test_patches_of_numpy_make_a_plain_product_the_layer(tmp_path: Path) -> None:
    """Caffe's way, the baseline: im2col in NumPy, then any GEMM, here with a zero point."""
    layer = Conv2d(
        height=4, width=5, in_channels=2, out_channels=7, kernel=(2, 2), stride=(2, 1),
        padding=(1, 0, 0, 0), input="u6", input_zero_point=5, bias="s16", requantize="channel",
        output_zero_point=-3,
    )  # fmt: skip
    overlays.generate(tmp_path, "scaled")  # a product of these formats
    given, x = random_parameters(layer, 4), vectors.frames(layer, 1, 4)
    a = pack_patches(x, (2, 2), stride=(2, 1), pads=(1, 0, 0, 0), zero_point=5)
    b = pack_taps(given.weights, 1, 1, np.int8)
    with sim.board(tmp_path / "scaled"), Accelerator(tmp_path / "scaled") as gemm:
        c = gemm(a, b, given.bias, given.multiplier, given.shift)
    wanted = reference.conv2d_output(layer, given, x)
    assert np.array_equal(c.reshape(wanted.shape), wanted)


# ---------------------------------------------------------------------- wider


@st.composite
def layers(draw: st.DrawFn) -> Conv2d:
    """Any layer that the array takes."""
    try:
        return dataclasses.replace(
            draw(conv2ds()), name="layer", groups=1, pooling=None, taps="all", weights="rom",
            algorithm=draw(st.sampled_from(["im2col", "implicit", "kn2row", "kn2row_partials"])),
            simd=draw(st.sampled_from([4, 8])), pe=draw(st.sampled_from([4, 8])),
            batch=draw(st.integers(1, 4)),
        )  # fmt: skip
    except DesignError:
        hypothesis.reject()


def judge(data: st.DataObject) -> None:
    design = data.draw(layers(), label="layer")
    where = {
        "board": data.draw(st.sampled_from(["pynq-z2", "kv260"])),
        "stalls": data.draw(st.sampled_from([0.0, 0.4])),
        "seed": data.draw(st.integers(0, 99)),
    }
    place = Path(tempfile.mkdtemp(prefix="lineloom-array-"))
    try:
        generate(design, place / "layer")
        with (
            sim.board(place / "layer", **where) as device,
            Accelerator(place / "layer", timeout_s=0.01) as conv,
        ):
            for _ in range(data.draw(st.integers(1, 3), label="weights")):
                given = data.draw(parameters(design))
                load(conv, given)
                for frames in data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=4)):
                    x = vectors.frames(design, frames, data.draw(seeds))
                    if data.draw(st.integers(0, 3), label="fault") == 0:
                        device.freeze()
                        with pytest.raises(AcceleratorError, match="time-out"):
                            conv(x)
                        device.freeze(False)
                    awaited = data.draw(st.booleans(), label="await")
                    y = asyncio.run(conv.run(x)) if awaited else conv(x)
                    np.testing.assert_array_equal(y, reference.conv2d_output(design, given, x))
    finally:
        shutil.rmtree(place)


@pytest.mark.soak
def test_random_layers_for_a_long_time(
    soak_seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    end, count = time.monotonic() + soak_seconds, 0
    while time.monotonic() < end or not count:
        seed = random.SystemRandom().getrandbits(32)
        with capsys.disabled():
            print(f"\nlayers on the array of a board, hypothesis.seed({seed})", end="", flush=True)
        run = settings(max_examples=3)(given(data=st.data())(lambda data: judge(data)))
        hypothesis.seed(seed)(run)()
        count += 1
