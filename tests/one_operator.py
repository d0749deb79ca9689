"""Small models for tests of single operators, and whether onnxruntime agrees with them."""

from __future__ import annotations

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto, helper
from random_models import Maker, Tensor

from hls.network import Network
from sim.judge import judge

DTYPES = st.sampled_from(["int8", "uint8"])


def model_of(make: Maker, last: Tensor, opset: int = 17) -> onnx.ModelProto:
    """A model that ends at `last`, an image."""
    shape = ["N", *[None] * 3]
    output = helper.make_tensor_value_info(make.real(last), TensorProto.FLOAT, shape)
    return make.finished(output, opset)


def agrees(model: onnx.ModelProto) -> Network:
    """All values are onnxruntime's."""
    network = Network.from_onnx(model)
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim][1:]
    x = np.random.default_rng(1).normal(0, 1, (4, *shape)).astype(np.float32)
    verdict = judge(network, model, x)
    assert verdict.differing == 0, verdict.first
    return network


def image(make: Maker, height: int, width: int, *, relu: bool = False) -> Tensor:
    return make.conv(make.input(2, height, width), 3, (1, 1), relu=relu)
