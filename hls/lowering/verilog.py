"""Verilog: bound machines and the top that joins them, through the templates of `templates/rtl`."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from hls.lowering.contents import contents
from hls.lowering.interface import RESULT, axis_parts, port_name, register_map
from hls.lowering.ir import Design, MemoryPort, StreamEnd
from hls.lowering.loopnames import loop_names, source_lines
from hls.lowering.loops import find_loops
from hls.lowering.machine import (
    Machine,
    MemoryPorts,
    Pipeline,
    State,
    StreamPorts,
    any_of,
    chosen,
)
from hls.lowering.masters import Channel, Master, masters
from hls.lowering.names import legal_name
from hls.rendering import render

__all__ = ["process_text", "top_texts"]


def process_text(top: str, machine: Machine) -> str:
    """The module of one process."""
    process = machine.process
    states = ["IDLE", *(state.name for state in machine.states)]
    bits = max(1, (len(states) - 1).bit_length())
    ports = [*_CONTROL, *(("input  wire", i.width, i.name) for i in process.inputs)]
    for stream in process.streams:
        ports += _stream_ports(stream)
    if process.result_bits:
        ports.append(("output reg", process.result_bits, RESULT))
    registers = {
        name: width
        for name, width in machine.registers().items()
        if not name.endswith("_more") and name != RESULT
    }
    return render(
        "rtl/process.v.j2",
        name=f"{top}_{process.name}",
        top=top,
        process=process,
        m=_Pipelines(machine),
        states=states,
        state_bits=bits,
        ports=_aligned(ports),
        registers=registers,
        memories=[_memory(ports) for ports in machine.memories],
        streams=[_uses(s) for s in machine.streams],
        moves=machine.moves_by_condition(),
        stages=_stages(machine),
        loops=_loops(machine),
        source=Path(process.file).name,
        done=any_of(machine.ends) or "1'b0",
        transitions=_transitions,
    )


class _Pipelines:
    """A machine with the derived names that the template needs of its pipelines."""

    def __init__(self, machine: Machine) -> None:
        self.first = machine.first
        self.states = machine.states
        self.pipelines = [_pipeline(p) for p in machine.pipelines]


_QUOTE_LENGTH = 80


def _loops(machine: Machine) -> list[str]:
    """The loops of a process, outer ones first, nested ones further to the right."""
    process = machine.process
    names, found = loop_names(process), find_loops(process)
    order = list(process.blocks)
    pipelines = {p.block: p for p in machine.pipelines}
    texts = []
    for loop in sorted(found, key=lambda loop: (order.index(loop.header), -len(loop.blocks))):
        around = sum(loop.blocks < other.blocks for other in found)
        how = "a state for each cycle"
        if loop.header in pipelines:
            p = pipelines[loop.header]
            how = f"pipelined, II {p.ii}, {p.depth} stage{'s' if p.depth > 1 else ''}"
        line = process.blocks[loop.latch].line
        texts.append(f"{'  ' * around}{names[loop.header]} (line {line}): {how}")
    return texts


def _stages(machine: Machine) -> list[dict[str, Any]]:
    """The wires of each cycle of each block, with the source lines that they come from.

    What an operation needs is made in its cycle or before, so this order declares before it uses.
    """
    source = source_lines(machine.process)
    pipelines = {p.block: p for p in machine.pipelines}
    order = {name: i for i, name in enumerate(machine.process.blocks)}
    wires = sorted(machine.wires, key=lambda wire: (order[wire.block], wire.cycle))
    stages = []
    for (block, cycle), group in itertools.groupby(wires, lambda wire: (wire.block, wire.cycle)):
        items, last = [], 0
        for wire in group:
            shown = wire.line if wire.line and wire.line != last else 0
            last = wire.line or last
            items.append((wire, f"{shown}: {_quote(source, shown)}" if shown else ""))
        pipeline = pipelines.get(block)
        state = f"{machine.prefixes[block]}_{cycle}".upper()
        title = f"{pipeline.label}, stage {cycle}" if pipeline else f"State {state}"
        stages.append({"title": title, "items": items})
    return stages


def _quote(source: list[str], line: int) -> str:
    """A line of the source, cut to a width that reads well."""
    text = source[line - 1].strip() if line <= len(source) else ""
    return text if len(text) <= _QUOTE_LENGTH else f"{text[:_QUOTE_LENGTH]} ..."


def _pipeline(p: Pipeline) -> dict[str, Any]:
    phase_bits = max(1, (p.ii - 1).bit_length())
    first = f"{p.prefix}_more"
    if p.ii > 1:
        first = f"({p.prefix}_more && {p.prefix}_phase == {phase_bits}'d0)"
    valid = f"{{{p.prefix}_later, {first}}}" if p.depth > 1 else first
    blocked = [
        f"{p.prefix}_valid[{c}] && {f'({why})' if ' || ' in why else why}" if why else "1'b0"
        for c, why in enumerate(p.blocked)
    ]
    # An iteration every cycle waits for those ahead of it only; else all stages keep their phase.
    free = [_none(f"{p.prefix}_blocked", p.depth, c if p.ii == 1 else 0) for c in range(p.depth)]
    return {**vars(p), "phase_bits": phase_bits, "valid": valid, "blocked": blocked, "free": free}


def _none(bits: str, width: int, first: int) -> str:
    """Whether none of the bits from `first` on is set."""
    count = width - first
    if count == 1:
        return f"!{bits}[{first}]"
    return f"{bits}[{width - 1}:{first}] == {count}'d0" if first else f"{bits} == {count}'d0"


def _range(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""


_Port = tuple[str, int, str]
"""Direction and kind, width, name."""
_CONTROL: list[_Port] = [
    *(("input  wire", 1, name) for name in ("ap_clk", "ap_rst_n", "start")),
    *(("output wire", 1, name) for name in ("done", "idle")),
]


def _stream_ports(stream: StreamEnd) -> list[_Port]:
    ports: list[_Port] = []
    if stream.reads:
        ports += [("input  wire", stream.width, f"{stream.name}_head"),
                  ("input  wire", 1, f"{stream.name}_empty"),
                  ("output wire", 1, f"{stream.name}_take")]  # fmt: skip
    if stream.writes:
        ports += [("output wire", stream.width, f"{stream.name}_tail"),
                  ("input  wire", 1, f"{stream.name}_full"),
                  ("output wire", 1, f"{stream.name}_put")]  # fmt: skip
    return ports


def _aligned(ports: list[_Port]) -> list[str]:
    """Declarations of ports, their names one below the other."""
    columns = max((len(_range(width)) for _, width, _ in ports), default=0)
    return [f"{kind:11} {_range(width):{columns}}{name}" for kind, width, name in ports]


def _memory(ports: MemoryPorts) -> dict[str, Any]:
    memory = ports.memory
    name = f"m_{memory.name}"
    initial = None if memory.initial is None else contents(name, memory.initial, memory.width)
    return {"name": name, "ports": ports, "initial": initial}


def _uses(ports: StreamPorts) -> dict[str, Any]:
    return {
        "name": ports.end.name,
        "takes": any_of(ports.takes),
        "puts": any_of([when for when, _ in ports.puts]),
        "tail": chosen(ports.puts) if ports.puts else "",
    }


def _transitions(state: State) -> str:
    moves = [
        (f"if ({when}) " if when else "") + f"state <= {to.upper()};" for when, to in state.next
    ]
    return " else ".join(moves)


def top_texts(design: Design) -> dict[str, str]:
    """The top module, the control slave, FIFO, and what masters are made of, by file name."""
    layout = register_map(design)
    arguments = [
        {"name": name if name == RESULT else legal_name(name), **place}
        for name, place in layout["arguments"].items()
    ]
    context = {
        "top": design.name,
        "design": design,
        "arguments": arguments,
        "result": RESULT,
        "has_slave": bool(layout["port"]),
        "wires": [{"name": legal_name(a.name), "bits": a.bits}
                  for a in design.arguments if a.port == "wire"],
        "address_bits": layout["address_bits"],
        "axis": [_axis(stream) for stream in design.streams],
        "fifos": [
            {"name": f.name, "instance": legal_name(f.name),
             "width": f.width, "depth": max(2, f.depth),
             "bits": max(1, (max(2, f.depth) - 1).bit_length())}
            for f in design.fifos
        ],
        "masters": [_master(master) for master in masters(design)],
        "quiet": [f"{port.pointer}_{channel.side}s_idle" for master in masters(design)
                  for channel in (master.reads, master.writes) for port in channel.ports],
        "instances": [_instance(design, number) for number in range(len(design.processes))],
    }  # fmt: skip
    channels = [c for master in masters(design) for c in (master.reads, master.writes)]
    kinds = sorted({f"burst_{c.side}" for c in channels if c.ports}
                   | {f"bundle_{c.side}" for c in channels if c.shared})  # fmt: skip
    names = {kind: f"{design.name}_{kind}.v" for kind in kinds}
    names |= {"fifo": f"{design.name}_fifo.v", "top": f"{design.name}.v"}
    names |= {"region": f"{design.name}_region.v"} if design.sequencer else {}
    names |= {"control": f"{design.name}_control.v"} if layout["port"] else {}
    return {file: render(f"rtl/{kind}.v.j2", **context) for kind, file in names.items()}


def _axis(stream: StreamEnd) -> dict[str, Any]:
    """A beat lies in a word as its parts without gaps, TDATA lowest."""
    parts = axis_parts(stream)
    data = stream.sides.get("TDATA", stream.width)
    used = data + sum(bits for name, bits in parts.items() if name != "TDATA")
    return {"name": stream.name, "port": port_name(stream), "parts": parts, "data": data,
            "gap": parts["TDATA"] - data, "width": stream.width, "used": used,
            "reads": stream.reads}  # fmt: skip


def _master(master: Master) -> dict[str, Any]:
    port = f"m_axi_{master.name}"
    return {
        "port": port,
        "width": master.width,
        "size": _size(master.width),
        "readers": [_side(master.reads, p, port) for p in master.reads.ports],
        "writers": [_side(master.writes, p, port) for p in master.writes.ports],
        "shares_reads": master.reads.shared,
        "shares_writes": master.writes.shared,
        "narrow_reads": master.reads.narrow,
        "read_lanes": _lanes(master.reads),
        "write_lanes": _lanes(master.writes),
    }


def _side(channel: Channel, port: MemoryPort, master: str) -> dict[str, Any]:
    """An adaptor; `to` is what the signals begin with that it offers its bursts by."""
    return {
        **vars(port),
        "base": legal_name(port.pointer),
        "size": _size(port.width),
        "to": port.pointer if channel.shared else master,
        "longest": channel.longest(port),
        "outstanding": channel.outstanding(port),
        "words": channel.fifo_words(port),
    }


def _size(width: int) -> int:
    return (width // 8).bit_length() - 1


def _lanes(channel: Channel) -> int:
    """Bits that say where in a word of the port a narrower one lies; 1 if there are none."""
    return _size(channel.width) if channel.narrow else 1


def _instance(design: Design, number: int) -> dict[str, Any]:
    """A process; behind a sequencer, which is the first one, it belongs to the region."""
    process, sequencer = design.processes[number], design.sequencer
    starts, done = "begins", f"done[{number}]"
    if sequencer is not None and number:
        starts, done = f"{sequencer.region}_begins", f"{sequencer.region}_done[{number - 1}]"
    bound = design.bindings[process.name]
    connections = []
    for value in process.inputs:
        outer = bound[value.name]
        connections.append((value.name, outer if "'" in outer else legal_name(outer)))
    for stream in process.streams:
        outer = bound[stream.name]
        if stream.reads:
            connections += [(f"{stream.name}_{p}", f"{outer}_{p}") for p in ("empty", "take")]
            connections.append((f"{stream.name}_head", f"{outer}_head"))
        if stream.writes:
            connections += [(f"{stream.name}_{p}", f"{outer}_{p}") for p in ("full", "put")]
            connections.append((f"{stream.name}_tail", f"{outer}_tail"))
    if process.result_bits:
        connections.append((RESULT, RESULT))
    return {"name": legal_name(process.name), "module": f"{design.name}_{process.name}",
            "starts": starts, "done": done, "connections": connections}  # fmt: skip
