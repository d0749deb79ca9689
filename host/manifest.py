"""manifest.json: what a design computes, and where its registers, streams and DMAs are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from host.errors import AcceleratorError

__all__ = ["Engine", "Format", "as_array", "read_engines", "read_manifest"]

FORMAT = 1
"""Version of the manifest that is understood."""


@dataclass(frozen=True)
class Format:
    """A number format as arrays have it: dtype, and limits that may be narrower than the dtype."""

    text: str
    dtype: np.dtype[Any]
    minimum: int
    maximum: int

    def check(self, name: str, array: Any, shape: tuple[int | None, ...]) -> npt.NDArray[Any]:
        """`array` as a contiguous NumPy array.

        Args:
            name: what messages call it.
            array: anything that NumPy takes for an array.
            shape: its shape; None stands for any length of 1 or more.

        Raises:
            AcceleratorError: shape, dtype or a value is wrong.
        """
        given = as_array(name, array)
        fits = given.shape == shape or (
            given.ndim == len(shape)
            and all(
                size == wanted if wanted is not None else size > 0
                for size, wanted in zip(given.shape, shape, strict=True)
            )
        )
        if not fits:
            wanted_text = " x ".join("N" if size is None else str(size) for size in shape)
            raise AcceleratorError(
                f"{name} has shape {given.shape}, the accelerator takes {wanted_text}; "
                "reshape it (images are HWC)"
            )
        if given.dtype != self.dtype:
            raise AcceleratorError(
                f"{name} is {given.dtype}, the accelerator takes {self.dtype}; quantize it, then "
                f"convert it with .astype(np.{self.dtype})"
            )
        if self._narrower:
            low, high = int(given.min()), int(given.max())
            if low < self.minimum or high > self.maximum:
                raise AcceleratorError(
                    f"{name} has values {low}..{high}, format {self.text} holds "
                    f"{self.minimum}..{self.maximum}; clip them with np.clip"
                )
        return np.ascontiguousarray(given)

    @cached_property
    def _narrower(self) -> bool:
        """Whether the dtype has values that the format has not."""
        limits = np.iinfo(self.dtype)
        return (self.minimum, self.maximum) != (limits.min, limits.max)

    def integers(
        self, name: str, values: npt.ArrayLike, shape: tuple[int, ...]
    ) -> npt.NDArray[np.int64]:
        """Integers of any dtype as int64 of `shape`; one number stands for all.

        Raises:
            AcceleratorError: shape, dtype or a value is wrong.
        """
        given = as_array(name, values)
        if given.dtype.kind not in "iu":
            raise AcceleratorError(
                f"{name} is {given.dtype}, the accelerator takes integers ({self.text}); "
                "quantize it"
            )
        if given.shape not in (shape, ()):
            raise AcceleratorError(f"{name} has shape {given.shape}, the accelerator takes {shape}")
        low, high = int(given.min()), int(given.max())
        if low < self.minimum or high > self.maximum:
            raise AcceleratorError(
                f"{name} has values {low}..{high}, {self.text} holds {self.minimum}..{self.maximum}"
            )
        return np.broadcast_to(given.astype(np.int64), shape)


def as_array(name: str, values: Any) -> npt.NDArray[Any]:
    """What NumPy makes of `values`.

    Raises:
        AcceleratorError: they are no array.
    """
    try:
        return np.asarray(values)
    except ValueError as error:
        raise AcceleratorError(f"{name} is no array ({error}); its rows differ in length") from None


@dataclass(frozen=True)
class Engine:
    """One design in an overlay."""

    instance: str
    manifest: Mapping[str, Any]
    folder: Path
    """Where files lie that the manifest names."""

    @property
    def name(self) -> str:
        """What people call it: a network by its own name."""
        return str(self.manifest.get("network", {}).get("name", self.instance))

    @property
    def vlnv(self) -> str:
        """Vendor, library, name and version of its IP."""
        return str(self.manifest["vlnv"])

    @property
    def kind(self) -> str:
        """What computes: of a network its style, else the design's kind or what it says beyond."""
        kind = self.manifest.get("engine", self.manifest["design"]["kind"])
        return str(self.manifest.get("style", kind))

    @property
    def runs_programs(self) -> bool:
        """It computes what a program in memory says, and so any network."""
        return "program" in self.manifest

    @property
    def clock_mhz(self) -> float | None:
        """The clock that was asked for when the overlay was built."""
        found = self.manifest.get("overlay", {}).get("clock_mhz")
        return None if found is None else float(found)

    @cached_property
    def registers(self) -> dict[str, tuple[int, int]]:
        """Argument -> offset and bits."""
        arguments = self.manifest["registers"]["arguments"]
        return {name: (place["offset"], place["bits"]) for name, place in arguments.items()}

    def format(self, name: str) -> Format | None:
        """The number format of an operand, or None if the design has no such operand."""
        entry = self.manifest["formats"].get(name)
        if entry is None:
            return None
        return Format(entry["format"], np.dtype(entry["dtype"]), entry["minimum"], entry["maximum"])

    @property
    def scale_formats(self) -> tuple[Format, Format]:
        """Formats of multiplier and shift."""
        quantization = self.manifest["quantization"]
        limit = (1 << quantization["multiplier_bits"]) - 1
        most = quantization["max_shift"]
        return (
            Format(f"{quantization['multiplier_bits']} bits", np.dtype(np.uint64), 0, limit),
            Format("this design", np.dtype(np.uint64), 0, most),
        )

    def required_format(self, name: str) -> Format:
        """The number format of an operand that every design of this kind has."""
        found = self.format(name)
        assert found is not None, name
        return found

    @property
    def dmas(self) -> dict[str, str]:
        """Stream -> name of the DMA that serves it.

        The first input and the first output share one, each further input has its own.
        """
        named = self.manifest.get("overlay", {}).get("dma")
        if named is not None:
            return dict(named)
        found = {}
        counts = {"in": 0, "out": 0}
        for port in self.manifest["ports"]:
            if port["protocol"] == "axis":
                first = counts[port["direction"]] == 0
                counts[port["direction"]] += 1
                shared = f"{self.instance}_dma"
                found[port["name"]] = shared if first else f"{shared}_{port['name']}"
        return found

    @property
    def predicted_cycles(self) -> int:
        """Cycles of a frame, of a full batch, or of a product at the maximum sizes."""
        return int(self.manifest["costs"]["predicted_cycles"])


def read_engines(bitfile: Path) -> dict[str, Engine]:
    """The engines of the overlay `bitfile` by instance, from the manifest.json beside it.

    Raises:
        AcceleratorError: the file is missing, damaged or of another version.
    """
    data = read_manifest(
        bitfile.with_name("manifest.json"),
        f"copy the manifest.json of the overlay beside {bitfile.name}",
    )
    several = data.get("engines", {data.get("name", bitfile.stem): data})
    return {name: Engine(name, manifest, bitfile.parent) for name, manifest in several.items()}


def read_manifest(file: Path, remedy: str) -> dict[str, Any]:
    """What a manifest.json says, if it is of the version that is understood.

    Raises:
        AcceleratorError: the file is missing (then `remedy` helps), damaged or of another version.
    """
    try:
        data = json.loads(file.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise AcceleratorError(f"{file} is missing; {remedy}") from None
    except (OSError, ValueError) as error:
        raise AcceleratorError(f"{file} cannot be read ({error}); copy it again") from None
    if not isinstance(data, dict) or data.get("lineloom") != FORMAT:
        raise AcceleratorError(
            f"{file} is not a Lineloom manifest of version {FORMAT}; this host library and the "
            "overlay must come from the same version"
        )
    return data
