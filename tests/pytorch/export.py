"""Write the .onnx files of this folder: what PyTorch's own quantization exports.

`make models` has PyTorch; then: build/models/venv/bin/python tests/pytorch/export.py

- converted.onnx: FX graph mode, converted to integers: u8 activations of 7 bits, s8 weights with a
  scale a channel, and the marks of its exporter: Cast between equal types, constants as nodes,
  zero points by ConstantOfShape, a ReLU on its own behind Quantize and Dequantize.
- fake_quantized.onnx: what quantization-aware training exports: float weights that a QuantizeLinear
  in the graph quantizes, float biases, s8 activations.

Beside each lies what PyTorch computes: x and y in an .npz file.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.ao.quantization import get_default_qconfig_mapping
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx
from torch.nn.utils.parametrize import register_parametrization

HERE = Path(__file__).parent


class Network(nn.Module):
    """A convolution, a depthwise one with a sum, a pool, 1x1, and a dense layer; 8x8x3 -> 5."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.pool = nn.MaxPool2d(2)
        self.pointwise = nn.Conv2d(8, 8, 1)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.dense = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, 3, 8, 8] -> [N, 5]."""
        x = torch.relu(self.norm(self.first(x)))
        x = torch.relu(self.depthwise(x) + x)
        x = self.pointwise(self.pool(x))
        return self.dense(self.average(x).flatten(1))


def network() -> nn.Module:
    """With statistics of BatchNormalization that some batches left."""
    made = Network()
    for _ in range(8):
        made(torch.rand(16, 3, 8, 8))
    return made


def converted(x: torch.Tensor) -> nn.Module:
    """Quantized after training."""
    prepared = prepare_fx(network().eval(), get_default_qconfig_mapping("x86"), (x,))
    prepared(x)
    return convert_fx(prepared)


class RoundedInput(nn.Module):
    """Rounds to symmetric int8."""

    def __init__(self, reach: float) -> None:
        super().__init__()
        self.scale = reach / 127

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The same shape."""
        return torch.fake_quantize_per_tensor_affine(x, self.scale, 0, -128, 127)


class RoundedWeights(nn.Module):
    """Rounds to symmetric int8, with a scale for each output channel."""

    def __init__(self, weights: torch.Tensor) -> None:
        super().__init__()
        scale = weights.detach().abs().flatten(1).amax(1) / 127
        self.register_buffer("scale", scale)
        self.register_buffer("zero", torch.zeros_like(scale, dtype=torch.int32))

    def forward(self, weights: torch.Tensor) -> torch.Tensor:
        """The same shape."""
        return torch.fake_quantize_per_channel_affine(weights, self.scale, self.zero, 0, -128, 127)


def rounded(layer: nn.Module, reach: float = 1.0) -> list[nn.Module]:
    """`layer` with input, of about `reach`, and weights rounded."""
    register_parametrization(layer, "weight", RoundedWeights(layer.weight))
    return [RoundedInput(reach), layer]


def fake_quantized(x: torch.Tensor) -> nn.Module:
    """Layers that round their operands themselves, as in quantization-aware training."""
    return nn.Sequential(
        *rounded(nn.Conv2d(3, 8, 3, padding=1)),
        nn.ReLU(),
        *rounded(nn.Conv2d(8, 8, 3, padding=1, groups=8), 1.5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        *rounded(nn.Conv2d(8, 6, 1)),
        nn.ReLU(),
        nn.Flatten(),
        *rounded(nn.Linear(6 * 4 * 4, 5)),
        RoundedInput(1.0),
    ).eval()


def main() -> None:
    """Write all files."""
    # Both ways of quantizing, and the exporter, have successors that want further packages.
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for make in (converted, fake_quantized):
        torch.manual_seed(0)
        x = torch.rand(16, 3, 8, 8)
        made = make(x)
        torch.onnx.export(made, (x[:1],), str(HERE / f"{make.__name__}.onnx"), dynamo=False,
                          opset_version=17, input_names=["x"], output_names=["y"],
                          dynamic_axes={"x": {0: "N"}, "y": {0: "N"}})  # fmt: skip
        np.savez(HERE / f"{make.__name__}.npz", x=x.numpy(), y=made(x).detach().numpy())


if __name__ == "__main__":
    main()
