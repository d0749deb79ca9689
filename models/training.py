"""Train a network and export it to ONNX; runs in build/models/venv, which alone has PyTorch.

python -m models.training NETWORK DATA.npz OUT.onnx
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from models.networks import NETWORKS

__all__ = ["export", "train"]

_OPSET = 17
_SEED = 2026


@dataclass(frozen=True)
class Course:
    """How long a network trains, and on what."""

    epochs: int
    batch: int = 32
    rate: float = 3e-3
    shift: int = 0
    """Images are moved by up to so many pixels, anew in every epoch."""


COURSES = {
    "digits_cnn": Course(epochs=40, shift=1),
    "digits_mlp": Course(epochs=100),
    "resnet8": Course(epochs=3),
    "dscnn": Course(epochs=4),
}


def train(network: nn.Module, images: torch.Tensor, labels: torch.Tensor, course: Course) -> None:
    """Adam on the cross entropy, its rate falling as a cosine; the same weights every time.

    Args:
        network: trained in place and left in evaluation mode.
        images: [n, C, H, W].
        labels: [n], of int64.
        course: epochs and the like.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=course.rate, weight_decay=1e-2)
    steps = course.epochs * (len(images) // course.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    network.train()
    for _ in range(course.epochs):
        order = torch.randperm(len(images))
        # The last batch is left away where it is not full: a batch of few upsets the statistics.
        for batch in order.split(course.batch)[: len(images) // course.batch]:
            optimizer.zero_grad()
            logits = network(_shifted(images[batch], course.shift))
            nn.functional.cross_entropy(logits, labels[batch], label_smoothing=0.05).backward()
            optimizer.step()
            schedule.step()
    network.eval()


def _shifted(images: torch.Tensor, reach: int) -> torch.Tensor:
    """Images moved by up to `reach` pixels, zeros where nothing was."""
    if reach == 0:
        return images
    height, width = images.shape[2:]
    padded = nn.functional.pad(images, (reach,) * 4)
    corners = torch.randint(0, 2 * reach + 1, (len(images), 2)).tolist()
    return torch.stack([image[:, top : top + height, left : left + width]
                        for image, (top, left) in zip(padded, corners, strict=True)])  # fmt: skip


def export(network: nn.Module, image: torch.Tensor, path: Path) -> None:
    """Write `network` as ONNX: input [N, C, H, W], logits [N, classes], BatchNormalization kept."""
    with warnings.catch_warnings():
        # The exporter of TorchScript is the one that needs no further packages.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network,
            (image,),
            str(path),
            dynamo=False,
            opset_version=_OPSET,
            do_constant_folding=False,
            training=torch.onnx.TrainingMode.PRESERVE,
            input_names=["input"],
            output_names=["logits"],
            dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}},
        )


def main(name: str, data: Path, output: Path) -> None:
    """Train the network called `name` on `data`, arrays `images` and `labels`."""
    # One thread adds in one order, so that every run makes the same weights.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(_SEED)
    with np.load(data) as arrays:
        images, labels = (torch.from_numpy(arrays[key]) for key in ("images", "labels"))
    network = NETWORKS[name]()
    train(network, images, labels, COURSES[name])
    export(network, images[:1], output)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
