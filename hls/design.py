"""The designs that can be generated, and their way to and from plain data."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from hls.conv2d import AUTO, Conv2d, Padding, Pool
from hls.epilogue import Clip
from hls.errors import DesignError
from hls.fixed import Fixed
from hls.gemm import Gemm
from hls.matrix_conv2d import MatrixConv2d
from hls.naive_conv2d import NaiveConv2d
from hls.network.dataflow import DataflowNetwork
from hls.network.overlay_network import OverlayNetwork
from hls.partials_conv2d import PartialsConv2d

__all__ = [
    "ENGINES",
    "KINDS",
    "Clip",
    "Conv2d",
    "DataflowNetwork",
    "Design",
    "Gemm",
    "MatrixConv2d",
    "NaiveConv2d",
    "Operator",
    "OverlayNetwork",
    "Padding",
    "PartialsConv2d",
    "Pool",
    "engine",
    "framed",
    "from_dict",
    "layer",
    "to_dict",
]

Operator = Conv2d | Gemm | MatrixConv2d
"""One layer; a MatrixConv2d is the engine of a Conv2d with another algorithm."""

Design = Operator | DataflowNetwork | OverlayNetwork
"""What can be generated."""

KINDS: dict[str, type[Conv2d] | type[Gemm]] = {"conv2d": Conv2d, "gemm": Gemm}
"""Name of a kind of design, as in manifest.json and on the command line -> class."""

ENGINES: dict[type[Design], str] = {
    Conv2d: "conv2d",
    MatrixConv2d: "matrix_conv2d",
    NaiveConv2d: "matrix_conv2d",
    PartialsConv2d: "matrix_conv2d",
    Gemm: "gemm",
    DataflowNetwork: "conv2d",
    OverlayNetwork: "overlay_engine",
}
"""What computes -> its name, as in file names and in manifest.json."""

_NESTED = {"padding": Padding, "pooling": Pool, "activation": Clip}


def engine(design: Operator) -> Operator:
    """What computes `design`: itself, or the engine that its algorithm asks for.

    Raises:
        DesignError: the algorithm is still to be chosen.
    """
    if not isinstance(design, Conv2d) or design.algorithm == "direct":
        return design
    if design.algorithm == AUTO:
        raise DesignError(
            "Conv2d: algorithm='auto' is not chosen yet; generate does that for a board, or "
            "hls.algorithms.resolve"
        )
    baselines = {"naive": NaiveConv2d, "kn2row_partials": PartialsConv2d}
    return baselines.get(design.algorithm, MatrixConv2d)(design)


def layer(design: Design) -> Conv2d | None:
    """The convolution that `design` computes, which its parameters belong to; None of a Gemm."""
    if isinstance(design, MatrixConv2d):
        return design.conv
    return design if isinstance(design, Conv2d) else None


def framed(design: Design) -> Conv2d | DataflowNetwork | OverlayNetwork | None:
    """What takes frames [N, H, W, C]: a network, or the convolution of `layer`; None of a Gemm."""
    return design if isinstance(design, DataflowNetwork | OverlayNetwork) else layer(design)


def to_dict(design: Design) -> dict[str, Any]:
    """`design` as JSON-able data, kind included; `from_dict` and `engine` read it back.

    An engine is told by its layer, a network by what is chosen for it; itself it has files.
    """
    if isinstance(design, DataflowNetwork | OverlayNetwork):
        return design.data()
    if isinstance(design, MatrixConv2d):
        design = design.conv
    kind = next(kind for kind, cls in KINDS.items() if isinstance(design, cls))
    fields = {f.name: _plain(getattr(design, f.name)) for f in dataclasses.fields(design)}
    return {"kind": kind, **fields}


def _plain(value: Any) -> Any:
    if isinstance(value, Fixed):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return list(value) if isinstance(value, tuple) else value


def from_dict(data: Mapping[str, Any]) -> Conv2d | Gemm:
    """A design from the fields of `to_dict` or of a configuration file.

    Raises:
        DesignError: an unknown kind or field (the nearest name is suggested), or a broken rule.
    """
    kind = data.get("kind")
    if kind not in KINDS:
        raise DesignError(f"design: kind={kind!r} is unknown; use {' or '.join(KINDS)}")
    cls = KINDS[kind]
    fields = {name: value for name, value in data.items() if name != "kind"}
    require_fields(cls, fields)
    for name, nested in _NESTED.items():
        if isinstance(fields.get(name), Mapping):
            require_fields(nested, fields[name])
            fields[name] = nested(**{k: _tupled(v) for k, v in fields[name].items()})
    return cls(**{name: _tupled(value) for name, value in fields.items()})


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def require_fields(cls: type, fields: Mapping[str, Any]) -> None:
    """Reject a key that is no field of `cls`, suggesting the nearest one, and a missing field."""
    known = [f.name for f in dataclasses.fields(cls)]
    for name in fields:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(known)}"
            raise DesignError(f"{cls.__name__}: {name!r} is not a field; {remedy}")
    required = [f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING]
    missing = [name for name in required if name not in fields]
    if missing:
        raise DesignError(f"{cls.__name__}: {missing[0]} is missing; give all of {required}")
