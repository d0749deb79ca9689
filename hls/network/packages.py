"""The packages that read and run ONNX models; imported when they are needed, not before."""

from __future__ import annotations

import importlib
from typing import Any

from hls.errors import ToolNotFound

__all__ = ["require"]


def require(name: str) -> Any:
    """The module `name` of onnx or onnxruntime.

    Raises:
        ToolNotFound: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ToolNotFound(
            f"no Python package {error.name} to work on ONNX models with; "
            "pip install 'lineloom[network]'"
        ) from None
