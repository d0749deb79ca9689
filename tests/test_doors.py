"""Imports run one way between the rooms of the project, and between the layers inside hls."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("hls", "host", "sim")

# What a module may import of this project; the longest name that fits a module decides.
DOORS: dict[str, tuple[str, ...]] = {
    "hls": ("hls",),
    # Any C++ can be lowered, so it knows no design; what it shares is named here.
    "hls.lowering": ("hls.errors", "hls.lowering", "hls.registers", "hls.rendering", "hls.tools"),
    "host": ("host",),
    "sim": ("hls", "host", "sim"),
}
# The layers of a design, lowest first: each imports only those before it, none the generator.
LAYERS = (
    "hls.errors",
    "hls.boards",
    "hls.memory",
    "hls.fixed",
    "hls.checks",
    "hls.naming",
    "hls.geometry",
    "hls.pacing",
    "hls.dsp",
    "hls.epilogue",
    "hls.windows",
    "hls.legality",
    "hls.conv2d",
    "hls.tiling",
    "hls.gemm_legality",
    "hls.gemm_pacing",
    "hls.gemm",
    "hls.matrix_conv2d",
    "hls.naive_conv2d",
    "hls.partials_conv2d",
    "hls.parameters",
    "hls.network.layers",
    "hls.network.accumulators",
    "hls.network.network",
    "hls.network.framed",
    "hls.network.order",
    "hls.network.rounding",
    "hls.network.engines",
    "hls.network.assembly",
    "hls.network.schedule",
    "hls.network.fifos",
    "hls.network.dataflow",
    "hls.network.instructions",
    "hls.network.layouts",
    "hls.network.memory",
    "hls.network.quotients",
    "hls.network.overlay",
    "hls.network.passes",
    "hls.network.compiling",
    "hls.network.costs",
    "hls.network.overlay_network",
    "hls.design",
)
DOORS |= {layer: LAYERS[:height] for height, layer in enumerate(LAYERS)}
# What a design calls to work out or to check itself names its type.
for _design, _called in (
    ("hls.conv2d", "hls.windows"), ("hls.conv2d", "hls.legality"),
    ("hls.gemm", "hls.gemm_legality"), ("hls.gemm", "hls.gemm_pacing"),
):  # fmt: skip
    DOORS[_called] = (*DOORS[_called], _design)
# Network.from_onnx is the way into the importer, which makes networks.
DOORS["hls.network.network"] = (*DOORS["hls.network.network"], "hls.network.importing")
# Above the designs and below the generator, which asks it to choose; of several modules.
DOORS["hls.algorithms"] = (*LAYERS, "hls.algorithms")
# Modules that may import any room, each with its reason.
EXCEPTIONS = {
    "hls.commands": "the command line is the front door and calls every room",
    "hls.project": "Project.csim is the bridge to the workbench",
}
# A board has neither a compiler nor Jinja, so host makes do with what the PYNQ image brings.
HOST_PACKAGES = {"numpy", "pynq"} | sys.stdlib_module_names


def inside(name: str, package: str) -> bool:
    """Whether `name` is `package` or something in it."""
    return f"{name}.".startswith(f"{package}.")


def imports(source: str, module: str, *, is_package: bool) -> Iterator[str]:
    """The full dotted names that `source` imports, wherever in it; relative ones resolved."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = module.split(".")
            base = parents[: len(parents) - node.level + is_package] if node.level else []
            origin = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def violations(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """The imports in `source` that `module` has no door for."""
    if any(inside(module, exception) for exception in EXCEPTIONS):
        return []
    doors = DOORS[max((door for door in DOORS if inside(module, door)), key=len)]
    found = []
    for name in imports(source, module, is_package=is_package):
        top = name.split(".")[0]
        if top in ROOMS:
            allowed = any(inside(name, door) for door in doors)
        else:
            allowed = not inside(module, "host") or top in HOST_PACKAGES
        if not allowed:
            found.append(f"{module} imports {name}")
    return found


def test_imports_pass_only_through_doors() -> None:
    found = []
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        names = path.relative_to(ROOT).with_suffix("").parts
        is_package = names[-1] == "__init__"
        module = ".".join(names[:-1] if is_package else names)
        found += violations(path.read_text(encoding="utf-8"), module, is_package=is_package)
    assert found == []


@pytest.mark.parametrize(
    ("module", "source", "caught"),
    [
        ("hls.generator", "from hls.design import Conv2d", None),
        ("hls.generator", "import sim.golden", "sim.golden"),
        ("hls.generator", "def run():\n    from sim import golden", "sim.golden"),
        ("hls.commands.check", "import sim.golden", None),
        ("hls.fixed", "from .errors import DesignError", None),
        ("hls.fixed", "from .gemm import Gemm", "hls.gemm.Gemm"),
        ("hls.lowering.schedule", "from hls import tools", None),
        ("hls.lowering.schedule", "from hls import design", "hls.design"),
        ("hls.lowering.schedule", "from ..design import Gemm", "hls.design.Gemm"),
        ("host.accelerator", "import json, numpy as np, pynq.buffer", None),
        ("host.accelerator", "import jinja2", "jinja2"),
        ("host.accelerator", "import hls", "hls"),
        ("sim.csim", "import hls, jinja2; from host import Accelerator", None),
    ],
)
def test_a_missing_door_is_noticed(module: str, source: str, caught: str | None) -> None:
    assert violations(source, module) == ([f"{module} imports {caught}"] if caught else [])
