"""The registers of an AXI interrupt controller with level-sensitive inputs (PG099)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

__all__ = ["AxiIntc"]

_ISR, _IPR, _IER, _IAR, _SIE, _CIE, _IVR, _MER = range(0x00, 0x20, 4)
_MASTER_ENABLE, _HARDWARE_ENABLE = 1 << 0, 1 << 1


class AxiIntc:
    """Interrupts of many sources on one line.

    Until HIE of the MER is set, which only a reset undoes, nobody looks at the inputs, and software
    may raise interrupts by writing the ISR; from then on, writes of the ISR do nothing.
    """

    def __init__(self, inputs: Sequence[Callable[[], bool]]) -> None:
        """Take the inputs in the order of their numbers."""
        self._inputs = inputs
        self._there = (1 << len(inputs)) - 1
        self._status = self._enabled = self._master = 0

    def _look(self) -> int:
        """The status, in which an interrupt stays until it is acknowledged."""
        if self._master & _HARDWARE_ENABLE:
            for number, level in enumerate(self._inputs):
                self._status |= level() << number
        return self._status

    @property
    def interrupt(self) -> bool:
        """The level of the output."""
        return bool(self._master & _MASTER_ENABLE and self._look() & self._enabled)

    def read(self, offset: int) -> int:
        """Read a register; 0 where there is none."""
        status = self._look()
        pending = status & self._enabled
        first = (pending & -pending).bit_length() - 1
        words = {
            _ISR: status,
            _IPR: pending,
            _IER: self._enabled,
            _IVR: first & 0xFFFF_FFFF,
            _MER: self._master,
        }
        return words.get(offset, 0)

    def write(self, offset: int, word: int) -> None:
        """Write a register; bits without an input stay 0."""
        if offset == _ISR and not self._master & _HARDWARE_ENABLE:
            self._status |= word & self._there
        elif offset == _IER:
            self._enabled = word & self._there
        elif offset == _IAR:
            self._status &= ~word
        elif offset == _SIE:
            self._enabled |= word & self._there
        elif offset == _CIE:
            self._enabled &= ~word
        elif offset == _MER:
            self._master = word & _MASTER_ENABLE | (self._master | word) & _HARDWARE_ENABLE
