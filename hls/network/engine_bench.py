"""The overlay engine's test bench: a program, what it has to compute, and how it is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from hls.network.compiling import Program, Stored, compile_network
from hls.network.dataflow import DataflowNetwork
from hls.network.instructions import RECORD_WORDS
from hls.network.layers import Flattening
from hls.network.overlay import OverlayEngine
from hls.network.reference_tables import layer_tables, sources_of
from hls.network.trial import trial
from hls.rendering import render

__all__ = ["Bench"]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The bench of `engine`: it runs the program of `trial`, whatever network the project is for.

    The engine is the same, and a bench has to be quick.
    """

    engine: OverlayEngine

    @cached_property
    def program(self) -> Program:
        """What is run; no tensor is written over, so that each layer can be checked.

        It leaves most of the image rows on chip unused, so that few rows make the ring go round.
        """
        engine = self.engine
        ring = 1 << (8 * engine.tile_m - 1).bit_length()
        small = replace(engine, image_words=min(engine.image_words, ring))
        return compile_network(trial(small), small, keep_all=True)

    @property
    def depths(self) -> dict[str, int]:
        """Port -> words behind it: so many co-simulation moves at each call."""
        program = self.program
        return {
            "program": max(steps for _, steps in calls(program)) * RECORD_WORDS,
            "x": program.words,
            "b": len(program.weights),
            "p": len(program.parameters),
            "y": program.words,
        }

    def sources(self, context: Mapping[str, Any]) -> dict[str, str]:
        """Path in the project -> text; `context` is that of the kernel's templates."""
        program, name = self.program, self.engine.name
        network = program.network
        pipeline = DataflowNetwork(network=network)
        layers = [layer for layer in network.layers if not isinstance(layer, Flattening)]
        places: dict[str, Stored] = {"image": program.stored[network.input]}
        places |= {f"{layer.name}_out": program.stored[layer.output] for layer in layers}
        own = {
            **context,
            "design": pipeline,
            "program": program,
            "calls": list(calls(program)),
            "places": places,
            "slots": {tensor: np.array(place.layout.slots) for tensor, place in places.items()},
            "sources": sources_of(network),
        }
        return {
            f"src/{name}_tb.cpp": render("overlay_engine/kernel_tb.cpp.j2", **own),
            f"src/{name}_tb_program.hpp": render("overlay_engine/program_tb.hpp.j2", **own),
            f"src/{name}_tb_layers.hpp": layer_tables(pipeline, f"{name}_tb_layers"),
        }


def calls(program: Program) -> Iterator[tuple[int, int]]:
    """First step and number of steps of each call, such that none reads what its own call writes.

    C/RTL co-simulation keeps the memory behind every port apart until a call is over.
    """
    first, written = 0, set[int]()
    for step, one in enumerate(program.passes):
        if any(program.stored[read].first in written for read in one.feed.reads):
            yield first, step - first
            first, written = step, set()
        written.add(program.stored[one.writes].first)
    yield first, len(program.passes) - first
