"""How a network becomes hardware: the styles, which of them fits a board, and why."""

from __future__ import annotations

from dataclasses import dataclass

from hls.boards import Board
from hls.checks import one_of
from hls.network.balancing import balance
from hls.network.dataflow import DataflowNetwork
from hls.network.network import Network
from hls.network.resources import of_network

__all__ = ["AUTO", "STYLES", "Choice", "choose"]

STYLES = ("dataflow",)
"""dataflow: every layer has an engine of its own, with streams between them."""

AUTO = "auto"
"""The first of the styles that fits the board."""


@dataclass(frozen=True)
class Choice:
    """A style, with its design and why it was taken."""

    style: str
    board: str
    design: DataflowNetwork
    reason: str


def choose(network: Network, board: Board, style: str = AUTO) -> Choice:
    """The design of `network` for `board`.

    Raises:
        DesignError: there is no such style, or it does not fit; the text says what is missing.
    """
    one_of(f"Network {network.name}", "style", style, (AUTO, *STYLES))
    design = balance(network, board)
    used = of_network(design)
    slowest = max(design.stages, key=lambda stage: stage.cycles, default=None)
    limit = "" if slowest is None else f"; {slowest.name} sets the pace"
    reason = (
        f"an engine a layer fits {board.name} by the model: {used.dsp} of {board.dsp} DSP, "
        f"{used.bram18 / 2:g} of {board.bram36} BRAM36, {used.lut:,} of {board.lut:,} LUT, "
        f"a frame in {design.predicted_cycles:,} cycles{limit}"
    )
    return Choice("dataflow", board.name, design, reason)
