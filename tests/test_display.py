"""What an accelerator shows in a notebook."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from hls import Conv2d, Gemm, generate
from hls.design import Design
from host.display import table
from host.info import Info
from host.manifest import Engine

CONV = Conv2d(name="conv1", height=8, width=8, in_channels=3, out_channels=4, simd=3, pe=2)
ARRAY = dataclasses.replace(CONV, name="conv2", pe=4, simd=4, algorithm="im2col", batch=2)
GEMM = Gemm(name="gemm1", max_m=8, max_k=8, max_n=8, rows=4, cols=4)


def shown(design: Design, folder: Path, **facts: object) -> ET.Element:
    """The HTML, which must be well-formed."""
    manifest = generate(design, folder / design.name).manifest
    engine = Engine(design.name, manifest, folder)
    info = Info(design.name, manifest["design"], 100.0, None, costs=manifest["costs"])
    for name, value in facts.items():
        setattr(info, name, value)
    return ET.fromstring(f"<div>{table(engine, info)}</div>")


def texts(page: ET.Element, tag: str) -> list[str]:
    return [element.text or "" for element in page.iter() if element.tag.rpartition("}")[2] == tag]


@pytest.mark.parametrize(
    ("design", "diagram"),
    [
        (
            CONV,
            ["memory", "AXI DMA", "24 bits", "1,234 bytes", "conv1", "54 multipliers", "16 bits",
             "98 bytes", "AXI DMA", "memory"],
        ),
        (
            ARRAY,
            ["memory", "32 + 32 + 32 + 128 bits", "1,234 bytes", "conv2", "16 multipliers",
             "32 + 32 bits", "98 bytes", "memory"],
        ),
        (
            GEMM,
            ["memory", "32 + 32 bits", "1,234 bytes", "gemm1", "16 multipliers", "128 bits",
             "98 bytes", "memory"],
        ),
    ],
)  # fmt: skip
def test_the_diagram_follows_the_data(design: Design, diagram: list[str], tmp_path: Path) -> None:
    page = shown(design, tmp_path, sent_bytes=1234, received_bytes=98)
    assert texts(page, "text") == diagram
    svg = next(page.iter("{http://www.w3.org/2000/svg}svg"))
    boxes = [rect for rect in svg if rect.tag.endswith("rect")]
    ends = [int(rect.get("x", "")) + int(rect.get("width", "")) for rect in boxes]
    assert ends == sorted(ends)
    assert ends[-1] <= int(svg.get("width", ""))


def test_the_table_has_cycles_bytes_and_the_last_error(tmp_path: Path) -> None:
    page = shown(CONV, tmp_path, calls=2, cycles=70_994, last_error="a < b & c", sent_bytes=1234)
    rows = dict(zip(texts(page, "th"), texts(page, "td"), strict=True))
    assert rows["calls"] == "2"
    assert rows["bytes"] == "1,234 sent, 0 received"
    assert rows["last call"].startswith("70,994 cycles")
    assert rows["bound"] == f"{CONV.lower_bound_cycles:,} cycles (a frame)"
    assert rows["last error"] == "a < b & c"


def test_the_table_of_an_array_has_its_algorithm_and_its_traffic(tmp_path: Path) -> None:
    page = shown(ARRAY, tmp_path)
    rows = dict(zip(texts(page, "th"), texts(page, "td"), strict=True))
    assert rows["design"] == "convolution 8 x 8 x 3 to 6 x 6 x 4 by im2col, 16 multipliers"
    assert rows["bound"].endswith(" cycles (2 frames)")
    # 64 pixels, 36 patches of 9 taps, each of a word; written once and read once.
    assert rows["memory"] == "6,192 bytes (2 frames): x 512, u 2,592, a 2,592, b 144, p 64, c 288"
