"""What `sim.engine_cocotb` and the simulator's `sim.bench_board` say to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["SOCKET_VARIABLE", "Answer", "Order"]

SOCKET_VARIABLE = "LINELOOM_SOCKET"
"""Names the descriptor over which requests come: (method of the board, its arguments...)."""


@dataclass(frozen=True)
class Order:
    """What the simulator is told before it begins.

    Attributes:
        manifest: of the design.
        memory_file: descriptor of the board's memory.
        memory_base: address of its first byte.
        memory_bytes: its size.
        stalls: share of cycles in which each port pauses.
        seed: of the pauses.
    """

    manifest: Mapping[str, Any]
    memory_file: int
    memory_base: int
    memory_bytes: int
    stalls: float
    seed: int


class Answer(NamedTuple):
    """The result of a request, and how the design stands after it."""

    result: Any
    cycle: int
    quiet_cycles: int
    interrupt: bool
    complaints: list[str]
