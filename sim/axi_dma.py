"""The registers of an AXI DMA in simple mode (PG021), over the data movers of an engine.

As on a board, a transfer starts with the write of a LENGTH other than 0, a channel that is halted
takes none and is not idle, a packet that does not end within LENGTH is an internal error, and after
an error the channel stays halted until the DMA is reset. There is no data realignment engine, as in
what templates/pynq builds: what a board makes of an unaligned address is unpredictable, so that the
model refuses it.
"""

from __future__ import annotations

from hls.overlay import Dma, Stream
from sim.engine import Engine, Progress
from sim.failures import BusError

__all__ = ["LENGTH_BITS", "AxiDma"]

LENGTH_BITS = 26
"""Of the LENGTH registers; bits above are lost, as in the hardware."""

_CR, _SR, _ADDRESS, _ADDRESS_HIGH, _LENGTH = 0x00, 0x04, 0x18, 0x1C, 0x28
_S2MM = 0x30

_RUN, _RESET, _IOC_ENABLE, _ERROR_ENABLE = 1 << 0, 1 << 2, 1 << 12, 1 << 14
_HALTED, _IDLE = 1 << 0, 1 << 1
_INTERNAL_ERROR, _DECODE_ERROR = 1 << 4, 1 << 6
_IOC, _ERROR = 1 << 12, 1 << 14
_INTERRUPTS = _IOC | 1 << 13 | _ERROR
_CR_RESET, _SR_RESET = 0x0001_0002, 0x0001_0000 | _HALTED
_CR_WRITABLE = _RUN | _IOC_ENABLE | 1 << 13 | _ERROR_ENABLE | 0xFFFF_0000


class _Channel:
    """One direction."""

    def __init__(self, engine: Engine, stream: Stream, name: str) -> None:
        self._engine, self._port, self._name = engine, stream.port, name
        self._aligned_bytes = stream.memory_bits // 8
        self.reset()

    def reset(self) -> None:
        self._control, self._status = _CR_RESET, _SR_RESET
        self._address = self._length = 0
        self._under_way = False
        self._engine.abort(self._port)

    def _look(self) -> None:
        """Bring the status up to what the data mover did."""
        if not self._under_way:
            return
        progress, moved = self._engine.transferred(self._port)
        if progress is Progress.RUNNING:
            return
        self._under_way = False
        self._length = moved
        if progress is Progress.ENDED:
            self._status |= _IDLE | _IOC
            if not self._control & _RUN:
                self._halt()
        else:
            wrong = progress is Progress.DECODE_ERROR
            self._fail(_DECODE_ERROR if wrong else _INTERNAL_ERROR)

    def _fail(self, error: int) -> None:
        self._status |= error | _ERROR
        self._control &= ~_RUN
        self._halt()

    def _halt(self) -> None:
        self._status = self._status & ~_IDLE | _HALTED

    @property
    def interrupt(self) -> bool:
        self._look()
        raised = self._status & self._control
        return bool(raised & (_IOC | _ERROR))

    @property
    def busy(self) -> bool:
        self._look()
        return self._under_way

    def read(self, offset: int) -> int:
        self._look()
        words = {
            _CR: self._control,
            _SR: self._status,
            _ADDRESS: self._address & 0xFFFF_FFFF,
            _ADDRESS_HIGH: self._address >> 32,
            _LENGTH: self._length,
        }
        return words.get(offset, 0)

    def write(self, offset: int, word: int) -> None:
        self._look()
        if offset == _CR:
            self._set_control(word)
        elif offset == _SR:
            self._status &= ~(word & _INTERRUPTS)
        elif offset == _ADDRESS:
            self._address = self._address >> 32 << 32 | word
        elif offset == _ADDRESS_HIGH:
            self._address = self._address & 0xFFFF_FFFF | word << 32
        elif offset == _LENGTH and not self._status & _HALTED and not self._under_way:
            self._start(word & ((1 << LENGTH_BITS) - 1))

    def _set_control(self, word: int) -> None:
        self._control = self._control & ~_CR_WRITABLE | word & _CR_WRITABLE
        errors = self._status & (_INTERNAL_ERROR | _DECODE_ERROR)
        if self._control & _RUN and not errors:
            self._status &= ~_HALTED
        elif not self._under_way:
            self._halt()

    def _start(self, size_bytes: int) -> None:
        if size_bytes == 0:
            return
        if self._address % self._aligned_bytes:
            raise BusError(
                f"{self._name} is to begin at {self._address:#x}, which is no multiple of "
                f"{self._aligned_bytes} bytes; without a data realignment engine, a board would "
                "transfer unpredictable data (PG021). Begin at the start of a buffer"
            )
        self._length = size_bytes
        self._status &= ~_IDLE
        self._under_way = True
        self._engine.transfer(self._port, self._address, size_bytes)


class AxiDma:
    """An AXI DMA with a channel for each stream that it is given."""

    def __init__(self, engine: Engine, dma: Dma) -> None:
        """Connect the channels to the streams of `engine`."""
        self._channels = {
            base: _Channel(engine, stream, f"{dma.name} {name}")
            for base, stream, name in ((0, dma.mm2s, "MM2S"), (_S2MM, dma.s2mm, "S2MM"))
            if stream is not None
        }

    @property
    def busy(self) -> bool:
        """A transfer is under way."""
        return any(channel.busy for channel in self._channels.values())

    @property
    def interrupts(self) -> dict[str, bool]:
        """Levels of the interrupt outputs by pin."""
        pins = {0: "mm2s_introut", _S2MM: "s2mm_introut"}
        return {pins[base]: channel.interrupt for base, channel in self._channels.items()}

    def read(self, offset: int) -> int:
        """Read a register; 0 where there is none."""
        channel = self._channels.get(_S2MM if offset >= _S2MM else 0)
        return 0 if channel is None else channel.read(offset % _S2MM)

    def write(self, offset: int, word: int) -> None:
        """Write a register; a reset through either channel resets both (PG021, DMACR)."""
        if offset % _S2MM == _CR and word & _RESET:
            for each in self._channels.values():
                each.reset()
            return
        channel = self._channels.get(_S2MM if offset >= _S2MM else 0)
        if channel is not None:
            channel.write(offset % _S2MM, word)
