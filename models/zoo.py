"""The files in this folder: which network, on which task, quantized how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hls.network.scheme import Scheme
from models import patterns
from models.digits import digits
from models.task import Task

__all__ = ["CALIBRATION", "FILES", "FOLDER", "TASKS", "File"]

FOLDER = Path(__file__).parent

TASKS: dict[str, Callable[[], Task]] = {
    "digits_cnn": digits,
    "digits_mlp": digits,
    "resnet8": patterns.images,
    "dscnn": patterns.spectra,
}
"""Network -> what it learns."""


CALIBRATION = "digits_calibration.npz"
"""The digits that calibrate, for `lineloom quantize` on the float files here."""


@dataclass(frozen=True)
class File:
    """An .onnx file: input [N, C, H, W] and logits [N, classes], both float32; N is any size."""

    network: str
    suffix: str = ""
    scheme: Scheme | None = Scheme()  # noqa: RUF009, frozen
    """None leaves the network in float, with its BatchNormalization."""
    goal: float = 0.0
    """The least accuracy on the test split with which the file is kept."""

    @property
    def name(self) -> str:
        """Of the file, in this folder."""
        return f"{self.network}{self.suffix}.onnx"


_POW2 = Scheme(power_of_two=True)

FILES = (
    File("digits_cnn", "_float", None, goal=0.98),
    File("digits_cnn", goal=0.98),
    File("digits_cnn", "_pow2", _POW2, goal=0.98),
    File("digits_cnn", "_qoperator", Scheme(form="qoperator"), goal=0.98),
    File("digits_mlp", "_float", None, goal=0.96),
    File("digits_mlp", goal=0.96),
    File("resnet8", goal=0.9),
    File("resnet8", "_pow2", _POW2, goal=0.9),
    File("resnet8", "_qoperator", Scheme(form="qoperator"), goal=0.9),
    File("dscnn", goal=0.9),
    File("dscnn", "_pow2", _POW2, goal=0.9),
)
