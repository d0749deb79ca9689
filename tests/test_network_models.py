"""Models as others write them: onnxruntime's quantizer, PyTorch, QONNX, ONNX's own tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.backend.test
import onnx_models
import pytest
from onnx import numpy_helper

from hls.errors import InputError, LineloomError
from hls.network import Network
from sim import network as golden
from sim.judge import _classes, judge, model_tensors, quantized

ROOT = Path(__file__).resolve().parent.parent
BACKEND = Path(onnx.backend.test.__file__).parent / "data"


def judged(model, count=16, *, isolated=True):
    network = Network.from_onnx(model)
    opened = onnx.load(model) if isinstance(model, Path) else model
    return judge(network, model, onnx_models.samples(opened, count), isolated=isolated)


@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
@pytest.mark.parametrize("name", onnx_models.FLOAT)
def test_what_onnxruntime_quantizes_is_what_it_computes(name, form):
    """Half of them with nodes that its own preparation would have fused."""
    plain = form == "QDQ" or name in ("dense", "classifier")
    model = onnx_models.quantized(
        onnx_models.FLOAT[name](), form=form, prepared=not plain, symmetric=plain,
        activations="QInt8" if plain else "QUInt8",
    )  # fmt: skip
    verdict = judged(model)
    assert verdict.largest <= 1
    # Means of one scale are ties now and then, which float32 breaks either way.
    assert verdict.differing - verdict.halfway <= 1
    assert judged(model, isolated=False).top1 == verdict.frames


def test_classes_that_are_next_to_equal_are_told_apart():
    theirs = np.array([[9, 8, 0], [9, 9, 0], [9, 8, 0], [9, 7, 0]], np.int8)
    ours = np.array([[9, 8, 0], [8, 9, 0], [8, 9, 0], [8, 9, 0]], np.int8)
    assert _classes(ours, theirs) == (1, 2)


def test_both_forms_of_a_model_are_one_network_and_onnxruntime_disagrees_with_itself():
    """Of the same integers and scales it computes one form in float32 and the other in integers.

    The golden model differs by the ratios of scales alone, which operators on integers have in
    float32; it is closer to either form than they are to one another.
    """
    forms = ("QDQ", "QOperator")
    models = [onnx_models.quantized(onnx_models.block(), form=form) for form in forms]
    networks = [Network.from_onnx(model) for model in models]
    assert networks[0].tensors.keys() == networks[1].tensors.keys()
    x = onnx_models.samples(models[0], 200)

    theirs = [model_tensors(each, model, x) for each, model in zip(networks, models, strict=True)]
    ours = [golden.tensors(each, quantized(each, x)) for each in networks]
    apart = [sum(int((a[name] != b[name]).sum()) for name in theirs[0]) for a, b in (theirs, ours)]
    assert apart[0] > 10 * apart[1]
    for network, model in zip(networks, models, strict=True):
        verdict = judge(network, model, x, isolated=True)
        assert verdict.largest <= 1
        assert verdict.differing <= 2e-5 * verdict.values
        assert apart[0] > 10 * verdict.differing


@pytest.mark.parametrize(
    "name", ["digits_cnn_pow2", "dscnn_pow2", "resnet8_pow2", "digits_cnn_qoperator", "digits_mlp"]
)
def test_the_models_of_this_repository_are_equal(name):
    verdict = judged(ROOT / "models" / f"{name}.onnx", 2, isolated=False)
    assert (verdict.differing, verdict.top1) == (0, 2)


@pytest.mark.parametrize("name", ["digits_cnn", "dscnn", "resnet8"])
def test_arbitrary_scales_of_real_models_keep_the_promise(name):
    verdict = judged(ROOT / "models" / f"{name}.onnx", 4)
    assert verdict.largest <= 1
    assert verdict.differing <= 2e-5 * verdict.values
    assert judged(ROOT / "models" / f"{name}.onnx", 4, isolated=False).top1 == 4


@pytest.mark.parametrize("name", ["converted", "fake_quantized"])
def test_what_pytorch_exports(name):
    path = ROOT / "tests" / "pytorch" / f"{name}.onnx"
    assert judged(path).largest <= 1
    assert judged(path, isolated=False).top1 == 16


@pytest.mark.parametrize("name", onnx_models.QONNX)
def test_qonnx_is_what_its_definition_computes(name):
    model = onnx_models.QONNX[name]()
    if name == "qonnx_asymmetric":
        with pytest.raises(InputError, match="rounds by FLOOR"):
            Network.from_onnx(model)
        return
    verdict = judged(model, 32)
    assert (verdict.differing, verdict.top1) == (0, 32)


def bound(name):
    """A model of ONNX's own tests, whose inputs are all constant but for the first."""
    folder = BACKEND / "node" / name
    model = onnx.load(folder / "model.onnx")
    for index, value in enumerate(model.graph.input):
        if index:
            tensor = onnx.load_tensor(folder / "test_data_set_0" / f"input_{index}.pb")
            model.graph.initializer.append(numpy_helper.from_array(
                numpy_helper.to_array(tensor), value.name))  # fmt: skip
    return model


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("test_qlinearmatmul_3D_int8_float32", r"multiplies by an array of 3 axes; use a matrix"),
        ("test_quantizelinear_axis", r"gives an activation 3 scales"),
        ("test_quantizelinear_blocked_symmetric", r"QuantizeLinear, axis=1, block_size=2"),
        ("test_matmulinteger", r"output 'Y' is the real-valued result of 'Y'"),
        ("test_softmax_axis_1", r"is not quantized"),
    ],
)
def test_tests_of_onnx_itself_stop_with_the_node(name, message):
    with pytest.raises(InputError, match=message):
        Network.from_onnx(bound(name))


@pytest.mark.parametrize("name", ["test_qlinearconv", "test_qlinearmatmul_2D_int8_float32"])
def test_tests_of_onnx_itself_are_computed_as_onnxruntime_does(name):
    """Weights of 8 bits with a zero point, of 9 bits without it."""
    model = bound(name)
    x = numpy_helper.to_array(
        onnx.load_tensor(BACKEND / "node" / name / "test_data_set_0" / "input_0.pb")
    )
    assert judge(Network.from_onnx(model), model, x).differing == 0


def test_no_model_of_onnx_ends_in_a_traceback():
    paths = [*BACKEND.glob("node/test_q*/model.onnx"), *BACKEND.glob("node/test_dequant*/*.onnx"),
             *BACKEND.glob("light/*.onnx")]  # fmt: skip
    assert len(paths) > 30
    for path in paths:
        with pytest.raises(LineloomError):
            Network.from_onnx(path)


def test_the_verb_shows_layers_and_the_nodes_they_come_from(lineloom, tmp_path):
    model = ROOT / "models" / "digits_cnn.onnx"
    shown = lineloom("net", model, "-o", tmp_path / "digits")
    assert (shown.code, shown.err) == (0, "")
    assert "460,416 MACs a frame, 22,800 weights" in shown.out
    data = lineloom("net", model, "-o", tmp_path / "digits", "--name", "cnn", "--json").json
    assert data["name"] == "cnn"
    assert [layer["nodes"] for layer in data["layers"]][:3] == [["/0/Conv"], ["/3/Conv"],
                                                                ["/6/MaxPool"]]  # fmt: skip
    assert data["layers"][0]["output"] == [8, 8, 16]


def test_the_verb_leaves_what_is_not_ours(lineloom, tmp_path):
    (tmp_path / "thesis.tex").write_text("...")
    done = lineloom("net", ROOT / "models" / "digits_mlp.onnx", "-o", tmp_path)
    assert (done.code, (tmp_path / "thesis.tex").read_text()) == (2, "...")
