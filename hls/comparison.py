"""All layers of a file by all algorithms: costs, winners, and totals a network, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hls.algorithms import (
    CANDIDATES,
    Cost,
    baselines,
    best,
    costs,
    multiplications,
    refusals,
)
from hls.boards import Board
from hls.errors import DesignError, InputError
from hls.layers import NETWORKS, Layer
from hls.memory import Memory

__all__ = ["compare"]


def compare(
    layers: Sequence[Layer],
    board: Board,
    *,
    batch: int = 1,
    simd: int = 8,
    pe: int = 8,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """What `batch` frames of each layer cost on `simd` x `pe` multipliers of a board.

    Returns:
        JSON-able data: board, batch, array, memory, `layers` and, by initial, `networks`.

    Raises:
        InputError: no algorithm can compute a layer.
    """
    memory = Memory.of(board)
    found: list[tuple[Layer, dict[str, Cost], dict[str, Any]]] = []
    for number, layer in enumerate(layers, start=1):
        progress(f"{number}/{len(layers)} {layer.name}")
        conv = layer.conv(simd=simd, pe=pe)
        try:
            by = costs(conv, board, batch=batch)
        except DesignError as error:
            raise InputError(f"{layer.name}: {error}") from None
        winner = best(by)
        data = {
            "name": layer.name,
            "networks": layer.networks,
            "macs": batch * conv.macs,
            "algorithms": {name: cost.data() for name, cost in by.items()},
            "refused": refusals(conv, batch=batch),
            "best": winner,
            "direct_to_im2col": _ratio([by]),
            "baselines": {n: c.data() for n, c in baselines(conv, board, batch=batch).items()},
            "multiplications": {
                name: None if count is None else vars(count)
                for name, count in multiplications(conv).items()
            },
        }
        found.append((layer, by, data))
    initials = sorted({initial for layer in layers for initial in layer.networks})
    return {
        "board": board.name,
        "batch": batch,
        "array": [simd, pe],
        "clock_mhz": board.clock_mhz,
        "memory": {
            "latency_cycles": memory.latency_cycles,
            "bytes_per_cycle": memory.bytes_per_cycle,
        },
        "layers": [data for _, _, data in found],
        "networks": {
            initial: _network(
                initial,
                [(by, data) for layer, by, data in found if initial in layer.networks],
            )
            for initial in initials
        },
    }


def _ratio(rows: Sequence[dict[str, Cost]]) -> dict[str, float] | None:
    """Of direct's to im2col's sums over the layers that both can compute."""
    both = [(by["direct"], by["im2col"]) for by in rows if {"direct", "im2col"} <= by.keys()]
    if not both:
        return None
    return {
        what: round(
            sum(getattr(direct, what) for direct, _ in both)
            / sum(getattr(im2col, what) for _, im2col in both),
            4,
        )
        for what in ("cycles", "dram_bytes")
    }


def _network(
    initial: str, rows: Sequence[tuple[dict[str, Cost], dict[str, Any]]]
) -> dict[str, Any]:
    """Sums over the distinct layers of a network; what does not fit is in them, and counted."""
    totals = {}
    for name in CANDIDATES:
        by = [costs[name] for costs, _ in rows if name in costs]
        totals[name] = {
            "cycles": sum(cost.cycles for cost in by),
            "dram_bytes": sum(cost.dram_bytes for cost in by),
            "unfit": sum(not cost.fits for cost in by),
            "refused": len(rows) - len(by),
        }
    ways = {name for _, data in rows for name in data["baselines"]}
    winners = [by[data["best"]] for by, data in rows if data["best"] is not None]
    return {
        "name": NETWORKS.get(initial, initial),
        "layers": len(rows),
        "macs": sum(data["macs"] for _, data in rows),
        "algorithms": totals,
        "baselines": {
            way: {
                what: sum(data["baselines"].get(way, {}).get(what, 0) for _, data in rows)
                for what in ("cycles", "dram_bytes")
            }
            for way in sorted(ways)
        },
        "best": {
            "cycles": sum(cost.cycles for cost in winners),
            "dram_bytes": sum(cost.dram_bytes for cost in winners),
            "unfit": len(rows) - len(winners),
            "wins": {name: sum(cost.algorithm == name for cost in winners) for name in CANDIDATES},
        },
        "direct_to_im2col": _ratio([by for by, _ in rows]),
    }
