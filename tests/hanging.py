"""Whether the processes of a network can get stuck, played out word by word."""

from __future__ import annotations

from collections.abc import Mapping

from hls.network.dataflow import DataflowNetwork
from hls.network.fifos import safe_depths

__all__ = ["check_no_hang", "stuck"]


def stuck(design: DataflowNetwork, depths: Mapping[str, int], frames: int) -> bool:
    """Whether the processes, each reading as late as it can, get stuck with FIFOs so deep."""
    first, last = design.processes[0], design.processes[-1]
    written = {put: 0 for process in design.processes for put in process.puts}
    read = {take: 0 for process in design.processes for take in process.takes}
    beats = len(first.orders[0])
    written["in"] = beats * frames
    done = {id(process): 0 for process in design.processes}

    def take_up_to(take: str, need: int) -> bool:
        """Read what is there of what is needed; an input is read when those before it are."""
        read[take] = min(max(need, read[take]), written[take])
        return read[take] >= need

    moved = True
    while moved:
        before = dict(read), dict(done)
        for process in design.processes:
            own = len(process.orders[0])
            while done[id(process)] < own * frames:
                frame, inner = divmod(done[id(process)], own)
                needs = {
                    take: min(order[inner] + frame * order_words(design, take), frames
                              * order_words(design, take))
                    for take, order in zip(process.takes, process.orders, strict=True)
                }  # fmt: skip
                if not all(take_up_to(take, need) for take, need in needs.items()):
                    break
                full = [put for put in process.puts
                        if put != "out" and written[put] - read[put] >= depths[put]]  # fmt: skip
                if full:
                    break
                for put in process.puts:
                    written[put] += 1
                done[id(process)] += 1
            if done[id(process)] == own * frames:
                # What it makes may not need the last words of its inputs, but it reads them.
                for take in process.takes:
                    take_up_to(take, order_words(design, take) * frames)
        moved = before != (read, done)
    return done[id(last)] < len(last.orders[0]) * frames


def order_words(design: DataflowNetwork, stream: str) -> int:
    """Words a frame of a stream."""
    if stream == "in":
        return len(design.processes[0].orders[0])
    return next(len(p.orders[0]) for p in design.processes if stream in p.puts)


def check_no_hang(design: DataflowNetwork, frames: int) -> None:
    least = safe_depths(design.processes)
    depths = {stream.name: least.get(stream.name, 1) for stream in design.streams}
    assert not stuck(design, depths, frames)
    chosen = {stream.name: stream.depth for stream in design.streams}
    assert all(chosen[stream] >= depth for stream, depth in depths.items())
