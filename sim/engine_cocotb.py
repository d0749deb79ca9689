"""An engine of the simulated board inside a cocotb simulation, in a process of its own.

The host program stays where it is, with its threads, its debugger and its other engines; requests
go to `sim.bench_board` in the simulator, which shares the board's memory.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import tempfile
from collections.abc import Mapping
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

from hls.errors import ToolFailed
from sim.engine import Progress, Transfer
from sim.engine_requests import SOCKET_VARIABLE, Answer, Order
from sim.memory import Memory
from sim.simulator import command_of, environment_of
from sim.verilate import Model

__all__ = ["CocotbEngine"]

_PATIENCE_S = 30.0


class CocotbEngine:
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
    ) -> None:
        """Start the simulator and reset the design.

        Raises:
            ToolNotFound: there is no shared library of this Python to load into the simulator.
            ToolFailed: the simulator broke down.
        """
        self._top = manifest["top"]
        self._scratch = tempfile.TemporaryDirectory(prefix="lineloom-")
        scratch = Path(self._scratch.name)
        self._log = scratch / "log"
        self._connection, inside = Pipe()
        order = Order(
            manifest, memory.file, memory.base, memory.bytes.size, stalls=stalls, seed=seed
        )
        with self._log.open("w") as log, inside:
            self._process = subprocess.Popen(
                command_of(model, seed, waves),
                env={
                    **os.environ,
                    **environment_of(self._top, "sim.bench_board", seed, scratch),
                    SOCKET_VARIABLE: str(inside.fileno()),
                },
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[inside.fileno(), memory.file],
                start_new_session=True,  # an interrupt is meant for the host program
            )
        self._connection.send_bytes(pickle.dumps(order))
        self._answer = self._receive()

    def _receive(self) -> Answer:
        try:
            answer = self._connection.recv()
        except (EOFError, ConnectionError):
            self._process.wait(_PATIENCE_S)
            raise ToolFailed(
                f"cocotb on {self._top} broke down:\n{self._log.read_text().strip()}"
            ) from None
        assert isinstance(answer, Answer)
        return answer

    def _ask(self, request: str, *arguments: Any) -> Any:
        self._connection.send((request, *arguments))
        self._answer = self._receive()
        return self._answer.result

    @property
    def cycle(self) -> int:
        """Cycles since the model was made."""
        return self._answer.cycle

    @property
    def quiet_cycles(self) -> int:
        """Cycles since anything moved on a data port."""
        return self._answer.quiet_cycles

    @property
    def interrupt(self) -> bool:
        """The level of the interrupt output."""
        return self._answer.interrupt

    @property
    def complaints(self) -> list[str]:
        """Broken rules of the protocols, and accesses outside of memory."""
        return self._answer.complaints

    def read(self, offset: int) -> int:
        """Read a register over AXI4-Lite."""
        word = self._ask("read", offset)
        if word is None:
            raise ToolFailed(f"the register at {offset:#04x} does not answer")
        return int(word)

    def write(self, offset: int, word: int) -> None:
        """Write a register over AXI4-Lite."""
        if not self._ask("write", offset, word):
            raise ToolFailed(f"the register at {offset:#04x} does not answer")

    def step(self, cycles: int) -> None:
        """Run until a transfer ends, the interrupt rises, or `cycles` have passed."""
        self._ask("step", cycles)

    def transfer(self, port: str, address: int, size_bytes: int) -> None:
        """Start the data mover of a stream."""
        self._ask("transfer", port, address, size_bytes)

    def abort(self, port: str) -> None:
        """Stop the data mover of a stream, as a reset of its DMA does."""
        self._ask("abort", port)

    def transferred(self, port: str) -> Transfer:
        """How the last transfer of a stream stands."""
        progress, moved = self._ask("transferred", port)
        return Transfer(Progress(progress), moved)

    def freeze(self, frozen: bool) -> None:
        """Let the memory answer nothing, until it is let go again."""
        self._ask("freeze", frozen)

    def close(self) -> None:
        """End the simulator; its waves are written out."""
        if self._connection.closed:
            return
        self._connection.close()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._scratch.cleanup()
