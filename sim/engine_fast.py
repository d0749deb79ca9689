"""An engine of the simulated board in a verilated library: no simulator, no Python in a cycle."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hls.errors import ToolFailed
from hls.gemm import MEMORY_LATENCY_CYCLES
from sim.engine import Progress, Transfer
from sim.fast import library
from sim.memory import Memory
from sim.verilate import Model

__all__ = ["FastEngine"]


class FastEngine:
    """See `sim.engine.Engine`."""

    def __init__(
        self,
        model: Model,
        manifest: Mapping[str, Any],
        memory: Memory,
        *,
        stalls: float,
        seed: int,
        waves: Path | None,
        folder: Path,
        memory_latency: int = MEMORY_LATENCY_CYCLES,
    ) -> None:
        """Make the model and reset it.

        `memory_latency` is in cycles from an address to its first word, when nothing stalls; the
        rest is as `sim.engine.Engine` has it.

        Raises:
            ToolFailed: the design lacks ports that its manifest names.
        """
        self._library = library(model.library)
        self._memory = memory.bytes  # the library keeps a pointer to them
        control = manifest["registers"]["port"]
        path = None if waves is None else str(waves).encode()
        with contextlib.chdir(folder):
            self._bench = self._library.lineloom_open(
                seed, stalls, memory_latency, b"s_axilite", control.encode(), path
            )
            if not self._bench:
                raise ToolFailed(f"{manifest['top']}: lacks ap_clk, ap_rst_n or {control}_*")
            self._do("memory", memory.base, self._memory.ctypes.data, self._memory.size)
            self._movers: dict[str, tuple[int, int]] = {}
            for port in manifest["ports"]:
                self._attach(port, memory.base, self._memory.size)
            self._do("reset")

    def _do(self, name: str, *arguments: Any) -> Any:
        return getattr(self._library, f"lineloom_{name}")(self._bench, *arguments)

    def _attach(self, port: Mapping[str, Any], base: int, size: int) -> None:
        name = port["name"]
        outward = int(port["direction"] == "out")
        kind = "slave" if port["protocol"] == "m_axi" else ("mm2s", "s2mm")[outward]
        index = self._do(kind, name.encode())
        if index < 0:
            raise ToolFailed(f"the design has no port {name} of its manifest")
        if kind == "slave":
            self._do("region", index, base, size, 1, 0)
        else:
            self._movers[name] = (outward, index)

    @property
    def cycle(self) -> int:
        """Cycles since the model was made."""
        return int(self._do("cycle"))

    @property
    def quiet_cycles(self) -> int:
        """Cycles since anything moved on a data port."""
        return int(self._do("quiet"))

    @property
    def interrupt(self) -> bool:
        """The level of the interrupt output."""
        return bool(self._do("interrupt"))

    @property
    def complaints(self) -> list[str]:
        """Broken rules of the protocols, and accesses outside of memory."""
        text: str = self._do("complaints").decode()
        return text.splitlines()

    def read(self, offset: int) -> int:
        """Read a register over AXI4-Lite."""
        word = ctypes.c_uint32()
        if not self._do("read", offset, ctypes.byref(word)):
            raise ToolFailed(f"the register at {offset:#04x} does not answer")
        return word.value

    def write(self, offset: int, word: int) -> None:
        """Write a register over AXI4-Lite."""
        if not self._do("write", offset, word):
            raise ToolFailed(f"the register at {offset:#04x} does not answer")

    def step(self, cycles: int) -> None:
        """Run until a transfer ends, the interrupt rises, or `cycles` have passed."""
        self._do("step", cycles)

    def transfer(self, port: str, address: int, size_bytes: int) -> None:
        """Start the data mover of a stream."""
        self._do("transfer", *self._movers[port], address, size_bytes)

    def abort(self, port: str) -> None:
        """Stop the data mover of a stream, as a reset of its DMA does."""
        self._do("abort", *self._movers[port])

    def transferred(self, port: str) -> Transfer:
        """How the last transfer of a stream stands."""
        moved = ctypes.c_int64()
        progress = self._do("progress", *self._movers[port], ctypes.byref(moved))
        return Transfer(Progress(progress), moved.value)

    def freeze(self, frozen: bool) -> None:
        """Let the memory answer nothing, until it is let go again."""
        self._do("freeze", frozen)

    def close(self) -> None:
        """Free the model; its waves are written out."""
        if self._bench:
            self._do("close")
            self._bench = None
