"""Lanes for every layer: the shortest interval between frames for which a network fits a board.

A network is as fast as its slowest layer, so none should be faster, or larger, than that asks for.
For an interval of so many cycles each layer takes its cheapest lanes that keep up; the shortest
interval for which all of them fit is found among those that any layer can have. What is cheap
depends on what is short: the price of DSP blocks, block RAMs and LUTs rises with the excess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd

from hls.boards import Board
from hls.checks import divisors
from hls.errors import DesignError
from hls.network.assembly import origin
from hls.network.dataflow import DataflowNetwork
from hls.network.engines import Lanes, engine_of, lane_limit
from hls.network.layers import Convolution, Flattening, Layer
from hls.network.network import Network
from hls.network.resources import Resources, of_engine, of_network

__all__ = ["SHARES", "Budget", "balance"]

SHARES = {"dsp": 1.0, "bram18": 0.9, "lut": 0.75}
"""Of a board's resources that a network may take: placement needs room among the LUTs, and their
number is an estimate; DSP blocks and block RAMs are counted."""

_MOST_LANES = 64
_ROUNDS = 12
"""Of prices; then an interval counts as too short."""


@dataclass(frozen=True)
class Budget:
    """What a network may take."""

    dsp: int
    bram18: int
    lut: int

    @classmethod
    def of(cls, board: Board, shares: Mapping[str, float] = SHARES) -> Budget:
        """The shares of a board."""
        return cls(
            dsp=int(board.dsp * shares["dsp"]),
            bram18=int(2 * board.bram36 * shares["bram18"]),
            lut=int(board.lut * shares["lut"]),
        )

    def excess(self, used: Resources) -> dict[str, float]:
        """Resource -> how many times its budget is used."""
        return {name: getattr(used, name) / max(1, most) for name, most in vars(self).items()}

    def holds(self, used: Resources) -> bool:
        """Whether it is enough."""
        return all(share <= 1 for share in self.excess(used).values())


@dataclass(frozen=True)
class _Option:
    """Lanes of a layer, and what they cost."""

    lanes: Lanes
    takes: int
    puts: int
    cycles: int
    used: Resources


def balance(
    network: Network, board: Board, *, shares: Mapping[str, float] = SHARES
) -> DataflowNetwork:
    """The fastest design of `network` that fits the shares of `board`.

    Raises:
        DesignError: not even the slowest one fits; the text says what is missing.
    """
    budget = Budget.of(board, shares)
    layers = [layer for layer in network.layers if not isinstance(layer, Flattening)]
    options = {layer.name: _options(network, layer) for layer in layers}
    intervals = sorted({option.cycles for found in options.values() for option in found})
    low, high = 0, len(intervals) - 1
    best = _fitting(network, options, intervals[high], budget) if intervals else {}
    if best is None:
        raise _too_large(network, options, board, budget)
    while low < high:
        middle = (low + high) // 2
        found = _fitting(network, options, intervals[middle], budget)
        if found is None:
            low = middle + 1
        else:
            best, high = found, middle
    return DataflowNetwork(network=network, lanes=best)


def _options(network: Network, layer: Layer) -> list[_Option]:
    """All lanes of a layer that are worth it: none other has the same words, and is no worse."""
    found: dict[tuple[int, int, int], _Option] = {}
    kept: list[_Option] = []
    for lanes in _lanes(network, layer):
        try:
            engine = engine_of(network, layer, lanes)
        except DesignError:
            continue
        assert engine is not None
        kept.append(_Option(lanes, engine.takes_lanes, engine.puts_lanes, engine.cycles,
                            of_engine(engine)))  # fmt: skip
    del found
    return [option for option in kept if not any(_beats(other, option) for other in kept)]


def _beats(a: _Option, b: _Option) -> bool:
    """Whether `a` does all that `b` does, for less."""
    pairs = [(a.cycles, b.cycles), *zip(vars(a.used).values(), vars(b.used).values(), strict=True)]
    same_words = (a.takes, a.puts) == (b.takes, b.puts)
    return same_words and all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)


def _lanes(network: Network, layer: Layer) -> list[Lanes]:
    if not isinstance(layer, Convolution):
        widths = [n for n in divisors(lane_limit(network, layer)) if n <= _MOST_LANES]
        return [Lanes(simd=n, pe=n) for n in widths]
    conv = layer.conv
    symmetric = int(layer.parameters.weights.min()) > conv.weight_format.minimum
    taps = ["all"] if conv.window.taps == 1 else ["all", "one"]
    if conv.window.cols.kernel > 1 and conv.window.rows.kernel > 1:
        taps.append("row")
    return [
        Lanes(simd=simd, pe=pe, taps=tap, packing=packing)
        for simd in divisors(conv.in_channels) if simd <= _MOST_LANES
        for pe in divisors(conv.out_channels) if pe <= _MOST_LANES
        for tap in taps
        for packing in (("off", "auto") if symmetric and pe > 1 else ("off",))
    ]  # fmt: skip


def _fitting(
    network: Network, options: Mapping[str, Sequence[_Option]], interval: int, budget: Budget
) -> dict[str, Lanes] | None:
    """Lanes with which every layer keeps up and all fit, if such are found."""
    prices = dict.fromkeys(vars(budget), 1.0)
    for _ in range(_ROUNDS):
        chosen = _cheapest(network, options, interval, budget, prices)
        if chosen is None:
            return None
        used = _sum(chosen)
        lanes = {name: option.lanes for name, option in chosen.items()}
        if budget.holds(used):
            used = of_network(DataflowNetwork(network=network, lanes=lanes))
            if budget.holds(used):
                return lanes
        for name, share in budget.excess(used).items():
            prices[name] *= max(0.5, share) ** 2
    return None


def _cheapest(
    network: Network,
    options: Mapping[str, Sequence[_Option]],
    interval: int,
    budget: Budget,
    prices: Mapping[str, float],
) -> dict[str, _Option] | None:
    """Layer by layer, the cheapest lanes that keep up with those before them."""
    chosen: dict[str, _Option] = {}
    width: dict[str, int] = {}  # channels of the words of a tensor's stream
    for layer in network.layers:
        if isinstance(layer, Flattening):
            continue
        inputs = [(network.tensors[name].size, width.get(origin(network, name), 0))
                  for name in layer.inputs]  # fmt: skip
        able = [option for option in options[layer.name]
                if option.cycles <= interval
                and all(_regrouping(size, lanes, option.takes) <= interval
                        for size, lanes in inputs)]  # fmt: skip
        if not able:
            return None
        best = min(able, key=lambda option: _cost(option, budget, prices))
        chosen[layer.name], width[layer.output] = best, best.puts
    return chosen


def _regrouping(elements: int, lanes_in: int, lanes_out: int) -> int:
    """Cycles a frame to bring words to another width; the network's input has whatever is asked."""
    return elements // gcd(lanes_in, lanes_out) if lanes_in else 0


def _cost(option: _Option, budget: Budget, prices: Mapping[str, float]) -> tuple[float, int]:
    shares = budget.excess(option.used)
    return sum(prices[name] * share for name, share in shares.items()), option.cycles


def _sum(chosen: Mapping[str, _Option]) -> Resources:
    total = Resources()
    for option in chosen.values():
        total += option.used
    return total


def _too_large(
    network: Network, options: Mapping[str, Sequence[_Option]], board: Board, budget: Budget
) -> DesignError:
    """What is missing although every layer is as small as it gets."""
    least = {
        name: sum(min(getattr(o.used, name) for o in found) for found in options.values())
        for name in vars(budget)
    }
    missing = [f"{least[name]:,} {name} of {most:,}"
               for name, most in vars(budget).items() if least[name] > most]  # fmt: skip
    what = " and ".join(missing) or "more than it has of several resources at once"
    return DesignError(
        f"Network {network.name}: with an engine a layer it needs {what} on {board.name}; "
        "use --style overlay, or a larger board"
    )
