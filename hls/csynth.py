"""What Vitis HLS writes beside its Verilog: the csynth report and the register map.

Formats: UG1399, "Output of C Synthesis" and "S_AXILITE Control Register Map". Vivado HLS writes one
XML file per module, Vitis one for all beside the top's; both are read.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hls.errors import ToolFailed

__all__ = ["Registers", "read_ports", "read_registers", "read_report"]

_LOOP_FIELDS = ("TripCount", "Latency", "IterationLatency", "PipelineII", "PipelineDepth")


@dataclass(frozen=True)
class Registers:
    """Offsets and, where known, widths of the arguments by upper-case name; and who says so."""

    offsets: Mapping[str, int]
    bits: Mapping[str, int]
    source: str


def read_registers(solution: Path, verilog: Mapping[str, str], top: str) -> Registers:
    """The register map from the driver's x<top>_hw.h, or from the slave's Verilog without one.

    Raises:
        ToolFailed: there is neither.
    """
    header = next(iter(sorted(solution.rglob(f"x{top}_hw.h"))), None)
    if header is not None:
        text = header.read_text(errors="replace")
        offsets = re.findall(r"#define\s+X\w*?_ADDR_(\w+?)_DATA\s+0x([0-9a-fA-F]+)", text)
        bits = re.findall(r"#define\s+X\w*?_BITS_(\w+?)_DATA\s+(\d+)", text)
        return Registers({name: int(value, 16) for name, value in offsets},
                         {name: int(value) for name, value in bits}, header.name)  # fmt: skip
    name = next((name for name in verilog if name.endswith("_s_axi.v")), None)
    if name is None:
        raise ToolFailed(f"Vitis HLS left neither x{top}_hw.h nor {top}_control_s_axi.v")
    offsets = re.findall(r"\bADDR_(\w+?)_DATA_0\s*=\s*\d+'h([0-9a-fA-F]+)", verilog[name])
    return Registers({name: int(value, 16) for name, value in offsets}, {}, name)


def read_ports(verilog: str) -> set[str]:
    """Names of the AXI ports of a top module, without the signal's: in_r, m_axi_gmem, ..."""
    return set(re.findall(r"\b(\w+?)_(?:TDATA|ARADDR|AWADDR)\b", verilog))


def read_report(folder: Path, top: str) -> dict[str, Any]:
    """The csynth report in the form of the open lowering's, with what only Vitis knows beside it.

    Raises:
        ToolFailed: there is none, or it cannot be read.
    """
    summary = folder / f"{top}_csynth.xml"
    try:
        total = ET.parse(summary).getroot()
        roots = [ET.parse(file).getroot() for file in sorted(folder.glob("*csynth.xml"))]
    except (OSError, ET.ParseError) as error:
        raise ToolFailed(f"Vitis HLS left no readable {summary.name} ({error})") from None
    loops: dict[str, dict[str, dict[str, Any]]] = {}
    for root in roots:
        modules = root.findall("./ModuleInformation/Module")
        for name, module in [
            (root.findtext("./UserAssignments/TopModelName", top), root),
            *((module.findtext("Name", top), module) for module in modules),
        ]:
            for label, loop in _loops(module.find("./PerformanceEstimates/SummaryOfLoopLatency")):
                loops.setdefault(name, {})[label] = loop
    latency = total.find("./PerformanceEstimates/SummaryOfOverallLatency")
    resources = total.find("./AreaEstimates/Resources")
    return {
        "top": top,
        "target": total.findtext("./UserAssignments/Part", ""),
        "clock_ns": float(total.findtext("./UserAssignments/TargetClockPeriod", "0")),
        "version": total.findtext("./ReportVersion/Version", ""),
        "estimated_clock_ns": _number(
            total.findtext("./PerformanceEstimates/SummaryOfTimingAnalysis/EstimatedClockPeriod")
        ),
        "latency_cycles": {
            "best": _number(latency, "Best-caseLatency"),
            "worst": _number(latency, "Worst-caseLatency"),
        },
        "interval_cycles": {
            "best": _number(latency, "Interval-min"),
            "worst": _number(latency, "Interval-max"),
        },
        # Vivado HLS calls a DSP48E by its name.
        "resources": {item.tag.removesuffix("48E"): _number(item.text)
                      for item in (() if resources is None else resources)},
        "processes": [{"name": name, "loops": list(found.values()), "memories": []}
                      for name, found in loops.items()],
        "fifos": [],
    }  # fmt: skip


def _loops(parent: ET.Element | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The loops below an element, nested ones after the one that holds them."""
    for element in () if parent is None else parent:
        if any(element.find(field) is not None for field in _LOOP_FIELDS):
            label = element.findtext("Name", element.tag)
            yield (
                label,
                {
                    "label": label,
                    "ii_wanted": None,
                    "ii": _number(element, "PipelineII"),
                    "reason": "",
                    "stages": _number(element, "PipelineDepth"),
                    "trip_count": _number(element, "TripCount"),
                    "latency_cycles": _number(element, "Latency"),
                },
            )
            yield from _loops(element)


def _number(value: ET.Element | str | None, field: str = "") -> int | float | None:
    """A figure of the report; None where it says undef, ~ or a range."""
    text = value.findtext(field) if isinstance(value, ET.Element) else value
    try:
        number = float(text or "")
    except ValueError:
        return None
    return int(number) if number.is_integer() else number
