"""The demo: a photograph through a generated convolution and a generated matrix product.

`python -m sim.demo` generates both accelerators under build/demo, C-simulates them on every pixel,
lowers them to Verilog, simulates that on every pixel too, compares all outputs with the NumPy
models bit for bit, draws build/demo/demo.png and prints what the hardware costs. Exit codes: 0 all
equal, 1 a mismatch, 3 a package or compiler is missing.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from hls.errors import LineloomError
from sim import demo_images as images
from sim import demo_layers as layers
from sim.demo_stages import PLANES, STAGES, Demo, Row

__all__ = ["main", "run"]

FOLDER = Path("build/demo")


def run(demo: Demo, console: Console) -> list[Row]:
    """Run all stages and write `demo.png` to the demo's folder."""
    rows = []
    for number, stage in enumerate(STAGES, start=1):
        with console.status(f"[{number}/{len(STAGES)}] {_what(stage.__name__)}"):
            rows.append(stage(demo))
    panels = [
        images.Panel(f"{i}  {f.caption}", demo.features[..., i]) for i, f in enumerate(layers.BANK)
    ]
    decoded = images.Panel(f"Decoded from the matrix product's codes: {demo.coding()}",
                           demo.decoded())  # fmt: skip
    sheet = images.contact_sheet(
        [images.Panel("Input, RGB", demo.photo), decoded],
        panels,
        [*map(_sentence, rows), images.CREDIT],
        exact=not any(row.mismatches for row in rows),
    )
    sheet.save(demo.folder / "demo.png")
    return rows


def _what(stage: str) -> str:
    """What a stage does, for those who wait."""
    kind, _, rtl = stage.partition("_")
    steps = "lower to Verilog, build a simulator, run" if rtl else "generate, compile, run"
    return f"{kind}: {steps}"


def _sentence(row: Row) -> str:
    return (
        f"{row.design} in {row.tool}: {row.layer}; {row.multipliers} multipliers, "
        f"{row.cycles:,} cycles (bound {row.bound_cycles:,}); {row.mismatches} of "
        f"{row.outputs:,} outputs differ"
    )


def _table(rows: Sequence[Row]) -> Table:
    table = Table(
        title="Generated accelerators against NumPy",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    for name in ("design", "run by", "layer"):
        table.add_column(name, vertical="bottom")
    for name in ("multi-\npliers", "bound\ncycles", "cycles", "ratio", "outputs\ncompared",
                 "dif-\nfer", "sec-\nonds"):  # fmt: skip
        table.add_column(name, justify="right")
    for row in rows:
        colour = "bold red" if row.mismatches else "green"
        table.add_row(
            row.design,
            row.tool,
            row.layer,
            str(row.multipliers),
            f"{row.bound_cycles:,}",
            f"{row.cycles:,}",
            f"{row.ratio:.3f}",
            f"{row.outputs:,}",
            f"[{colour}]{row.mismatches:,}",
            f"{row.seconds:.2f}",
        )
    return table


def _report(demo: Demo, rows: Sequence[Row], console: Console) -> dict[str, Any]:
    """Print the outcome; return it as JSON-able data."""
    console.print(_table(rows))
    console.print(
        "Cycles: counted in RTL, without stalls (filters: first beat to last, cosines:\n"
        "start to done); C-sim has no clock, so there they are the model's.\n"
        f"filters: RGB to luminance, colour differences and edges, u8 around {layers.ZERO}.\n"
        f"cosines: 8x8 cosine transform of the first {PLANES} maps, each frequency divided by its\n"
        f"         own step as in a JPEG encoder: {demo.coding()} when decoded.",
        highlight=False,
    )
    match = not any(row.mismatches for row in rows)
    picture = demo.folder / "demo.png"
    verdict = "[bold green]Bit-exact" if match else "[bold red]MISMATCH"
    console.print(f"{verdict}[/]; the pictures are in {picture}", highlight=False)
    return {
        "match": match,
        "picture": str(picture),
        "rows": [dataclasses.asdict(row) | {"ratio": row.ratio} for row in rows],
        "zero_codes": demo.zeros(),
        "psnr_db": images.psnr_db(demo.photo, demo.decoded()),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; see the module's text. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sim.demo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    options = parser.parse_args(argv)
    console = Console(stderr=options.json)
    try:
        demo = Demo(images.photograph(), FOLDER)
        report = _report(demo, run(demo, console), console)
    except LineloomError as error:
        print(f"lineloom: {error}", file=sys.stderr)
        return error.exit_code
    if options.json:
        print(json.dumps(report))
    return 0 if report["match"] else 1


if __name__ == "__main__":
    sys.exit(main())
