"""Pictures of the demo: the photograph, its blocks of pixels, and the contact sheet."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hls.errors import ToolNotFound

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["CREDIT", "Panel", "blocks_of", "contact_sheet", "photograph", "pixels_of", "psnr_db"]

Pixels = npt.NDArray[np.uint8]

CREDIT = "Photograph: danielbuechele (CC BY 2.0), china.jpg of scikit-learn"

_GAP = 16
_LARGE = 640
_SMALL = (_LARGE - _GAP) // 2
_WIDTH = 2 * _LARGE + 3 * _GAP
_CAPTION = 30
_BACKGROUND, _TEXT, _FAINT = "#14171c", "#f2f4f7", "#98a2b0"
_GOOD, _BAD = "#2fa866", "#d6453d"


def _package(name: str, module: str) -> Path:
    """The folder of an installed package, which is not imported."""
    found = importlib.util.find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise ToolNotFound(
            f"the demo needs the Python package {name}, which is not installed; "
            "run make demo, or pip install 'lineloom[demo]'"
        )
    return Path(next(iter(found.submodule_search_locations)))


def photograph() -> Pixels:
    """scikit-learn's photograph of a Chinese temple, [427, 640, 3].

    Raises:
        ToolNotFound: scikit-learn, whose files hold it, or pillow, which reads it, is missing.
    """
    _package("pillow", "PIL")
    file = _package("scikit-learn", "sklearn") / "datasets" / "images" / "china.jpg"
    if not file.is_file():
        raise ToolNotFound(f"the demo's photograph {file} is missing; reinstall scikit-learn")
    from PIL import Image

    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def blocks_of(plane: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """[H, W] -> [blocks, size * size]; the last row and column are repeated to fill blocks."""
    height, width = plane.shape
    full = np.pad(plane, ((0, -height % size), (0, -width % size)), mode="edge")
    tiles = full.reshape(full.shape[0] // size, size, full.shape[1] // size, size)
    return np.ascontiguousarray(tiles.transpose(0, 2, 1, 3).reshape(-1, size * size))


def pixels_of(
    blocks: npt.NDArray[np.float64], size: int, height: int, width: int
) -> npt.NDArray[np.float64]:
    """The inverse of `blocks_of` for a picture of height x width."""
    rows, cols = -(-height // size), -(-width // size)
    tiles = blocks.reshape(rows, cols, size, size).transpose(0, 2, 1, 3)
    return tiles.reshape(rows * size, cols * size)[:height, :width]


def psnr_db(a: Pixels, b: Pixels) -> float:
    """Peak signal to noise ratio of two u8 pictures, in dB; infinite if they are equal."""
    error = np.mean((a.astype(np.float64) - b) ** 2)
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


@dataclass(frozen=True)
class Panel:
    """A picture of the sheet, [H, W, 3] or [H, W], with what is written below it."""

    caption: str
    pixels: Pixels


def contact_sheet(
    large: Sequence[Panel], small: Sequence[Panel], lines: Sequence[str], *, exact: bool
) -> Image.Image:
    """Two large panels, rows of four small ones, and the verdict with `lines` beside it.

    All panels have the aspect of the first one.
    """
    from PIL import Image, ImageDraw, ImageFont

    def font(size: int) -> Any:
        return ImageFont.load_default(size)

    height, width = large[0].pixels.shape[:2]
    head, foot = 84, 24 * len(lines) + 2 * _GAP
    tall, low = (round(w * height / width) + _CAPTION + 8 for w in (_LARGE, _SMALL))
    rows = -(-len(small) // 4)
    sheet = Image.new("RGB", (_WIDTH, head + tall + rows * low + foot), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, 12), "Lineloom", _TEXT, font(34))
    draw.text((_GAP, 54), "A photograph through two generated accelerators, simulated and "
              "compared with NumPy bit for bit", _FAINT, font(17))  # fmt: skip

    def place(panel: Panel, left: int, top: int, panel_width: int) -> None:
        image = Image.fromarray(panel.pixels).convert("RGB")
        size = (panel_width, round(panel_width * height / width))
        sheet.paste(image.resize(size, Image.Resampling.LANCZOS), (left, top))
        draw.text((left, top + size[1] + 5), panel.caption, _TEXT, font(17))

    for i, panel in enumerate(large):
        place(panel, _GAP + i * (_LARGE + _GAP), head, _LARGE)
    for i, panel in enumerate(small):
        left = _GAP + i % 4 * (_SMALL + _GAP)
        place(panel, left, head + tall + i // 4 * low, _SMALL)

    top = head + tall + rows * low + _GAP // 2
    badge = (_GAP, top, _GAP + _SMALL, top + 24 * len(lines))
    draw.rounded_rectangle(badge, 8, _GOOD if exact else _BAD)
    centre = ((badge[0] + badge[2]) / 2, (badge[1] + badge[3]) / 2)
    draw.text(centre, "BIT-EXACT" if exact else "MISMATCH", "white", font(30), anchor="mm")
    for i, line in enumerate(lines):
        draw.text((2 * _GAP + _SMALL, top + 2 + 24 * i), line, _FAINT, font(16))
    return sheet
