"""The hardware hand-off (.hwh) that Vivado writes beside a bitstream, as far as hosts rely on it.

The pynq package finds drivers by VLNV and builds `register_map` from it, so that an engine without
its registers in there would load and then fail on the board.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from hls.errors import CheckFailed, ToolFailed
from hls.overlay import Overlay
from hls.registers import register_map

__all__ = ["check_handoff"]


def check_handoff(file: Path, overlay: Overlay) -> None:
    """Compare the engines in `file` with their manifests.

    Raises:
        ToolFailed: it cannot be read.
        CheckFailed: an engine is not there, under another VLNV, or without its registers.
    """
    try:
        root = ET.parse(file).getroot()
    except (OSError, ET.ParseError) as error:
        raise ToolFailed(f"Vivado left no readable {file.name} ({error})") from None
    modules = {module.get("INSTANCE"): module for module in root.iter("MODULE")}
    wrong = []
    for engine in overlay.engines:
        module = modules.get(engine.name)
        if module is None:
            wrong.append(f"no {engine.name}")
            continue
        if module.get("VLNV") != engine.vlnv:
            wrong.append(f"{engine.name} as {module.get('VLNV')} instead of {engine.vlnv}")
        found = _registers(module)
        for register in register_map(engine.manifest["registers"]):
            if found.get(register.name) != register.offset:
                wrong.append(f"no {engine.name}.{register.name} at {register.offset:#x}")
    wrong += [f"no {dma.name}" for dma in overlay.dmas if dma.name not in modules]
    if wrong:
        raise CheckFailed(
            f"{file.name} has {'; '.join(wrong)}, on which hosts rely; please report it with the "
            "version of Vivado"
        )


def _registers(module: ET.Element) -> dict[str | None, int]:
    """Name -> offset of the registers that pynq reads."""
    found = {}
    for block in module.iter("ADDRESSBLOCK"):
        if block.get("USAGE") != "register":
            continue
        for register in block.iter("REGISTER"):
            for value in register.findall("./PROPERTY[@NAME='ADDRESS_OFFSET']"):
                found[register.get("NAME")] = int(value.get("VALUE", ""), 0)
    return found
