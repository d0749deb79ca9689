"""One direction of an AXI DMA: pynq's own channel, errors in words, no endless waits."""

from __future__ import annotations

from typing import Any

from host.errors import AcceleratorError, decode_dma_status

__all__ = ["Channel"]

_SEND, _RECEIVE = 0x00, 0x30
_STATUS, _LENGTH = 0x04, 0x28
_RESET = 1 << 2
_HALTED, _IDLE = 1 << 0, 1 << 1
_ERRORS = 0x770
_INTERRUPTS = 0x7000


class Channel:
    """The channel that moves one stream."""

    def __init__(self, dma: Any, *, sends: bool) -> None:
        """Use the channel of `dma`, a `pynq.lib.DMA`, that sends or receives."""
        self._dma = dma
        self._base = _SEND if sends else _RECEIVE
        self.sends = sends
        self._channel = dma.sendchannel if sends else dma.recvchannel
        pins = dma.description.get("interrupts", {})
        self.pin = pins.get("mm2s_introut" if sends else "s2mm_introut", {}).get("fullpath")
        self.under_way = False
        self._buffer: Any = None
        self._read = dma.read
        self.limit_bytes = int(dma.buffer_max_size)
        """The longest transfer."""

    @property
    def name(self) -> str:
        """As PG021 calls it."""
        return "MM2S" if self.sends else "S2MM"

    @property
    def status(self) -> int:
        """DMASR."""
        return int(self._read(self._base + _STATUS))

    def start(self, buffer: Any) -> None:
        """Begin to transfer all of a buffer; what is sent is flushed by pynq."""
        self._channel.transfer(buffer)
        self.under_way = True
        self._buffer = buffer

    @property
    def finished(self) -> bool:
        """Whether the transfer has ended; what was received is then invalidated.

        Raises:
            AcceleratorError: the DMA reports an error, was reset, or received too little.
        """
        if not self.under_way:
            return True
        status = self.status
        if status & _ERRORS:
            raise AcceleratorError(f"DMA {self.name}: {decode_dma_status(status)}")
        if status & _HALTED:
            raise AcceleratorError(
                f"DMA {self.name}: {decode_dma_status(status)} in the middle of a transfer: "
                "somebody reset or stopped it"
            )
        if not status & _IDLE:
            return False
        # What pynq's wait() would do now, without reading the status four more times.
        self.under_way = False
        if not self.sends:
            self._buffer.invalidate()
            received = int(self._read(self._base + _LENGTH))
            if received != self._buffer.nbytes:
                raise AcceleratorError(
                    f"DMA {self.name}: TLAST came after {received:,} bytes of "
                    f"{self._buffer.nbytes:,} (wrong length)"
                )
        return True

    def acknowledge(self) -> None:
        """Take the interrupt back."""
        self._dma.write(self._base + _STATUS, _INTERRUPTS)

    def describe(self) -> str:
        """Name of the register and its value in words."""
        return f"{self.name}_DMASR={decode_dma_status(self.status)}"

    def reset(self) -> None:
        """Reset the whole DMA, both directions; each needs `restart` then.

        Raises:
            AcceleratorError: the reset does not end.
        """
        self._dma.write(self._base, _RESET)
        for _ in range(1000):
            if not int(self._dma.read(self._base)) & _RESET:
                return
        raise AcceleratorError("the DMA does not come out of its reset; load the overlay again")

    def restart(self) -> None:
        """Make the channel ready after a reset."""
        self._channel.start()
        self.under_way = False
