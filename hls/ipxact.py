"""Packaged IP as Vivado keeps it: component.xml, in IP-XACT (IEEE 1685-2009, UG1118)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hls.errors import InputError

__all__ = ["Component", "read_component"]


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
