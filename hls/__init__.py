"""The generator: a design in, HLS C++ (and RTL) out."""

from __future__ import annotations

from hls.design import Clip, Conv2d, Gemm, Padding, Pool
from hls.errors import DesignError, InputError, LineloomError, ToolFailed, ToolNotFound
from hls.fixed import Fixed
from hls.generator import generate
from hls.parameters import Parameters
from hls.project import Project

__all__ = [
    "Clip",
    "Conv2d",
    "DesignError",
    "Fixed",
    "Gemm",
    "InputError",
    "LineloomError",
    "Padding",
    "Parameters",
    "Pool",
    "Project",
    "ToolFailed",
    "ToolNotFound",
    "generate",
]
