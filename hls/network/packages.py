"""The packages that read and run ONNX models; all modules here but this one may import them."""

from __future__ import annotations

import importlib.util

from hls.errors import ToolNotFound

__all__ = ["require_onnx"]


def require_onnx() -> None:
    """Say early that there is nothing to read or run ONNX models with.

    Raises:
        ToolNotFound: onnx or onnxruntime is not installed.
    """
    for package in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            raise ToolNotFound(
                f"no {package} among the Python packages to work on ONNX models with; "
                "pip install 'lineloom[network]'"
            )
