"""How a network becomes hardware: the styles, which of them fits a board, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hls.boards import Board
from hls.checks import one_of, reject
from hls.errors import DesignError
from hls.network.balancing import balance
from hls.network.dataflow import DataflowNetwork
from hls.network.network import Network
from hls.network.overlay import OverlayEngine, engines_for
from hls.network.overlay_network import OverlayNetwork
from hls.network.resources import of_network

__all__ = ["AUTO", "DATAFLOW", "OVERLAY", "STYLES", "Choice", "choose"]

DATAFLOW, OVERLAY = "dataflow", "overlay"
STYLES = (DATAFLOW, OVERLAY)
"""dataflow: every layer has an engine of its own, with streams between them.
overlay: one engine runs the layers one after the other, through memory."""

AUTO = "auto"
"""The first of the styles that fits the board."""


@dataclass(frozen=True)
class Choice:
    """A style, with its design and why it was taken."""

    style: str
    board: str
    design: DataflowNetwork | OverlayNetwork
    reason: str


def choose(
    network: Network, board: Board, style: str = AUTO, engine: OverlayEngine | None = None
) -> Choice:
    """The design of `network` for `board`.

    Args:
        network: what is computed.
        board: that it has to fit.
        style: one of `STYLES`, or "auto".
        engine: one that is there already; the style is overlay then.

    Raises:
        DesignError: there is no such style, or it does not fit; the text says what is missing.
    """
    one_of(f"Network {network.name}", "style", style, (AUTO, *STYLES))
    if engine is not None and style == DATAFLOW:
        raise reject(f"Network {network.name}", f"style={style!r}", "gives each layer an engine of "
                     "its own", "use overlay, or no other project's engine")  # fmt: skip
    if style == OVERLAY or engine is not None:
        return _overlay(network, board, engine)
    try:
        return _dataflow(network, board)
    except DesignError as error:
        if style != AUTO:
            raise
        return _overlay(network, board, too_large=str(error))


def _dataflow(network: Network, board: Board) -> Choice:
    design = balance(network, board)
    used = of_network(design)
    slowest = max(design.stages, key=lambda stage: stage.cycles, default=None)
    limit = "" if slowest is None else f"; {slowest.name} sets the pace"
    reason = (
        f"an engine a layer fits {board.name} by the model: {used.dsp} of {board.dsp} DSP, "
        f"{used.bram18 / 2:g} of {board.bram36} BRAM36, {used.lut:,} of {board.lut:,} LUT, "
        f"a frame in {design.predicted_cycles:,} cycles{limit}"
    )
    return Choice(DATAFLOW, board.name, design, reason)


def _overlay(
    network: Network, board: Board, engine: OverlayEngine | None = None, too_large: str = ""
) -> Choice:
    """One engine; `too_large` says why there is not one for each layer, if that was tried."""
    try:
        design = _running(network, engines_for(board) if engine is None else [engine])
    except DesignError as error:
        if not too_large:
            raise
        raise DesignError(f"{too_large}. One engine for all layers: {error}") from None
    lanes = design.engine.lanes
    reason = (
        f"one engine of {lanes}x{lanes} PEs runs the layers one after the other, a frame in "
        f"{design.predicted_cycles:,} cycles"
    )
    return Choice(OVERLAY, board.name, design, f"{too_large}; so {reason}" if too_large else reason)


def _running(network: Network, engines: Iterable[OverlayEngine]) -> OverlayNetwork:
    """The network on the first of these engines that is large enough for all layers.

    Raises:
        DesignError: none is; what the last one lacks.
    """
    lacking = None
    for engine in engines:
        try:
            return OverlayNetwork(network=network, engine=engine)
        except DesignError as error:
            lacking = error
    assert lacking is not None
    raise lacking
