"""A network against the model that it was made of: every image through its C++ or its Verilog.

Three answers to each image are compared: what the engine puts out, what the golden model says that
it must, bit for bit, and which class onnxruntime finds with the model itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.design import DataflowNetwork, OverlayNetwork
from hls.errors import InputError
from hls.memory import Memory
from hls.network import Network
from hls.project import Project
from host.errors import AcceleratorError
from host.model_tensor import ModelTensor
from sim import network as golden
from sim.cosim import cosim
from sim.judge import model_tensors

__all__ = ["ENGINES", "Prediction", "network_of", "predict"]

ENGINES = ("fast", "csim")

Classes = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What was found."""

    engine: str
    images: int
    outputs: int
    """Values that the engine put out."""
    mismatches: int
    """Those that are not the golden model's."""
    first_mismatch: dict[str, Any] | None
    """Index [image, row, column, channel], got and expected."""
    first_layer: dict[str, Any] | None
    """The first layer that goes wrong, where the engine can tell."""
    differing: int
    """Values that onnxruntime has otherwise; none at scales that are powers of two."""
    largest: int
    """The greatest of these differences, in steps."""
    classes: Classes
    """Largest output (the first of equal ones) of each image, [N, H, W]."""
    model_classes: Classes
    """The same by onnxruntime."""
    labels: Classes | None
    cycles_per_frame: float | None
    """In Verilog, frames back to back."""
    bound_cycles: int

    @property
    def agreeing(self) -> int:
        """Images that both find the same classes for."""
        return int(np.all(self.classes == self.model_classes, axis=(1, 2)).sum())

    @property
    def accuracy(self) -> float | None:
        """Share of labels that the engine finds."""
        return self._share(self.classes)

    @property
    def model_accuracy(self) -> float | None:
        """Share of labels that onnxruntime finds."""
        return self._share(self.model_classes)

    @property
    def match(self) -> bool:
        """Whether all bits are right, and all classes are onnxruntime's."""
        return not self.mismatches and self.agreeing == self.images

    def _share(self, classes: Classes) -> float | None:
        if self.labels is None:
            return None
        return float((classes == self.labels.reshape(classes.shape)).mean())


def network_of(project: Project) -> Network:
    """The network that a project computes.

    Raises:
        InputError: it is a project of something else.
    """
    design = project.design
    if not isinstance(design, DataflowNetwork | OverlayNetwork):
        raise InputError(f"{project.path}: is no network; make one with lineloom net")
    return design.network


def predict(
    project: Project,
    images: Any,
    labels: Any = None,
    *,
    engine: str = "fast",
    memory: Memory | None = None,
) -> Prediction:
    """Send images through a network and compare.

    Args:
        project: of a network that was made of an ONNX model.
        images: [N, ...] as the model takes them.
        labels: class of each image [N], or of each of its pixels.
        engine: "fast", the Verilog with drivers in C++; or "csim", the generated C++.
        memory: beside the Verilog; one that is always ready unless given.

    Raises:
        InputError: the project has no model, or images or labels do not suit it.
        CheckFailed, ToolNotFound, ToolFailed: as `sim.cosim.cosim` and `sim.judge.judge`.
    """
    if engine not in ENGINES:
        raise InputError(f"engine={engine!r} is not known; use {' or '.join(ENGINES)}")
    network = network_of(project)
    if network.model is None:
        raise InputError(f"{project.path}: has no model.onnx to compare with; make the project "
                         "with lineloom net")  # fmt: skip
    x = _frames(project, images)
    held = None if labels is None else _labels(network, labels, len(x))
    expected = golden.tensors(network, x)[network.output]
    model = _of_model(network, np.asarray(images))
    output, layer, cycles = _computed(project, x, engine, memory or Memory())
    wrong = np.argwhere(output != expected)
    first = None
    if len(wrong):
        index = tuple(int(i) for i in wrong[0])
        first = {"index": list(index), "got": int(output[index]), "expected": int(expected[index])}
    steps = np.abs(output.astype(np.int64) - model)
    return Prediction(
        engine=engine,
        images=len(x),
        outputs=output.size,
        mismatches=len(wrong),
        first_mismatch=first,
        first_layer=layer,
        differing=int(np.count_nonzero(steps)),
        largest=int(steps.max()),
        classes=output.argmax(axis=3),
        model_classes=model.argmax(axis=3),
        labels=held,
        cycles_per_frame=cycles,
        bound_cycles=project.design.lower_bound_cycles,
    )


def _frames(project: Project, images: Any) -> npt.NDArray[np.int8]:
    """Images as the host library would send them."""
    manifest = project.manifest
    source = ModelTensor.of(manifest["network"]["input"], manifest["shapes"]["input"])
    try:
        batch, single = source.batch(images)
    except AcceleratorError as error:
        raise InputError(str(error)) from None
    if single:
        raise InputError("images is one image; give several, [N, ...]")
    return batch[:]


def _labels(network: Network, labels: Any, images: int) -> Classes:
    found = np.asarray(labels)
    height, width, _ = network.tensors[network.output].shape
    if found.dtype.kind not in "iu" or found.size != images * height * width:
        raise InputError(
            f"labels are {found.dtype} of shape {found.shape}; give a class for each of the "
            f"{images} images" + (" and its pixels" if height * width > 1 else "")
        )
    return found.astype(np.int64)


def _of_model(network: Network, images: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """What the model puts out by onnxruntime, as integers."""
    import onnx

    assert network.model is not None
    model = onnx.load_from_string(network.model)
    return model_tensors(network, model, images, {network.output})[network.output]


def _computed(
    project: Project, x: npt.NDArray[np.int8], engine: str, memory: Memory
) -> tuple[npt.NDArray[np.int8], dict[str, Any] | None, float | None]:
    """What the engine puts out, which layer goes wrong first, and cycles a frame."""
    if engine == "csim":
        return project.csim(x).output, None, None
    limited = math.isfinite(memory.bytes_per_cycle)
    found = cosim(
        project,
        inputs={"x": x},
        engine="fast",
        memory_latency=memory.latency_cycles,
        memory_bandwidth=memory.bytes_per_cycle if limited else None,
    )
    layer = found.first_layer
    if layer is None and "layer" in (found.first_mismatch or {}):
        layer = found.first_mismatch  # where a run kept all layers, that is what it found first
    return found.output, layer, found.cycles_per_frame
