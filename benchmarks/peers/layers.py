"""The layers that NNgen runs as well: our design, and NNgen's lanes with as many multipliers."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.designs import convolution, product
from hls.conv2d import Conv2d
from hls.gemm import Gemm

__all__ = ["PEERS", "Lanes", "Peer"]


@dataclass(frozen=True, kw_only=True)
class Lanes:
    """NNgen's lanes: its par_ich, par_och, par_col and par_row.

    A convolution has a multiplier for each tap of the kernel in each lane. A matrix product A . B
    has `ich` lanes along k, `och` along n and `col` along m.
    """

    ich: int = 1
    och: int = 1
    col: int = 1
    row: int = 1


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A design of ours and NNgen's best setting for its layer, with as many multipliers.

    `given_percent` is NNgen's share of its multipliers' MACs a cycle as issue 3 gave it to the
    project, for comparison and for want of a network.
    """

    design: Conv2d | Gemm
    lanes: Lanes
    given_percent: float
    port_bits: int = 128
    """Width of NNgen's one memory port."""
    note: str = ""

    @property
    def multipliers(self) -> int:
        """Of NNgen's accelerator, those that rescale its results left out, as they are of ours."""
        design = self.design
        taps = design.window.taps if isinstance(design, Conv2d) else 1
        lanes = self.lanes
        return taps * lanes.ich * lanes.och * lanes.col * lanes.row


PEERS: tuple[Peer, ...] = (
    Peer(
        design=convolution(32, 3, 16, 3, "same", simd=1), lanes=Lanes(col=8), given_percent=63,
        note="given as 21 % by default",
    ),
    Peer(
        design=convolution(16, 16, 32, 3, "same", simd=1), lanes=Lanes(col=8), given_percent=90
    ),
    Peer(
        design=convolution(14, 64, 64, 3, "same", simd=1), lanes=Lanes(och=2, col=2, row=2),
        given_percent=96,
    ),
    Peer(
        design=convolution(14, 128, 128, 1, "valid"), lanes=Lanes(ich=8, och=4, col=2),
        given_percent=94,
    ),
    Peer(
        design=convolution(28, 1, 8, 5, "valid", pe=2), lanes=Lanes(col=2), given_percent=52,
        port_bits=64,
    ),
    Peer(
        design=product(64, 8), lanes=Lanes(ich=8, och=8), given_percent=82,
        note="given as 51 % with a narrow port",
    ),
    Peer(design=product(128, 8), lanes=Lanes(ich=8, och=8), given_percent=90),
)  # fmt: skip
"""NNgen's numbers of multipliers are reached exactly: 72, 72, 72, 64, 50, 64 and 64. Its lanes are
the fastest that were found (`python -m benchmarks.peers.tuning LAYER`)."""
