"""What designs of networks have in common: whole frames in, whole frames out."""

from __future__ import annotations

from hls.fixed import Fixed
from hls.network.layers import ACTIVATION
from hls.network.network import Network

__all__ = ["FramedNetwork"]


class FramedNetwork:
    """Frames of s8 elements, as any design of frames shows them."""

    network: Network

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """[height, width, channels]."""
        return self.network.tensors[self.network.input].shape

    @property
    def output_shape(self) -> tuple[int, int, int]:
        """[height, width, channels]."""
        return self.network.tensors[self.network.output].shape

    @property
    def input_format(self) -> Fixed:
        """Format of an input element."""
        return ACTIVATION

    @property
    def output_format(self) -> Fixed:
        """Format of an output element."""
        return ACTIVATION

    @property
    def macs(self) -> int:
        """Multiply-accumulates a frame."""
        return self.network.macs
