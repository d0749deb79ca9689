"""The four networks, in PyTorch; images are NCHW."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["NETWORKS", "digits_cnn", "digits_mlp", "dscnn", "resnet8"]


def digits_cnn() -> nn.Module:
    """Three 3x3 convolutions, a max pool, two dense layers: digits of 8x8."""
    return nn.Sequential(
        *_convolution(1, 16),
        *_convolution(16, 32),
        nn.MaxPool2d(2),
        *_convolution(32, 32),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 2 * 2, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def digits_mlp() -> nn.Module:
    """Three dense layers: digits of 8x8."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, 64),
        nn.ReLU(),
        nn.Linear(64, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    )


class _Residual(nn.Module):  # type: ignore[misc]  # torch is not in .venv
    """Two 3x3 convolutions beside a shortcut: itself, or 1x1 where the shape changes."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_convolution(channels, filters, stride=stride),
            *_convolution(filters, filters)[:2],
        )
        self.shortcut: nn.Module = nn.Identity()
        if (channels, stride) != (filters, 1):
            self.shortcut = nn.Conv2d(channels, filters, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, channels, H, W] -> [N, filters, H / stride, W / stride]."""
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet8() -> nn.Module:
    """ResNet-8 of MLPerf Tiny's image classification: 32x32x3, ten classes."""
    return nn.Sequential(
        *_convolution(3, 16),
        _Residual(16, 16, 1),
        _Residual(16, 32, 2),
        _Residual(32, 64, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


def dscnn() -> nn.Module:
    """The depthwise-separable keyword spotter of MLPerf Tiny: 49 frames of 10 MFCCs, 12 words.

    The first convolution pads 5 rows at top and bottom, where TensorFlow has 4 and 5: PyTorch pads
    both alike. The sizes of all layers are the same.
    """
    blocks = [
        layer
        for _ in range(4)
        for layer in (*_convolution(64, 64, groups=64), *_convolution(64, 64, kernel=1))
    ]
    return nn.Sequential(
        nn.Conv2d(1, 64, (10, 4), 2, padding=(5, 1), bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 12),
    )


def _convolution(
    channels: int, filters: int, *, kernel: int = 3, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """A convolution that keeps the size, its batch normalization, ReLU."""
    return [
        nn.Conv2d(
            channels, filters, kernel, stride, padding=kernel // 2, groups=groups, bias=False
        ),
        nn.BatchNorm2d(filters),
        nn.ReLU(),
    ]


NETWORKS = {
    "digits_cnn": digits_cnn,
    "digits_mlp": digits_mlp,
    "resnet8": resnet8,
    "dscnn": dscnn,
}
