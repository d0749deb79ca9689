"""Packaged IP as Vivado keeps it: component.xml, in IP-XACT (IEEE 1685-2009, UG1118).

Engines of plain Verilog are packaged here, by text, rather than by Vivado's packager (ipx::). What
that infers from the names of ports is up to its version and shows late; a description in the
elements that exports of Vitis HLS have is the same everywhere, is tested without Vivado, and makes
the folder an IP repository as it stands. Vivado still has its say before anything is built:
build.tcl lets it check the integrity of each component, and stops if the catalog has not taken one.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from hls.errors import CheckFailed, InputError
from hls.module_ports import Port, read_module
from hls.overlay import Engine
from hls.registers import register_map
from hls.rendering import render

__all__ = ["Bus", "Component", "package", "read_component"]

_FILE_TYPES = {".v": "verilogSource", ".vh": "verilogSource", ".sv": "systemVerilogSource"}
"""File types of IP-XACT; all else is what Vivado calls mem, contents of memories."""

_STREAM = ("TDATA", "TKEEP", "TSTRB", "TLAST", "TUSER", "TID", "TDEST", "TVALID", "TREADY")
_MEMORY = ("ID", "ADDR", "LEN", "SIZE", "BURST", "LOCK", "CACHE", "PROT", "QOS", "REGION", "USER",
           "VALID", "READY")  # fmt: skip
_MAPPED = (
    *(f"{channel}{name}" for channel in ("AW", "AR") for name in _MEMORY),
    "WID", "WDATA", "WSTRB", "WLAST", "WUSER", "WVALID", "WREADY",
    "BID", "BRESP", "BUSER", "BVALID", "BREADY",
    "RID", "RDATA", "RRESP", "RLAST", "RUSER", "RVALID", "RREADY",
)  # fmt: skip
_LOGICAL = {"axis": _STREAM, "aximm": _MAPPED}
_REQUIRED = {
    "axis": {"TDATA", "TVALID", "TREADY", "TLAST"},
    "aximm": {f"{channel}{name}" for channel in ("AW", "AR") for name in ("ADDR", "VALID", "READY")}
    | {f"{channel}{name}" for channel in "WR" for name in ("DATA", "VALID", "READY")}
    | {"BVALID", "BREADY"},
}


@dataclass(frozen=True)
class Bus:
    """A bus interface of a component.

    Attributes:
        kind: axis, aximm, clock, reset or interrupt.
        library: of its definition in Vivado: interface or signal.
        mode: master or slave.
        ports: logical name -> port of the module.
        memory_map, address_space: what it refers to, where it is a slave or a master of memory.
    """

    name: str
    kind: str
    library: str
    mode: str
    ports: Mapping[str, str]
    parameters: Mapping[str, Any]
    memory_map: str = ""
    address_space: str = ""


@dataclass(frozen=True)
class _Roles:
    """The ports of an engine's module, told apart by the interfaces of its manifest."""

    engine: Engine
    ports: Sequence[Port]
    taken: set[str] = field(default_factory=set)

    def signal(self, name: str, logical: str, mode: str, **parameters: Any) -> Bus:
        """A clock, a reset or an interrupt."""
        if name not in {port.name for port in self.ports}:
            raise CheckFailed(f"{self.engine.name}: its RTL has no port {name}; make it again")
        self.taken.add(name)
        kind = {"CLK": "clock", "RST": "reset"}.get(logical, "interrupt")
        return Bus(name, kind, "signal", mode, {logical: name}, parameters)

    def bus(self, name: str, kind: str) -> dict[str, Port]:
        """Logical name -> port of a stream or memory interface."""
        present = {port.name: port for port in self.ports}
        found = {logical: present[f"{name}_{logical}"] for logical in _LOGICAL[kind]
                 if f"{name}_{logical}" in present}  # fmt: skip
        missing = sorted(_REQUIRED[kind] - set(found))
        if missing:
            raise CheckFailed(
                f"{self.engine.name}: its RTL has no port {name}_{missing[0]}, unlike "
                "manifest.json; make it again"
            )
        self.taken.update(port.name for port in found.values())
        return found


def package(engine: Engine, summary: str, files: Mapping[str, bytes]) -> dict[str, str]:
    """component.xml of an engine and the file it needs in Vivado: path beside it -> text.

    Args:
        engine: its VLNV and manifest.
        summary: one line on what it is.
        files: RTL in the folder rtl beside component.xml, by name.

    Raises:
        CheckFailed: the RTL has other ports than the manifest says.
        ToolFailed: its top module cannot be read.
    """
    vendor, library, name, version = engine.vlnv.split(":")
    top = engine.manifest["top"]
    ports = read_module(files.get(f"{top}.v", b"").decode(), top)
    gui = f"xgui/{name}_v{version.replace('.', '_')}.tcl"
    return {
        "component.xml": render(
            "pynq/component.xml.j2",
            engine=engine,
            vendor=vendor,
            library=library,
            name=name,
            version=version,
            top=top,
            summary=summary,
            buses=list(_buses(engine, ports)),
            masters=[port for port in engine.manifest["ports"] if port["protocol"] == "m_axi"],
            slave=engine.manifest["registers"]["port"],
            registers=register_map(engine.manifest["registers"]),
            ports=ports,
            files=[(file, PurePath(file).suffix == ".vh", _FILE_TYPES.get(PurePath(file).suffix))
                   for file in sorted(files)],
            views=["synthesis", "behavioralsimulation"],
            gui=gui,
            revision=_revision(files),
        ),
        gui: render("pynq/xgui.tcl.j2", engine=engine),
    }  # fmt: skip


def _buses(engine: Engine, ports: Sequence[Port]) -> Iterator[Bus]:
    roles = _Roles(engine, ports)
    slave = engine.manifest["registers"]["port"]
    yield roles.signal("ap_clk", "CLK", "slave", ASSOCIATED_BUSIF=":".join(engine.interfaces),
                       ASSOCIATED_RESET="ap_rst_n")  # fmt: skip
    yield roles.signal("ap_rst_n", "RST", "slave", POLARITY="ACTIVE_LOW")
    yield roles.signal("interrupt", "INTERRUPT", "master", SENSITIVITY="LEVEL_HIGH")
    mapped = roles.bus(slave, "aximm")
    yield Bus(slave, "aximm", "interface", "slave", _names(mapped),
              _memory_parameters(mapped, "AXI4LITE"), memory_map=slave)  # fmt: skip
    for port in engine.manifest["ports"]:
        name = port["name"]
        if port["protocol"] == "axis":
            mapped = roles.bus(name, "axis")
            mode = "slave" if port["direction"] == "in" else "master"
            yield Bus(name, "axis", "interface", mode, _names(mapped), _stream_parameters(mapped))
        else:
            mapped = roles.bus(name, "aximm")
            # As many bursts as Vitis HLS lets be under way: SmartConnect sizes its queues by it.
            parameters = _memory_parameters(mapped, "AXI4") | {
                "SUPPORTS_NARROW_BURST": 0, "MAX_BURST_LENGTH": 256,
                "NUM_READ_OUTSTANDING": 16, "NUM_WRITE_OUTSTANDING": 16,
            }  # fmt: skip
            yield Bus(name, "aximm", "interface", "master", _names(mapped), parameters,
                      address_space=f"Data_{name}")  # fmt: skip
    open_ports = [port.name for port in ports if port.name not in roles.taken]
    if open_ports:
        raise CheckFailed(
            f"{engine.name}: its RTL has the port {open_ports[0]}, of which manifest.json knows "
            "nothing; make it again"
        )


def _names(mapped: Mapping[str, Port]) -> dict[str, str]:
    return {logical: port.name for logical, port in mapped.items()}


def _stream_parameters(mapped: Mapping[str, Port]) -> dict[str, int]:
    widths = {name: mapped[name].bits if name in mapped else 0 for name in _STREAM}
    return {
        "TDATA_NUM_BYTES": widths["TDATA"] // 8,
        **{f"{name}_WIDTH": widths[name] for name in ("TDEST", "TID", "TUSER")},
        **{f"HAS_{name}": int(name in mapped) for name in ("TREADY", "TSTRB", "TKEEP", "TLAST")},
    }


def _memory_parameters(mapped: Mapping[str, Port], protocol: str) -> dict[str, Any]:
    return {
        "ADDR_WIDTH": mapped["ARADDR"].bits,
        "DATA_WIDTH": mapped["RDATA"].bits,
        "PROTOCOL": protocol,
        "READ_WRITE_MODE": "READ_WRITE",
    }


def _revision(files: Mapping[str, bytes]) -> int:
    """A number that differs with the RTL: Vivado takes IP of the same revision for the same IP."""
    total = 0
    for name in sorted(files):
        total = zlib.crc32(files[name], zlib.crc32(name.encode(), total))
    return total & 0x7FFF_FFFF


@dataclass(frozen=True)
class Component:
    """An IP: vendor:library:name:version, names of its bus interfaces, registers and offsets."""

    vlnv: str
    interfaces: frozenset[str]
    registers: Mapping[str, int]


def read_component(file: Path) -> Component:
    """Read a component.xml; its prefix and edition of the standard do not matter.

    Raises:
        InputError: it cannot be read, or is no IP-XACT component.
    """
    try:
        root = ET.parse(file).getroot()
        vlnv = ":".join(_text(root, name) for name in ("vendor", "library", "name", "version"))
        registers = {
            _text(register, "name"): int(_text(register, "addressOffset"), 0)
            for register in root.findall("./{*}memoryMaps/{*}memoryMap/{*}addressBlock/{*}register")
        }
    except (OSError, ET.ParseError, ValueError) as error:
        raise InputError(f"{file}: cannot be read ({error}); export the IP again") from None
    buses = root.findall("./{*}busInterfaces/{*}busInterface")
    return Component(vlnv, frozenset(_text(bus, "name") for bus in buses), registers)


def _text(element: ET.Element, name: str) -> str:
    found = element.findtext(f"./{{*}}{name}")
    if found is None:
        raise ValueError(f"no {name} in {element.tag.rpartition('}')[2]}")
    return found.strip()
