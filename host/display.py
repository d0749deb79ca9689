"""How an accelerator shows itself in a notebook: the way of the data, and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from host.info import Info
from host.manifest import Engine

__all__ = ["table"]

_LETTER = 7
"""Width of a letter in pixels, roughly."""
_HEIGHT = 58
_MIDDLE = _HEIGHT // 2


def table(engine: Engine, info: Info) -> str:
    """HTML for Jupyter."""
    rows = [
        ("design", _design(engine)),
        ("clock", _clock(info)),
        ("calls", f"{info.calls:,}"),
        ("bytes", f"{info.sent_bytes:,} sent, {info.received_bytes:,} received"),
        ("last call", _last(info)),
        ("bound", f"{info.costs.get('lower_bound_cycles', 0):,} cycles ({_amount(engine)})"),
        *_traffic(engine),
        ("last error", info.last_error or "none"),
    ]  # fmt: skip
    body = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left'>{escape(text)}</td></tr>"
        for name, text in rows
    )
    return f"<b>{escape(info.name)}</b><div>{_diagram(engine, info)}</div><table>{body}</table>"


def _design(engine: Engine) -> str:
    shapes = engine.manifest["shapes"]
    costs = engine.manifest["costs"]
    if engine.kind == "gemm":
        maxima = ", ".join(f"{name} to {limit}" for name, limit in shapes["maxima"].items())
        text = f"C[m,n] = A[m,k] . B[k,n], {maxima}"
    else:
        sizes = {name: " x ".join(map(str, shapes[name])) for name in ("input", "output")}
        layers = engine.manifest.get("network", {}).get("layers", ())
        what = f"network of {len(layers)} layers" if layers else "convolution"
        text = f"{what} {sizes['input']} to {sizes['output']}"
        if "matrix" in engine.manifest:
            text += f" by {engine.manifest['matrix']['algorithm']}"
    return f"{text}, {costs['multipliers']} multipliers"


def _amount(engine: Engine) -> str:
    """What the cycles of its manifest are for."""
    if engine.kind == "gemm":
        return "at the maximum sizes"
    batch = engine.manifest.get("matrix", {}).get("batch", 1)
    return "a frame" if batch == 1 else f"{batch} frames"


def _traffic(engine: Engine) -> list[tuple[str, str]]:
    """What the ports of an array move, where the manifest says so."""
    if "matrix" not in engine.manifest:
        return []
    ports = engine.manifest["matrix"]["traffic_bytes"]
    each = ", ".join(f"{name} {count:,}" for name, count in ports.items())
    return [("memory", f"{sum(ports.values()):,} bytes ({_amount(engine)}): {each}")]


def _clock(info: Info) -> str:
    asked = "" if info.clock_asked_mhz is None else f", asked for {info.clock_asked_mhz:g}"
    return f"{info.clock_mhz:g} MHz{asked}"


def _last(info: Info) -> str:
    if not info.cycles:
        return "none yet"
    return (
        f"{info.cycles:,} cycles, {info.packing_s * 1e6:,.0f} µs packing, "
        f"{info.running_s * 1e6:,.0f} µs running"
    )


def _diagram(engine: Engine, info: Info) -> str:
    """The way of the data as an SVG picture: boxes, and on the arrows width and bytes so far."""
    sides = {
        direction: [port for port in engine.manifest["ports"] if port["direction"] == direction]
        for direction in ("in", "out")
    }
    inward, outward = _hop(sides["in"], info.sent_bytes), _hop(sides["out"], info.received_bytes)
    multipliers = f"{engine.manifest['costs']['multipliers']:,} multipliers"
    before = [("memory", ""), *_movers(sides["in"])]
    after = [*_movers(sides["out"]), ("memory", "")]
    boxes = [*before, (engine.instance, multipliers), *after]
    # Width and bytes are those at the engine; between memory and DMA an arrow says enough.
    labels = [*[("", "")] * (len(before) - 1), inward, outward, *[("", "")] * (len(after) - 1)]
    parts, left = [], 1
    for place, (name, below) in enumerate(boxes):
        width = 24 + _LETTER * max(len(name), len(below))
        parts += _box(left, width, name, below)
        left += width
        if place < len(labels):
            length = 28 + _LETTER * max(len(text) for text in labels[place])
            parts += _arrow(left, length, *labels[place])
            left += length
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{left + 1}' height='{_HEIGHT}' "
        "font-family='sans-serif' font-size='12' text-anchor='middle' fill='currentColor' "
        f"stroke='none'>{''.join(parts)}</svg>"
    )


def _movers(ports: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """What stands between memory and an engine's ports."""
    return [("AXI DMA", "")] if any(port["protocol"] == "axis" for port in ports) else []


def _hop(ports: Sequence[Mapping[str, Any]], moved_bytes: int) -> tuple[str, str]:
    """What is written above and below the arrow of these ports."""
    widths = " + ".join(str(port["width_bits"]) for port in ports)
    return f"{widths} bits", f"{moved_bytes:,} bytes"


def _box(left: int, width: int, name: str, below: str) -> list[str]:
    top = 4 if below else 14
    centre = left + width // 2
    parts = [f"<rect x='{left}' y='{top}' width='{width}' height='{_HEIGHT - 2 * top}' rx='4' "
             "fill='none' stroke='currentColor'/>"]  # fmt: skip
    if below:
        parts.append(_text(centre, _MIDDLE - 4, name, bold=True))
        parts.append(_text(centre, _MIDDLE + 12, below))
    else:
        parts.append(_text(centre, _MIDDLE + 4, name))
    return parts


def _arrow(left: int, length: int, above: str, below: str) -> list[str]:
    tip, centre = left + length - 2, left + length // 2
    line = f"M{left + 2} {_MIDDLE}H{tip}M{tip - 5} {_MIDDLE - 4}L{tip} {_MIDDLE}L{tip - 5} "
    return [
        f"<path d='{line}{_MIDDLE + 4}' fill='none' stroke='currentColor'/>",
        _text(centre, _MIDDLE - 7, above),
        _text(centre, _MIDDLE + 16, below),
    ]


def _text(x: int, y: int, text: str, *, bold: bool = False) -> str:
    weight = " font-weight='bold'" if bold else ""
    return f"<text x='{x}' y='{y}'{weight}>{escape(text)}</text>" if text else ""
