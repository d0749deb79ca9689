"""Tables of layers: the convolutions of networks as lines of a CSV file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from hls.conv2d import Conv2d
from hls.errors import DesignError, InputError
from hls.naming import require_name

__all__ = ["NETWORKS", "Layer", "read_layers"]

NETWORKS = {
    "A": "AlexNet", "G": "GoogLeNet", "R": "ResNet-50", "S": "SqueezeNet", "V": "VGG-19",
}  # fmt: skip
"""Initial -> network, as in benchmarks/layers.csv; other initials stand for themselves."""

_NUMBERS = {"kernel": 11, "size": 1024, "in_channels": 65536, "out_channels": 65536}
_OPTIONAL = {"stride": 64}
"""Columns -> the most that they can hold; a larger map would take minutes to work out."""
_COLUMNS = ("name", "networks", *_NUMBERS)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A square convolution with padding "same" and the networks that have it, by initials."""

    name: str
    networks: str
    kernel: int
    size: int
    in_channels: int
    out_channels: int
    stride: int = 1

    def conv(self, *, simd: int, pe: int) -> Conv2d:
        """The layer with 8-bit operands and a scale a filter, its weights loaded at run time.

        Raises:
            DesignError: a number is out of its limits.
        """
        return Conv2d(
            name=self.name, height=self.size, width=self.size, in_channels=self.in_channels,
            out_channels=self.out_channels, kernel=self.kernel, stride=self.stride,
            padding="same", bias="s32", requantize="channel", simd=simd, pe=pe, weights="load",
            algorithm="auto",
        )  # fmt: skip


def read_layers(path: Path) -> list[Layer]:
    """The layers of a CSV file with the columns name, networks, kernel, size, in_channels,
    out_channels and, if wanted, stride. Lines that begin with # are comments.

    Raises:
        InputError: the file cannot be read, or a line is not understood; the text names it.
    """  # noqa: D205
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise InputError(
            f"{path}: cannot be read ({reason}); give a CSV file with {','.join(_COLUMNS)}"
        ) from None
    told = [(number, line) for number, line in enumerate(lines, start=1)
            if line.strip() and not line.lstrip().startswith("#")]  # fmt: skip
    if not told:
        raise InputError(f"{path}: holds no line; the first one is {','.join(_COLUMNS)}")
    head = [name.strip() for name in told[0][1].split(",")]
    _check_head(path, told[0][0], head)
    found: list[Layer] = []
    seen: dict[str, int] = {}
    for number, line in told[1:]:
        cells = [cell.strip() for cell in next(csv.reader([line]))]
        if len(cells) != len(head):
            raise InputError(
                f"{path}:{number}: has {len(cells)} cells, the first line {len(head)}; "
                f"give {','.join(head)}"
            )
        layer = _layer(path, number, dict(zip(head, cells, strict=True)))
        if layer.name in seen:
            raise InputError(
                f"{path}:{number}: name {layer.name!r} is that of line {seen[layer.name]}; "
                "choose another one"
            )
        seen[layer.name] = number
        found.append(layer)
    if not found:
        raise InputError(f"{path}: holds no layer; add lines below the first one")
    return found


def _check_head(path: Path, number: int, head: list[str]) -> None:
    for name in _COLUMNS:
        if name not in head:
            raise InputError(f"{path}:{number}: has no column {name}; name all of "
                             f"{','.join(_COLUMNS)}")  # fmt: skip
    for name in head:
        if name not in (*_COLUMNS, *_OPTIONAL) or head.count(name) > 1:
            raise InputError(
                f"{path}:{number}: column {name!r} is unknown or there twice; use "
                f"{','.join(_COLUMNS)} and, if wanted, {','.join(_OPTIONAL)}"
            )


def _layer(path: Path, number: int, cells: dict[str, str]) -> Layer:
    numbers = {}
    for name, most in (_NUMBERS | _OPTIONAL).items():
        text = cells.get(name, "1")
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
            raise InputError(f"{path}:{number}: {name}={text!r} is not a whole number from 1 to "
                             f"{most}; write one like 3")  # fmt: skip
        numbers[name] = int(text)
    networks = cells["networks"]
    if not networks.isalpha():
        raise InputError(f"{path}:{number}: networks={networks!r} is not made of letters; write "
                         "initials like GR")  # fmt: skip
    try:
        require_name("layer", cells["name"])
        layer = Layer(name=cells["name"], networks=networks, **numbers)
        layer.conv(simd=8, pe=8)
    except DesignError as error:
        raise InputError(f"{path}:{number}: {error}") from None
    return layer
