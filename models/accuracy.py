"""The accuracy of a model, by onnxruntime."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from models.task import Split

__all__ = ["accuracy"]


def accuracy(path: Path, test: Split) -> float:
    """Share of `test` whose class has the largest logit."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"input": test.images})
    return float((logits.argmax(axis=1) == test.labels).mean())
