"""The page of a network's report: one HTML file without anything from outside.

Plots are SVG inside the page; where their lines and boxes lie is computed beside this module.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hls.boards import RESOURCES
from hls.network.roofline_plot import roofline_plot
from hls.network.timeline_plot import timeline_plot
from hls.rendering import render

__all__ = ["is_slow", "page"]


def page(report: Mapping[str, Any]) -> str:
    """The HTML of a report of `sim.network_report`; same report, same bytes."""
    used = report["resources"]["used"]
    return render(
        "report/network.html.j2",
        report=report,
        totals={field: sum(layer[field] for layer in report["layers"])
                for field in ("macs", "weight_bits")},
        resources=_resources(report["resources"]),
        slow=is_slow(report),
        unknown=", ".join(RESOURCES[name] for name, count in used.items() if count is None),
        timeline=timeline_plot(report["timeline"]),
        roofline=None if report["roofline"] is None else roofline_plot(report["roofline"]),
        # No text of the data ends the element that holds it.
        data=json.dumps(report, indent=1).replace("</", "<\\/"),
    )  # fmt: skip


def is_slow(report: Mapping[str, Any]) -> bool:
    """Whether the Verilog has longer paths than the clock of the report has room for."""
    cycle_ns: float = report["pipelined_for_ns"] or 0
    clock_mhz: float = report["clock_mhz"]
    return cycle_ns * clock_mhz > 1001  # one in a thousand: periods are rounded


def _resources(resources: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A bar for each resource that is known."""
    return [
        {"name": RESOURCES[name], "used": used, "available": resources["available"][name],
         "percent": 100 * used / max(1, resources["available"][name])}
        for name, used in resources["used"].items() if used is not None
    ]  # fmt: skip
