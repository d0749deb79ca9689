"""What the importer says about a node that it cannot map: which one, why, and what would do."""

from __future__ import annotations

from hls.errors import InputError
from hls.network.importing.graph import Node

__all__ = ["refused", "unsupported"]

_REMEDIES = {
    "DynamicQuantizeLinear": "quantize statically, with scales that are known beforehand "
    "(lineloom quantize)",
    "BatchNormalization": "fold it into the layer before it ahead of quantization",
    "Resize": "use a Conv with strides, or pooling, to change the size",
    "Upsample": "use a Conv with strides, or pooling, to change the size",
    "ConvTranspose": "use a Conv",
    "If": "export the model without control flow",
    "Loop": "export the model without control flow",
    "Scan": "export the model without control flow",
}
_CURVED = {
    "Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "PRelu", "QLinearLeakyRelu",
    "QLinearSigmoid", "Selu", "Sigmoid", "Softplus", "Tanh",
}  # fmt: skip
_LISTED = (
    "Conv, Gemm, MatMul, Add, Sub, MaxPool, AveragePool, GlobalAveragePool, ReduceMean, Relu, "
    "Clip, Pad, Concat, Flatten, Reshape, BatchNormalization and their quantized forms"
)


def refused(node: Node, rule: str, remedy: str) -> InputError:
    """`node '/conv1/Conv' (Conv, group=3): rule; remedy`, as an error to raise."""
    attributes = "".join(f", {name}={_short(value)}" for name, value in node.attributes.items())
    kind = f"{node.domain}.{node.op}" if node.domain else node.op
    return InputError(f"node {node.label!r} ({kind}{attributes}): {rule}; {remedy}")


def unsupported(node: Node) -> InputError:
    """The refusal of an operator that is not mapped."""
    remedy = _REMEDIES.get(node.op, f"use {_LISTED}")
    if node.op in _CURVED:
        remedy = "use Relu or Clip, which cost nothing"
    return refused(node, "is not supported", remedy)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
