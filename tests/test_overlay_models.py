"""Models as they are trained and quantized, and too large ones, on the overlay engine."""

from __future__ import annotations

from pathlib import Path

import networks
import numpy as np
import pytest
from conftest import Lineloom
from overlay_engine import ENGINE, first_wrong_layer

from hls import Project
from hls.boards import board
from hls.errors import DesignError
from hls.network import Network
from hls.network.compiling import compile_network
from hls.network.overlay_network import OverlayNetwork
from hls.network.styles import choose

MODELS = Path(__file__).parent.parent / "models"


@pytest.mark.parametrize("model", ["digits_cnn", "digits_cnn_qoperator", "dscnn_pow2", "resnet8"])
def test_real_models_layer_by_layer(model: str) -> None:
    network = Network.from_onnx(MODELS / f"{model}.onnx", model)
    program = compile_network(network, ENGINE, keep_all=True)
    shape = network.tensors[network.input].shape
    frame = np.random.default_rng(0).integers(-128, 128, shape).astype(np.int8)
    assert first_wrong_layer(program, frame) is None


def test_the_command_generates_the_style_that_is_asked_for(
    lineloom: Lineloom, tmp_path: Path
) -> None:
    done = lineloom("net", MODELS / "digits_mlp.onnx", "--style", "overlay", "-o",
                    tmp_path / "net", "--json")  # fmt: skip
    assert done.code == 0, done.err
    assert done.json["style"] == "overlay"
    assert "one engine of 8x8 PEs runs the layers one after the other" in done.json["because"]
    assert all((layer["cycles"] > 0) != (layer["kind"] == "flattening")
               for layer in done.json["layers"])  # fmt: skip
    design = Project.open(tmp_path / "net").design
    assert isinstance(design, OverlayNetwork)


def _dense(features: int) -> Network:
    b = networks.Builder((1, 1, features))
    return b.network(b.dense("x", features))


def test_what_is_too_large_for_an_engine_a_layer_gets_one_for_all() -> None:
    choice = choose(_dense(1200), board("pynq-z2"))
    assert choice.style == "overlay"
    assert "pynq-z2" in choice.reason
    assert "; so one engine of 8x8 PEs runs the layers one after the other" in choice.reason
    with pytest.raises(DesignError, match="pynq-z2"):
        choose(_dense(1200), board("pynq-z2"), "dataflow")
    assert isinstance(choice.design, OverlayNetwork)
    assert len(choice.design.program.passes) == 3, "512 filters at a time"


def test_what_no_style_fits_is_refused_for_both_reasons() -> None:
    b = networks.Builder((1, 300, 4000))
    network = b.network(b.conv("x", 8, 3))
    with pytest.raises(DesignError, match=r"pynq-z2.*One engine for all layers: .*image_words"):
        choose(network, board("pynq-z2"))
