"""Interface: INTERFACE pragmas -> how each argument and the control of the top come in.

Without a pragma, scalars and pointers are registers of the AXI4-Lite slave `control`, and memory is
reached through AXI4 masters, as in the kernel flow of Vitis. `manifest` tells benches.
"""

from __future__ import annotations

import re
from typing import Any

from hls.errors import InputError
from hls.lowering.ir import Argument, Design, StreamEnd
from hls.lowering.masters import LONGEST_BURST, MOST_OUTSTANDING, masters
from hls.lowering.names import legal_name
from hls.lowering.source import Pragma
from hls.registers import registers

__all__ = [
    "RESULT",
    "arguments_of",
    "axis_parts",
    "control_of",
    "manifest",
    "mode_of",
    "port_name",
    "register_map",
]

RESULT = "ap_return"
"""Register, or wire, of what the top returns."""

_MODES = ("axis", "s_axilite", "m_axi", "ap_none", "ap_ctrl_hs", "ap_ctrl_none")


def mode_of(pragma: Pragma) -> str:
    """The mode that an INTERFACE pragma asks for.

    Raises:
        InputError: it is none of ours.
    """
    given = pragma.options.get("mode", next(iter(pragma.options), ""))
    if given not in _MODES:
        raise InputError(
            f"{pragma.place}: #pragma HLS INTERFACE {given} is not supported; use one of "
            f"{', '.join(_MODES)}"
        )
    return given


def control_of(pragmas: list[Pragma]) -> str:
    """How the top is started: the pragma of port=return, registers without one."""
    modes = {mode_of(p) for p in pragmas if p.options.get("port") == "return"}
    return next((m for m in ("ap_ctrl_none", "ap_ctrl_hs") if m in modes), "s_axilite")


def arguments_of(
    parameters: list[tuple[str, str]], streams: set[str], pragmas: list[Pragma]
) -> list[Argument]:
    """The arguments of the top.

    Args:
        parameters: name and LLVM type of each.
        streams: names of those that are streams.
        pragmas: the INTERFACE pragmas of the top.

    Raises:
        InputError: a pragma names no argument, or asks for what its argument cannot have.
    """
    names = {name for name, _ in parameters}
    modes: dict[str, dict[str, Pragma]] = {}
    for pragma in pragmas:
        port, mode = pragma.options.get("port", ""), mode_of(pragma)
        if port not in names | {"return"}:
            raise InputError(
                f"{pragma.place}: #pragma HLS INTERFACE {mode} port={port}: the function has no "
                f"argument {port}; it has {', '.join(sorted(names)) or 'none'}"
            )
        modes.setdefault(port, {})[mode] = pragma
    return [_argument(name, kind, streams, modes.get(name, {})) for name, kind in parameters]


def _argument(name: str, kind: str, streams: set[str], modes: dict[str, Pragma]) -> Argument:
    if name in streams:
        _allow(name, "a stream", modes, {"axis"})
        return Argument(name, "stream", 0, "axis")
    if kind == "ptr" and "axis" in modes:
        raise InputError(
            f"{modes['axis'].place}: stream {name} is neither read nor written; remove the argument"
        )
    if kind != "ptr":
        _allow(name, "a scalar", modes, {"s_axilite", "ap_none"})
        return Argument(name, "scalar", int(kind[1:]), "wire" if "ap_none" in modes else "register")
    _allow(name, "a pointer", modes, {"s_axilite", "m_axi"})
    if "s_axilite" in modes and "m_axi" not in modes:
        raise InputError(
            f"{modes['s_axilite'].place}: {name} is a pointer in a register, which is not "
            f"supported; return the value, or add #pragma HLS INTERFACE m_axi port={name}"
        )
    offset = modes["m_axi"].options.get("offset", "slave") if "m_axi" in modes else "slave"
    ports = {"slave": "register", "direct": "wire"}
    if offset not in ports:
        raise InputError(
            f"{modes['m_axi'].place}: offset={offset} is not supported; use slave or direct"
        )
    if "m_axi" in modes:
        _check_bursts(modes["m_axi"])
    return Argument(name, "pointer", 64, ports[offset])


def _check_bursts(pragma: Pragma) -> None:
    limits = {"burst_length": LONGEST_BURST, "outstanding": MOST_OUTSTANDING}
    for name, most in (
        (f"{verb}_{side}_{what}", limits[what])
        for verb, what in (("max", "burst_length"), ("num", "outstanding"))
        for side in ("read", "write")
    ):
        given = pragma.options.get(name, "1")
        if not re.fullmatch(r"\d+", given) or not 1 <= int(given) <= most:
            raise InputError(
                f"{pragma.place}: {name}={given} is not supported; use a number from 1 to {most}"
            )


def _allow(name: str, what: str, modes: dict[str, Pragma], allowed: set[str]) -> None:
    for mode, pragma in modes.items():
        if mode not in allowed:
            raise InputError(
                f"{pragma.place}: {name} is {what} and cannot be {mode}; use "
                f"{' or '.join(sorted(allowed))}"
            )


def port_name(stream: StreamEnd) -> str:
    """What the signals of an AXI4-Stream port begin with."""
    return legal_name(stream.name)


def axis_parts(stream: StreamEnd) -> dict[str, int]:
    """Widths of the signals of an AXI4-Stream port; TDATA in whole bytes."""
    if not stream.sides:
        return {"TDATA": -(-stream.width // 8) * 8}
    data = stream.sides["TDATA"]
    keeps = -(-data // 8)
    parts = {"TDATA": 8 * keeps, "TKEEP": keeps, "TSTRB": keeps, "TLAST": 1}
    return parts | {n: w for n, w in sorted(stream.sides.items(), reverse=True) if n != "TDATA"}


def manifest(design: Design) -> dict[str, Any]:
    """Ports, registers and arguments in the form of a project's manifest.json."""
    ports: list[dict[str, Any]] = []
    for stream in design.streams:
        parts = axis_parts(stream)
        ports.append({
            "name": port_name(stream), "argument": stream.name, "protocol": "axis",
            "direction": "in" if stream.reads else "out", "width_bits": parts["TDATA"],
            "sides": {name: bits for name, bits in parts.items() if name != "TDATA"},
        })  # fmt: skip
    for master in masters(design):
        ports.append({
            "name": f"m_axi_{master.name}",
            "arguments": {
                port.pointer: {"direction": port.direction, "width_bits": port.width}
                for port in master.ports
            },
            "protocol": "m_axi", "direction": master.direction, "width_bits": master.width,
            "address_bits": 64,
        })  # fmt: skip
    arguments = []
    for argument in design.arguments:
        entry: dict[str, Any] = {"name": argument.name, "kind": argument.kind,
                                 "port": argument.port,
                                 "signal": legal_name(argument.name)}  # fmt: skip
        depth = design.interfaces.get(argument.name, {}).get("depth", "")
        if re.fullmatch(r"\d+", depth):
            entry["depth"] = int(depth)
        arguments.append(entry)
    return {
        "control": design.control,
        "arguments": arguments,
        "result_bits": design.result_bits,
        "ports": ports,
        "registers": register_map(design),
    }


def register_map(design: Design) -> dict[str, Any]:
    """The registers of the AXI4-Lite slave; `port` is empty if there is none."""
    held = [(a.name, a.bits) for a in design.arguments if a.port == "register"]
    if design.result_bits and design.control == "s_axilite":
        held = [(RESULT, design.result_bits), *held]
    layout = registers(held)
    if design.control != "s_axilite" and not held:
        layout["port"] = ""
    return layout
