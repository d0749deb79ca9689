"""The register map of the AXI4-Lite slave, as Vitis HLS lays it out.

Control at 0x00 to 0x0c, then the arguments from 0x10 in their order, each followed by a reserved
word, 64-bit ones in two words (UG1399, "S_AXILITE Control Register Map").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

__all__ = ["registers"]

_CONTROL = {"CTRL": 0x00, "GIER": 0x04, "IER": 0x08, "ISR": 0x0C}
_FIRST_ARGUMENT = 0x10


def registers(arguments: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """Offsets of `arguments`, (name, bits) each, behind the control registers."""
    placed, offset = {}, _FIRST_ARGUMENT
    for name, bits in arguments:
        placed[name] = {"offset": offset, "bits": bits}
        offset += 8 if bits <= 32 else 12
    address_bits = max(5, math.ceil(math.log2(offset)))
    return {
        "port": "s_axi_control",
        "address_bits": address_bits,
        "control": dict(_CONTROL),
        "arguments": placed,
    }
