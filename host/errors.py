"""What can go wrong on a board, said in words."""

from __future__ import annotations

__all__ = ["AcceleratorError", "decode_dma_status"]


class AcceleratorError(RuntimeError):
    """An accelerator cannot do what it was asked to; the text names the value, rule and remedy."""


_DMA_ERRORS = {
    4: "internal error: the packet is longer than the buffer or has no TLAST, or its length is 0",
    5: "slave error: memory answered with an error",
    6: "decode error: there is no memory at the address",
    8: "scatter-gather internal error",
    9: "scatter-gather slave error",
    10: "scatter-gather decode error",
}
"""Error bits of DMASR (PG021, "DMASR Register Details")."""

_DMA_STATES = {0: "halted", 1: "idle"}


def decode_dma_status(status: int) -> str:
    """A DMASR in words, such as `0x00005011 (halted, internal error: ...)`."""
    words = [text for bit, text in {**_DMA_STATES, **_DMA_ERRORS}.items() if status >> bit & 1]
    return f"{status:#010x} ({', '.join(words) or 'busy'})"
