"""Options of the command line that several verbs share, and their spellings."""

from __future__ import annotations

import argparse
import json
import re
import tomllib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from hls.design import Clip, Pool
from hls.dsp import CHOICES
from hls.errors import DesignError, InputError
from hls.naming import require_name

__all__ = [
    "activation",
    "add_design",
    "add_formats",
    "arrays",
    "configured",
    "name_of",
    "padding",
    "pooling",
    "seed",
    "size_pair",
]


def add_design(parser: argparse.ArgumentParser) -> None:
    """Declare what every generating verb takes."""
    parser.add_argument("--config", type=Path, help="fields of the design as a TOML or JSON file; "
                        "options given beside it win")  # fmt: skip
    parser.add_argument("--name", help="name of the top function (default: the folder's)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR",
                        help="folder of the project, for example build/conv1")  # fmt: skip


def add_formats(parser: argparse.ArgumentParser) -> None:
    """Declare formats and epilogue, which Conv2d and Gemm share."""
    text = "number format such as s8 or u4"
    for option, default in (("input", "s8"), ("weight", "s8"), ("bias", "as the design"),
                            ("output", "s8 if requantized"), ("accumulator", "exact")):  # fmt: skip
        parser.add_argument(f"--{option}-format", dest=f"{option}_format", metavar="FORMAT",
                            help=f"{text} (default: {default})")  # fmt: skip
    parser.add_argument("--requantize", choices=("none", "tensor", "channel"),
                        help="one multiplier and shift for all outputs, or one per channel; "
                        "none puts out raw accumulators")  # fmt: skip
    parser.add_argument("--multiplier-bits", type=int, help="width of the multiplier (24)")
    parser.add_argument("--max-shift", type=int, help="largest shift (47)")
    parser.add_argument("--input-zero-point", type=int, help="what padding and zero are (0)")
    parser.add_argument("--output-zero-point", type=int, help="added after the rounding (0)")
    parser.add_argument("--activation", metavar="none|relu|clip:LOW:HIGH",
                        help="limits in output units (none)")  # fmt: skip
    parser.add_argument("--packing", choices=CHOICES,
                        help="two products a DSP block: where that saves some (auto), or always, "
                        "on a DSP48E1 (Zynq-7000) or DSP48E2 (UltraScale+) (off)")  # fmt: skip


_FORMAT_FIELDS = {f"{name}_format": name for name in (
    "input", "weight", "bias", "output", "accumulator")}  # fmt: skip
_PLAIN_FIELDS = ("requantize", "multiplier_bits", "max_shift", "input_zero_point",
                 "output_zero_point", "packing")  # fmt: skip


def configured(args: argparse.Namespace, kind: str, plain: tuple[str, ...]) -> dict[str, Any]:
    """The fields of a design from --config and from the options that were given.

    Args:
        args: the parsed command line.
        kind: conv2d or gemm; a configuration of the other kind is refused.
        plain: options whose names and values are those of the design's fields.
    """
    fields = {} if args.config is None else _read(args.config)
    if fields.setdefault("kind", kind) != kind:
        raise InputError(f"{args.config}: is for kind {fields['kind']!r}, not {kind!r}")
    for option in (*plain, *_PLAIN_FIELDS):
        if getattr(args, option) is not None:
            fields[option] = getattr(args, option)
    for option, field in _FORMAT_FIELDS.items():
        value = getattr(args, option)
        if value is not None:
            fields[field] = None if value == "none" else value
    if args.activation is not None:
        fields["activation"] = activation(args.activation)
    if args.name is not None or "name" not in fields:
        fields["name"] = args.name or name_of(args.output, kind)
    return fields


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text()
        data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); give a TOML or JSON file"
        ) from None
    except ValueError as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise InputError(f"{path}: is not valid {kind} ({error})") from None
    if not isinstance(data, dict):
        raise InputError(f"{path}: holds no table of fields; write height = 32 and so on")
    return data


def name_of(folder: Path, kind: str) -> str:
    """The folder's name as an identifier, or the kind's if that makes no legal name."""
    name = re.sub(r"[^a-z0-9_]", "_", folder.name.lower()).strip("_")
    try:
        require_name(kind, name)
    except DesignError:
        return kind
    return name


def seed(text: str) -> int:
    """The seed of a random generator, for argparse."""
    if not re.fullmatch(r"[0-9]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed; use 0 or more")
    return int(text)


def size_pair(option: str, text: str) -> int | tuple[int, int]:
    """`3` or `3x5`."""
    sizes = _integers(option, text, "x", (1, 2), "3 or 3x5")
    return sizes[0] if len(sizes) == 1 else (sizes[0], sizes[1])


def padding(text: str) -> str | int | tuple[int, ...]:
    """`valid`, `same`, `1`, or `TOP,BOTTOM,LEFT,RIGHT`."""
    if text in ("valid", "same"):
        return text
    sizes = _integers("--padding", text, ",", (1, 4), "valid, same, 1 or 1,1,2,2")
    return sizes[0] if len(sizes) == 1 else tuple(sizes)


def activation(text: str) -> str | Clip:
    """`none`, `relu`, or `clip:LOW:HIGH`."""
    if not text.startswith("clip"):
        return text
    low, high = _integers("--activation", text.removeprefix("clip:"), ":", (2,), "clip:0:96")
    return Clip(low=low, high=high)


def pooling(text: str) -> Pool:
    """`max:2`, `average:3x3`, or with a stride `max:3:2`."""
    kind, *rest = text.split(":")
    if len(rest) not in (1, 2):
        raise InputError(
            f"--pool={text!r} is not KIND:SIZE[:STRIDE]; use one like max:2 or max:3:2"
        )
    size = size_pair("--pool", rest[0])
    return Pool(kind=kind, size=size, stride=size_pair("--pool", rest[1]) if rest[1:] else None)


def _integers(
    option: str, text: str, separator: str, counts: tuple[int, ...], example: str
) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(separator)]
    except ValueError:
        numbers = []
    if len(numbers) not in counts:
        raise InputError(f"{option}={text!r} is not understood; use one like {example}")
    return numbers


def arrays(file: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an .npz file by name.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with np.load(file, allow_pickle=False) as held:
            return dict(held)
    except OSError as error:
        raise InputError(
            f"{file}: cannot be read ({error.strerror or error}); name an .npz file"
        ) from None
    except (ValueError, EOFError, BadZipFile) as error:
        raise InputError(
            f"{file}: is no .npz file of plain arrays ({error}); write one with numpy.savez"
        ) from None
    except TypeError:
        raise InputError(f"{file}: holds one array; write several with numpy.savez") from None
