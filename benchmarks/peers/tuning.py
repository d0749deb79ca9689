"""Search NNgen's fastest setting for a layer: python -m benchmarks.peers.tuning LAYER.

Every way to spread the layer's multipliers over NNgen's lanes is generated, simulated and compared
with NumPy; some minutes each. What was measured is kept, so that a search can be continued.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from rich.console import Console

from benchmarks.peers import bench, environment
from benchmarks.peers.accelerator import generate
from benchmarks.peers.layers import PEERS, Lanes, Peer
from benchmarks.tables import Table
from hls.conv2d import Conv2d
from hls.errors import LineloomError, ToolFailed

__all__ = ["candidates", "main"]

_FOLDER = environment.HOME / "tuning"
_PORTS = (128, 64, 32)
_REFUSED = 0


def candidates(peer: Peer, port_bits: int) -> Iterator[Peer]:
    """All settings with the multipliers of the layer, and no lane without work."""
    design = peer.design
    if isinstance(design, Conv2d):
        rows, cols, outputs = design.output_shape
        # Channels are filled up to whole lanes.
        sizes = (1 << (design.in_channels - 1).bit_length(), outputs, cols, rows)
        lanes = peer.multipliers // design.window.taps
    else:
        sizes = (design.max_k, design.max_n, design.max_m, 1)
        lanes = peer.multipliers
    factors = [n for n in range(1, lanes + 1) if lanes % n == 0]
    for ich, och, col, row in itertools.product(factors, repeat=4):
        powers = (ich & (ich - 1)) == 0 == (och & (och - 1))  # as NNgen demands of channels
        fits = all(n <= size for n, size in zip((ich, och, col, row), sizes, strict=True))
        if ich * och * col * row == lanes and powers and fits:
            yield replace(
                peer, lanes=Lanes(ich=ich, och=och, col=col, row=row), port_bits=port_bits
            )


def main(argv: Sequence[str] | None = None) -> int:
    """Search, and print what was found, the fastest first."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.tuning", description=__doc__)
    parser.add_argument("layer", choices=[peer.design.name for peer in PEERS])
    parser.add_argument("--port", type=int, choices=_PORTS, help="only this width; else all")
    options = parser.parse_args(argv)
    peer = next(p for p in PEERS if p.design.name == options.layer)
    tried = [c for port in _PORTS if options.port in (None, port) for c in candidates(peer, port)]
    found: dict[str, int] = {}
    try:
        for number, candidate in enumerate(tried, start=1):
            setting = _setting(candidate)
            print(f"tuning {number}/{len(tried)}: {setting}", file=sys.stderr)
            found[setting] = _cycles(candidate)
    except LineloomError as error:
        print(f"lineloom: {error}", file=sys.stderr)
        return error.exit_code
    best = sorted((cycles, setting) for setting, cycles in found.items() if cycles != _REFUSED)
    able = peer.design.macs / peer.multipliers
    Table(
        title=f"NNgen on {options.layer}, {peer.multipliers} multipliers",
        caption=f"{len(tried) - len(best)} of {len(tried)} settings were refused by NNgen.",
        columns=("setting", "cycles", "MACs %"),
        rows=[(setting, cycles, round(100 * able / cycles, 1)) for cycles, setting in best],
    ).show(Console())
    return 0


def _setting(peer: Peer) -> str:
    lanes = " ".join(f"{name}={count}" for name, count in asdict(peer.lanes).items() if count > 1)
    return f"{lanes} port={peer.port_bits}"


def _cycles(peer: Peer) -> int:
    """Of one frame or product; 0 if NNgen refuses the setting."""
    home = _FOLDER / _setting(peer).replace(" ", "_")
    known = home.parent / "cycles.json"
    every: dict[str, int] = json.loads(known.read_text()) if known.is_file() else {}
    name = f"{peer.design.name} {_setting(peer)}"
    if name not in every:
        try:
            accelerator = generate(peer, home)
        except ToolFailed:
            every[name] = _REFUSED
        else:
            every[name] = bench.simulate(accelerator, bench.operands(peer.design))
        shutil.rmtree(home, ignore_errors=True)  # a hundred megabytes each
        known.parent.mkdir(parents=True, exist_ok=True)
        known.write_text(json.dumps(every, indent=2) + "\n")
    return every[name]


if __name__ == "__main__":
    sys.exit(main())
