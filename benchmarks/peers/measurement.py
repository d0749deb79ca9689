"""A layer on our design and on NNgen's, both in RTL: cycles, and what each takes of a device."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.peers import bench
from benchmarks.peers.accelerator import generate
from benchmarks.peers.layers import Peer
from benchmarks.projects import lowered, prepared
from benchmarks.rtl import FRAMES, checked
from hls.conv2d import Conv2d
from hls.errors import CheckFailed, ToolFailed, ToolNotFound, ToolTooSlow
from hls.estimate import Usage, synthesize, yosys
from hls.rtl import Rtl

__all__ = ["FAMILY", "SYNTHESIS_S", "Compared", "Measured", "compare", "compare_all", "usage"]

FAMILY = "xc7"
SYNTHESIS_S = 5 * 60
"""What Yosys gets for a design."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One accelerator for a layer."""

    cycles: int
    """One frame or product, start to done."""
    verilog_lines: int
    usage: Usage | str
    """What it takes of a device, or why that is not known."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A layer on both."""

    peer: Peer
    ours: Measured
    steady_cycles: float
    """Of our design: of a frame among several."""
    nngen: Measured | None
    """None: NNgen could not be had."""

    def percent(self, cycles: float) -> float:
        """MACs a cycle, in % of the multipliers."""
        return 100 * self.peer.design.macs / self.peer.design.multipliers / cycles


def compare_all(
    peers: Sequence[Peer], progress: Callable[[str], None]
) -> tuple[list[Compared], str]:
    """Measure every layer; if NNgen cannot be had, the text says why and only ours is measured."""
    compared, absent = [], ""
    for number, peer in enumerate(peers, start=1):
        at = f"{number}/{len(peers)}: {peer.design.name} on {peer.design.multipliers} multipliers"
        found, absent = compare(peer, partial(_say, progress, at), absent)
        compared.append(found)
    return compared, absent


def compare(peer: Peer, progress: Callable[[str], None], absent: str = "") -> tuple[Compared, str]:
    """Measure a layer on both.

    Args:
        peer: the layer.
        progress: told what is done.
        absent: why NNgen cannot be had, if that is known.

    Returns:
        What was measured, and why NNgen was not.

    Raises:
        CheckFailed: a result is wrong.
        ToolFailed: an accelerator cannot be made.
    """
    nngen = None
    if not absent:
        try:
            nngen = _nngen(peer, progress)
        except ToolNotFound as error:
            absent = str(error)
    progress("ours: lower, simulate, synthesize")
    project = prepared(peer.design, "peers")
    lowered(project)
    alone = checked(project, 1, memory_latency=bench.MEMORY_LATENCY)
    steady = checked(project, FRAMES) if isinstance(peer.design, Conv2d) else alone
    found = Compared(
        peer=peer,
        ours=_measured(Rtl(project.path, project.design.name, {}), alone.cycles),
        steady_cycles=steady.cycles_per_frame,
        nngen=nngen,
    )
    return found, absent


def usage(rtl: Rtl, seconds: float = SYNTHESIS_S) -> Usage | str:
    """What the Verilog takes, or why that is not known; a failure is not tried twice."""
    try:
        digest = hashlib.sha256(yosys()[1].encode())
    except ToolNotFound:
        return "no Yosys"
    for file in rtl.files:
        digest.update(file.read_bytes())
    key = digest.hexdigest()
    stamp = rtl.folder / "reports" / "no_estimate.json"
    if stamp.is_file():
        found = json.loads(stamp.read_text())
        if found["key"] == key and found["seconds"] >= seconds:
            return str(found["why"])
    try:
        return synthesize(rtl, FAMILY, timeout_s=seconds)
    except ToolTooSlow:
        why = f"> {seconds / 60:g} min"
    except ToolFailed:
        why = "failed"
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(json.dumps({"key": key, "seconds": seconds, "why": why}) + "\n")
    return why


def _say(progress: Callable[[str], None], where: str, what: str) -> None:
    progress(f"{where}: {what}")


def _nngen(peer: Peer, progress: Callable[[str], None]) -> Measured:
    progress("NNgen: generate")
    accelerator = generate(peer)
    if accelerator.multipliers != peer.multipliers:
        raise CheckFailed(
            f"{peer.design.name}: NNgen made {accelerator.multipliers} multipliers, not "
            f"{peer.multipliers}"
        )
    progress("NNgen: simulate")
    cycles = bench.simulate(accelerator, bench.operands(peer.design))
    progress(f"NNgen: synthesize, {SYNTHESIS_S // 60} minutes at most")
    return _measured(Rtl(accelerator.folder, "nngen", {}), cycles)


def _measured(rtl: Rtl, cycles: int) -> Measured:
    return Measured(cycles=cycles, verilog_lines=sum(map(_lines, rtl.files)), usage=usage(rtl))


def _lines(file: Path) -> int:
    return len(file.read_text().splitlines())
