"""What quantization changes: a quantized model against its float model, on the same samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from hls.errors import InputError
from hls.network.calibration import Calibration

__all__ = ["Difference", "differences", "run"]


@dataclass(frozen=True)
class Difference:
    """Of one output, in its real unit."""

    output: str
    max_abs: float
    mean_abs: float
    top1_agreement: float | None
    """Share of samples with the same largest entry; None if the output is no [n, classes]."""


def run(path: Path, samples: Calibration) -> dict[str, npt.NDArray[Any]]:
    """What onnxruntime computes: name of an output -> [samples, ...].

    Raises:
        InputError: onnxruntime cannot run the model.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # what is fatal is raised, too
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        parts = [session.run(None, batch) for batch in samples.batches()]
    except Exception as error:  # onnxruntime's own have no common base
        said = " ".join(str(error).split())
        raise InputError(f"{path}: onnxruntime cannot run it ({said})") from None
    names = [output.name for output in session.get_outputs()]
    return {name: np.concatenate([np.atleast_1d(part[index]) for part in parts])
            for index, name in enumerate(names)}  # fmt: skip


def differences(
    exact: dict[str, npt.NDArray[Any]], quantized: dict[str, npt.NDArray[Any]]
) -> tuple[Difference, ...]:
    """Of every output, from what `run` gave for both models."""
    found = []
    for name, wanted in exact.items():
        error = np.abs(quantized[name].astype(np.float64) - wanted)
        is_classes = wanted.ndim == 2 and wanted.shape[1] > 1 and wanted.dtype.kind == "f"
        same = quantized[name].argmax(axis=1) == wanted.argmax(axis=1) if is_classes else None
        found.append(
            Difference(
                output=name,
                max_abs=float(error.max()),
                mean_abs=float(error.mean()),
                top1_agreement=None if same is None else float(same.mean()),
            )
        )
    return tuple(found)
