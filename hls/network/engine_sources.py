"""The overlay engine as HLS C++: which templates, with which context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hls.network.engine_bench import Bench
from hls.network.instructions import PARTS, RECORD_WORDS, WORD_BITS, places
from hls.network.overlay import OverlayEngine
from hls.rendering import render

__all__ = ["PORTS", "sources", "summary"]

PORTS = {
    "program": "const Program_t*",
    "x": "const AWord_t*",
    "b": "const BWord_t*",
    "p": "const Column_t*",
    "y": "CWord_t*",
}
"""Pointer of the kernel -> its C++ type; x and y are the same memory."""

_SIZED = {
    "load_b": "array",
    "load_p": "sizes",
    "feed_a": "array",
    "feed_b": "array",
    "multiply": "array",
    "walk": "sizes",
    "finish": "sizes",
    "store": "sizes",
}
"""Process -> whether the sizes of the array or those of all results are its business."""

_TOLD = {
    "image": "Image_t",
    "window": "Window_t",
    "rows": "Rows_t",
    "weights": "Start_t",
    "parameters": "Start_t",
    "reduction": "Reduction_t",
    "limits": "Limits_t",
    "store": "Store_t",
}
"""Part of an instruction that one process is told beside the sizes -> its type."""

_DATA = {
    "pixels": "AWord_t",
    "cuts": "Cut_t",
    "a_words": "AWord_t",
    "taps": "AWord_t",
    "b_words": "BWord_t",
    "p_columns": "Column_t",
    "a_columns": "AWord_t",
    "b_rows": "BWord_t",
    "sums": "Row_t",
    "results": "Row_t",
    "c_words": "CWord_t",
}


def summary(engine: OverlayEngine) -> str:
    """One line that tells an engineer which engine this is."""
    return (
        f"engine for networks: {engine.lanes}x{engine.lanes} PEs, image rows of up to "
        f"{engine.image_words} words on chip"
    )


def sources(engine: OverlayEngine) -> dict[str, str]:
    """Path in the project -> text of the generated C++, the test bench included."""
    bench = Bench(engine=engine)
    context = _context(engine, bench.depths)
    kernel = {
        f"src/{engine.name}.{suffix}": render(f"overlay_engine/kernel.{suffix}.j2", **context)
        for suffix in ("cpp", "hpp")
    }
    return kernel | bench.sources(context)


def _context(engine: OverlayEngine, depths: Mapping[str, int]) -> dict[str, Any]:
    gemm = engine.gemm
    out = gemm.epilogue
    messages = {f"{process}_sizes": _sizes(which) for process, which in _SIZED.items()}
    messages |= {part: part for part in _TOLD}
    types = {f"{process}_sizes": "Sizes_t" for process in _SIZED} | _TOLD
    return {
        "engine": engine,
        "gemm": gemm,
        "out": out,
        "clamps": False,
        "max_shift": gemm.max_shift,
        "rounded_bits": max(out.product_bits + 1, gemm.max_shift + 2),
        "summary": summary(engine),
        "arguments": ", ".join(f"{type_} {name}" for name, type_ in PORTS.items()),
        "depths": depths,
        "registers": [*PORTS, "steps", "return"],
        "word_bits": WORD_BITS,
        "record_words": RECORD_WORDS,
        "slack_bits": next(place.bits for place in places() if place.field == "slack"),
        "parts": {
            cls.__name__: {
                "text": (cls.__doc__ or "").splitlines()[0],
                "fields": [place for place in places() if place.part == part],
            }
            for part, cls in PARTS.items()
        },
        "types": {part: cls.__name__ for part, cls in PARTS.items()},
        "parts_of_record": {
            part: [place for place in places() if place.part == part] for part in PARTS
        },
        "told": ", ".join(f"hls::stream<{types[name]}>& {name}_told" for name in messages),
        "messages": list(messages.items()),
        "streams": [(name, type_, 2) for name, type_ in types.items()]
        + [(name, type_, 4) for name, type_ in _DATA.items()],
    }


def _sizes(which: str) -> str:
    return "of_array(sizes)" if which == "array" else "sizes"
