"""How an accelerator shows itself in a notebook: a table, and the way of the data."""

from __future__ import annotations

from html import escape

from host.info import Info
from host.manifest import Engine

__all__ = ["table"]


def table(engine: Engine, info: Info) -> str:
    """HTML for Jupyter."""
    rows = [
        ("design", _design(engine)),
        ("clock", _clock(info)),
        ("calls", f"{info.calls:,}"),
        ("bytes", f"{info.sent_bytes:,} sent, {info.received_bytes:,} received"),
        ("last call", _last(info)),
        ("bound", f"{info.costs.get('lower_bound_cycles', 0):,} cycles "
                  f"({'a frame' if engine.kind == 'conv2d' else 'at the maximum sizes'})"),
        ("last error", info.last_error or "none"),
    ]  # fmt: skip
    body = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left'>{escape(text)}</td></tr>"
        for name, text in rows
    )
    return f"<b>{escape(info.name)}</b>{_path(engine)}<table>{body}</table>"


def _design(engine: Engine) -> str:
    shapes = engine.manifest["shapes"]
    costs = engine.manifest["costs"]
    if engine.kind == "gemm":
        maxima = ", ".join(f"{name} to {limit}" for name, limit in shapes["maxima"].items())
        text = f"C[m,n] = A[m,k] . B[k,n], {maxima}"
    else:
        sizes = {name: " x ".join(map(str, shapes[name])) for name in ("input", "output")}
        text = f"convolution {sizes['input']} to {sizes['output']}"
    return f"{text}, {costs['multipliers']} multipliers"


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


def _path(engine: Engine) -> str:
    """The way of the data as a line of boxes."""
    ports = engine.manifest["ports"]
    ins = [port for port in ports if port["direction"] == "in"]
    outs = [port for port in ports if port["direction"] == "out"]
    boxes = ["memory"]
    if ins[0]["protocol"] == "axis":
        boxes += ["DMA"]
    boxes += [f"{engine.instance}"]
    if outs[0]["protocol"] == "axis":
        boxes += ["DMA"]
    boxes += ["memory"]
    widths = [
        f"{' + '.join(str(port['width_bits']) for port in side)} bits" for side in (ins, outs)
    ]
    middle = boxes.index(engine.instance)
    parts = []
    for place, box in enumerate(boxes):
        if place:
            label = widths[0] if place == middle else widths[1] if place == middle + 1 else ""
            parts.append(f"<span style='padding:0 .4em'>{label} &rarr;</span>")
        parts.append(f"<span style='border:1px solid;padding:.1em .5em'>{escape(box)}</span>")
    return f"<div style='margin:.6em 0'>{''.join(parts)}</div>"
