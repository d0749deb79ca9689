"""The open backend: HLS C++ to Verilog without a vendor tool. `lower` shows the stages in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hls.lowering.banking import join_banks
from hls.lowering.binding import bind
from hls.lowering.casts import simplify_casts
from hls.lowering.claims import check_claims
from hls.lowering.cleanup import clean
from hls.lowering.congruence import fold_low_bits
from hls.lowering.constants import multiply_by_constants
from hls.lowering.countdown import count_down
from hls.lowering.division import expand_divisions
from hls.lowering.forwarding import forward_words
from hls.lowering.frontend import compile_source
from hls.lowering.ifconversion import convert
from hls.lowering.interface import manifest
from hls.lowering.llvmir import parse
from hls.lowering.memoryports import split_accesses
from hls.lowering.muxes import flatten_muxes
from hls.lowering.narrowing import narrow
from hls.lowering.optimizer import optimize, symbol_of
from hls.lowering.reader import read
from hls.lowering.reassociation import reassociate
from hls.lowering.report import report
from hls.lowering.scheduling import schedule
from hls.lowering.target import target_of
from hls.lowering.trimming import trim_arrays, trim_streams
from hls.lowering.verilog import process_text, top_texts

__all__ = ["Lowered", "lower"]


@dataclass(frozen=True)
class Lowered:
    """What lowering makes: Verilog files by name, a report of loops and memories, the interface."""

    files: dict[str, str]
    report: dict[str, Any]
    interface: dict[str, Any] = field(default_factory=dict)
    """Ports, registers and arguments, as `hls.lowering.interface.manifest` says them."""
    sources: list[Path] = field(default_factory=list)
    """The user's files that were read."""


def lower(
    source: Path,
    top: str,
    *,
    includes: Sequence[Path] = (),
    part: str = "xc7z020",
    clock_ns: float = 10.0,
) -> Lowered:
    """Lower the function `top` of a C++ file.

    Raises:
        InputError: C++ that clang rejects, or outside of the supported subset; the text names the
            line and what to do.
    """
    target = target_of(part, clock_ns)
    ir, pragmas, sources = compile_source(source, includes)
    optimised = optimize(ir, top, pragmas, sources)
    design = read(parse(optimised, sources), symbol_of(optimised, top), pragmas)
    for process in design.processes:
        check_claims(clean(fold_low_bits(clean(convert(process, pragmas)))))
        clean(flatten_muxes(forward_words(process)))
        clean(expand_divisions(process))
    split_accesses(design)
    for process in reversed(design.processes):
        clean(simplify_casts(process))
        clean(reassociate(process, target))
        count_down(multiply_by_constants(narrow(process)))
        narrow(clean(process))
        trim_streams(design, process)
        narrow(join_banks(clean(trim_arrays(process)))).check()
    machines, schedules = [], {}
    for process in design.processes:
        schedules[process.name] = schedule(process, target)
        machines.append(bind(process, schedules[process.name]))
    files = {
        f"{design.name}_{machine.process.name}.v": process_text(design.name, machine)
        for machine in machines
    }
    files |= top_texts(design)
    made = report(design, schedules, machines, pragmas, target)
    return Lowered(files, made, manifest(design), sources)
