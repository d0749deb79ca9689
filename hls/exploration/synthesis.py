"""What Yosys makes of a design, and the record of what it made of others before."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import hls.estimate as estimating
from hls.boards import LOWERED_FOR
from hls.conv2d import Conv2d
from hls.design import engine, from_dict, to_dict
from hls.estimate import estimate, yosys
from hls.generator import generate, texts
from hls.parameters import random_parameters
from hls.rendering import TEMPLATES
from hls.rtl import fingerprint
from hls.tools import cache_folder

__all__ = ["Records", "Synthesis", "synthesize"]

CLOCK_NS = 10.0
SEED = 0
"""Of the weights that are baked in."""


@dataclass(frozen=True, kw_only=True)
class Synthesis:
    """What a design takes, by Yosys; see `hls.estimate.Usage`.

    Attributes:
        lut, ff, dsp, bram36: of the device.
        levels: cells on the longest way from register to register.
        yosys: which one counted.
        seconds: how long it took, without the lowering.
    """

    lut: int
    ff: int
    dsp: int
    bram36: float
    levels: int
    yosys: str
    seconds: float

    def data(self) -> dict[str, Any]:
        """As JSON-able data; `of` reads it back."""
        return asdict(self)

    @classmethod
    def of(cls, data: Any) -> Synthesis:
        """From `data`.

        Raises:
            ValueError: it is not that.
        """
        types: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,)}
        named = {field.name: types[str(field.type)] for field in fields(cls)}
        if not isinstance(data, dict) or data.keys() != named.keys():
            raise ValueError("other fields than those of a synthesis")
        for name, kind in named.items():
            if not isinstance(data[name], kind) or isinstance(data[name], bool):
                raise ValueError(f"{name}={data[name]!r}")
        return cls(**data)


def synthesize(design: dict[str, Any], family: str, timeout_s: float) -> dict[str, Any]:
    """Generate, lower and synthesize a design; plain data in and out, so that any machine may.

    Args:
        design: as `hls.design.to_dict` tells it.
        family: of the board, xc7 or xcup.
        timeout_s: of Yosys.

    Returns:
        `Synthesis.data()`.

    Raises:
        ToolNotFound: there is no Yosys or no clang.
        ToolFailed: one of them failed, or Yosys took too long.
        InputError: the design cannot be lowered.
    """
    with tempfile.TemporaryDirectory(prefix="lineloom.") as scratch:
        project = generate(from_dict(design), Path(scratch) / "project", seed=SEED)
        _, usage = estimate(project, family, timeout_s=timeout_s)
    return Synthesis(
        lut=usage.lut, ff=usage.ff, dsp=usage.dsp, bram36=usage.bram36, levels=usage.depth.levels,
        yosys=usage.yosys, seconds=usage.seconds,
    ).data()  # fmt: skip


class Records:
    """Syntheses of earlier runs, a file each, in the cache folder; every one stands by itself.

    The key of a design is a hash of its C++, of the lowering and of what Yosys is told. What cannot
    be read, or was changed, counts as absent.
    """

    def __init__(self, family: str) -> None:
        """For boards of a family.

        Raises:
            ToolNotFound: there is no Yosys, whose version is part of all keys.
        """
        self._family = family
        _, self._yosys = yosys()
        self._folder = cache_folder() / "explore"

    def get(self, conv: Conv2d) -> Synthesis | None:
        """What was found for a design; None if nothing was."""
        try:
            text = self._file(conv, self._yosys).read_text(encoding="utf-8")
            data = json.loads(text)
            if data["sum"] != _sum(data["synthesis"]):
                return None
            return Synthesis.of(data["synthesis"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, conv: Conv2d, found: Synthesis) -> None:
        """Keep what was found, whole or not at all; a full disk costs no more than the record."""
        data = {"design": to_dict(conv), "synthesis": found.data(), "sum": _sum(found.data())}
        place = self._file(conv, found.yosys)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._folder, delete=False) as scratch:
                json.dump(data, scratch, indent=2)
            Path(scratch.name).replace(place)
        except OSError:
            return

    def _file(self, conv: Conv2d, version: str) -> Path:
        sources = texts(engine(conv), random_parameters(conv, SEED))
        rtl = fingerprint(
            [f"{name}\n{text}".encode() for name, text in sources.items() if name[:4] == "src/"],
            LOWERED_FOR[self._family],
            CLOCK_NS,
        )
        digest = hashlib.sha256(f"{self._family} {version} {rtl}".encode())
        for file in [*sorted((TEMPLATES / "yosys").glob("*")), Path(estimating.__file__)]:
            digest.update(file.read_bytes())
        return self._folder / f"{digest.hexdigest()[:32]}.json"


def _sum(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
