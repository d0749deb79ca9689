"""Front end: C++ with HLS pragmas -> unoptimised LLVM IR with marker calls.

clang only parses here (`-O1 -disable-llvm-passes` keeps it from marking functions as not to be
optimised); which passes run and in which order is ours, in `optimizer.py`.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hls import tools
from hls.errors import InputError, ToolFailed
from hls.lowering.source import MARKER, VARIABLE, Pragma, mark
from hls.lowering.variables import settle
from hls.rendering import INCLUDE

__all__ = ["compile_source"]

_FLAGS = ("-std=c++17", "-fno-sanitize=all", "-fno-threadsafe-statics", "-Wno-unknown-pragmas",
          "-Wno-unused-label", "-Wno-unused-command-line-argument")  # fmt: skip


def compile_source(source: Path, includes: Sequence[Path]) -> tuple[str, list[Pragma], list[Path]]:
    """The LLVM IR of a C++ file, the pragmas that its marker calls number, the user's files.

    Raises:
        InputError: clang rejects the file, or an unknown HLS pragma.
    """
    folders = [INCLUDE / "lowering", source.parent, *includes, INCLUDE]
    with tempfile.TemporaryDirectory() as scratch:
        expanded, marked, made = (
            Path(scratch) / name for name in ("expanded.cpp", "marked.cpp", "made.ll")
        )
        _compile(
            [*tools.cxx(), "-E", *_FLAGS, "-DLINELOOM_LOWERING", "-D__SYNTHESIS__",
             *(f"-I{folder}" for folder in folders), source, "-o", expanded],
            f"preprocessing {source.name}", [],
        )  # fmt: skip
        preprocessed = expanded.read_text()
        text, pragmas = mark(preprocessed)
        marked.write_text(text)
        _compile(
            [*tools.cxx(), *_FLAGS, "-O1", "-Xclang", "-disable-llvm-passes",
             "-fno-discard-value-names", "-gline-tables-only", "-S", "-emit-llvm",
             marked, "-o", made],
            f"compiling {source.name}", pragmas,
        )  # fmt: skip
        ir, pragmas = settle(_plain_symbols(made.read_text()), pragmas)
        return _whole_integers(_harmless_markers(ir)), pragmas, _own_files(preprocessed)


def _compile(command: Sequence[str | Path], what: str, pragmas: list[Pragma]) -> None:
    """Run clang; what it says about the user's file is the user's to mend."""
    try:
        tools.run(command, what=what)
    except ToolFailed as error:
        said = str(error)
        unknown = re.search(r"error: use of undeclared identifier '(\w+)'", said)
        told = re.search(rf"\b{VARIABLE}\((\d+), ", said)
        if unknown and told and unknown[1] not in (MARKER, VARIABLE):
            pragma = pragmas[int(told[1])]
            raise InputError(
                f"{pragma.place}: #pragma HLS {pragma.name}: there is no variable {unknown[1]} "
                "here; put the pragma behind its declaration"
            ) from None
        if outside := re.search(rf"^{MARKER}\((\d+)\);|\| *{MARKER}\((\d+)\);", said, re.MULTILINE):
            pragma = pragmas[int(outside[1] or outside[2])]
            raise InputError(
                f"{pragma.place}: #pragma HLS {pragma.name} stands outside of a function; put it "
                "into the one that it is for"
            ) from None
        if " error: " in said:
            raise InputError(said) from None
        raise


def _own_files(preprocessed: str) -> list[Path]:
    """Files that are neither ours nor the system's (those are marked by a flag 3)."""
    found = re.findall(r'^# \d+ "([^"<]+)"((?: \d)*)$', preprocessed, re.MULTILINE)
    files = {Path(name) for name, flags in found if "3" not in flags.split()}
    return sorted(file for file in files if INCLUDE not in file.parents and file.is_file())


def _plain_symbols(ir: str) -> str:
    """Symbols without quotes, which those of lambdas have; other quoted text stays as it is."""

    def plain(found: re.Match[str]) -> str:
        return found[0] if found[1] is None else "@" + re.sub(r"[^\w.]", ".", found[1])

    return re.sub(r'@"([^"]+)"|"[^"]*"', plain, ir)


def _harmless_markers(ir: str) -> str:
    """Tell LLVM that a marker call touches no memory of the program, so that it blocks nothing."""
    return re.sub(
        rf"^declare void @{MARKER}\(.*$",
        f"declare void @{MARKER}(i32) nounwind willreturn memory(inaccessiblemem: readwrite)",
        ir,
        flags=re.MULTILINE,
    )


_STORE = re.compile(r"^(\s*)store i(\d+) (%[\w.]+|-?\d+), (ptr .*)$", re.MULTILINE)
_LOAD = re.compile(r"^(\s*)(%[\w.]+) = load i(\d+), (ptr .*)$", re.MULTILINE)


def _whole_integers(ir: str) -> str:
    """Store and load integers above 64 bits as whole multiples of 64.

    Calls pass such integers in pieces of 64 bits, and the last piece reaches beyond the bits that
    a store of, say, i77 defines; LLVM could not see through that.
    """
    count = 0

    def store(found: re.Match[str]) -> str:
        nonlocal count
        indent, bits, value, rest = found[1], int(found[2]), found[3], found[4]
        whole = -(-bits // 64) * 64
        if bits <= 64 or whole == bits:
            return found[0]
        if not value.startswith("%"):
            return f"{indent}store i{whole} {int(value) % (1 << bits)}, {rest}"
        count += 1
        wide = f"%whole.{count}"
        widened = f"{indent}{wide} = zext i{bits} {value} to i{whole}"
        return f"{widened}\n{indent}store i{whole} {wide}, {rest}"

    def load(found: re.Match[str]) -> str:
        nonlocal count
        indent, name, bits, rest = found[1], found[2], int(found[3]), found[4]
        whole = -(-bits // 64) * 64
        if bits <= 64 or whole == bits:
            return found[0]
        count += 1
        wide = f"%whole.{count}"
        loaded = f"{indent}{wide} = load i{whole}, {rest}"
        return f"{loaded}\n{indent}{name} = trunc i{whole} {wide} to i{bits}"

    return _LOAD.sub(load, _STORE.sub(store, ir))
