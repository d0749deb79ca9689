"""C-sim of a user's own C++: the top function runs natively, in a process of its own.

`native.cpp` deduces the types of the arguments from the function. Undefined behaviour of the C++
(an index beyond an array, a shift by more than the width) ends the run with its line: such a
program may legitimately do something else in hardware. Signed overflow wraps, as in hardware.
"""

from __future__ import annotations

import hashlib
import json
import struct
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hls import tools
from hls.errors import CheckFailed, ToolFailed
from hls.kernels import Kernel
from hls.rendering import INCLUDE

__all__ = ["Answer", "Native", "Signature", "Stimulus", "native"]

Bytes = npt.NDArray[np.uint8]

_HERE = Path(__file__).parent
_FLAGS = ("-std=c++17", "-O1", "-g1", "-fwrapv", "-fsanitize=undefined",
          "-fno-sanitize=signed-integer-overflow,alignment", "-Wno-unknown-pragmas",
          "-Wno-unused-label")  # fmt: skip
_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Signature:
    """What C++ says of an argument: kind, width and sign of its elements."""

    name: str
    kind: str
    """scalar, pointer, stream or return"""
    bits: int
    bytes: int
    """Of a scalar, or of the data of a beat."""
    signed: bool
    integer: bool
    """False for structs, whose bytes are taken as they lie in memory."""
    element_bytes: int
    """Of an element in memory."""
    sides: Mapping[str, int] = field(default_factory=dict)
    """Side channels of a beat, with their bits."""

    @property
    def beat_bytes(self) -> int:
        """Bytes of a beat with all its side channels."""
        return self.bytes + sum(-(-bits // 8) for bits in self.sides.values())


@dataclass(frozen=True)
class Stimulus:
    """What one call gets, by argument, as bytes.

    A scalar has [bytes], a pointer [elements, element_bytes], a stream [beats, beat_bytes].
    """

    values: dict[str, Bytes]


@dataclass(frozen=True)
class Answer:
    """What one call did, by argument."""

    memories: dict[str, Bytes]
    """Pointer -> its elements afterwards."""
    written: dict[str, Bytes]
    """Output stream -> beats [beats, beat_bytes]."""
    left: dict[str, int]
    """Input stream -> beats that are still in it."""
    result: Bytes | None
    """What was returned."""


@dataclass(frozen=True)
class Native:
    """A compiled kernel."""

    kernel: Kernel
    program: Path

    @cached_property
    def signatures(self) -> list[Signature]:
        """The arguments in their order."""
        names = [argument["name"] for argument in self.kernel.interface["arguments"]]
        described = self._described["arguments"]
        return [_signature(name, data) for name, data in zip(names, described, strict=True)]

    @cached_property
    def result(self) -> Signature | None:
        """What is returned."""
        data = self._described["return"]
        return None if data is None else _signature("return", data)

    @cached_property
    def _described(self) -> dict[str, Any]:
        text = tools.run([self.program, "describe"], what=f"C-sim of {self.kernel.top}")
        data: dict[str, Any] = json.loads(text)
        return data

    def run(self, stimuli: Sequence[Stimulus], inputs: set[str]) -> list[Answer]:
        """Make the calls, one after the other in one process.

        Args:
            stimuli: what each call gets.
            inputs: names of the streams that are read.

        Raises:
            CheckFailed: the program stopped: it read an empty stream, or did something undefined.
        """
        data = struct.pack("<q", len(stimuli))
        for stimulus in stimuli:
            for signature in self.signatures:
                values = stimulus.values[signature.name]
                if signature.kind == "pointer":
                    data += struct.pack("<q", values.size)
                elif signature.kind == "stream":
                    data += struct.pack("<q", len(values))
                data += values.tobytes()
                if signature.kind == "stream":
                    data += struct.pack("<q", signature.name in inputs)
        with tempfile.TemporaryDirectory(prefix="lineloom-") as scratch:
            given, made = Path(scratch) / "given", Path(scratch) / "made"
            given.write_bytes(data)
            try:
                tools.run([self.program, "run", given, made], timeout_s=_TIMEOUT_S,
                          what=f"C-sim of {self.kernel.top}")  # fmt: skip
            except ToolFailed as error:
                raise CheckFailed(_reason(str(error))) from None
            answer = _Reader(made.read_bytes())
        return [self._answer(answer, stimulus, inputs) for stimulus in stimuli]

    def _answer(self, made: _Reader, stimulus: Stimulus, inputs: set[str]) -> Answer:
        result = None if self.result is None else made.take(self.result.bytes)
        memories, written, left = {}, {}, {}
        for signature in self.signatures:
            if signature.kind == "pointer":
                given = stimulus.values[signature.name]
                memories[signature.name] = made.take(given.size).reshape(given.shape)
            elif signature.kind == "stream":
                count = made.number()
                if signature.name in inputs:
                    left[signature.name] = count
                else:
                    beats = made.take(count * signature.beat_bytes)
                    written[signature.name] = beats.reshape(count, signature.beat_bytes)
        return Answer(memories, written, left, result)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> Bytes:
        self._at += count
        return np.frombuffer(self._data, np.uint8, count, self._at - count).copy()

    def number(self) -> int:
        return int(self.take(8).view(np.int64)[0])


def _signature(name: str, data: Mapping[str, Any]) -> Signature:
    return Signature(name=name, kind=data["kind"], bits=data["bits"], bytes=data["bytes"],
                     signed=data["signed"], integer=data["integer"],
                     element_bytes=data.get("element_bytes", data["bytes"]),
                     sides=data.get("sides", {}))  # fmt: skip


def _reason(printed: str) -> str:
    """The message of a stopped program without the stack that a sanitizer prints."""
    lines = [line for line in printed.splitlines() if line.strip()]
    told = [line for line in lines[1:] if not line.startswith((" ", "???", "Unwind", "0x"))]
    return f"{lines[0].split(' failed ')[0]} stopped: {' '.join(told[:2]) or lines[0]}"


def native(kernel: Kernel) -> Native:
    """Compile a kernel, or find it compiled.

    Raises:
        ToolFailed: the C++ does not compile.
    """
    defines = [f'-DLINELOOM_SOURCE="{kernel.source.resolve()}"', f"-DLINELOOM_TOP={kernel.top}"]
    includes = [f"-I{folder}" for folder in [kernel.source.parent, *kernel.includes, INCLUDE]]
    command = [*tools.cxx(), *_FLAGS, *defines, *includes, str(_HERE / "native.cpp")]
    key = hashlib.sha256("\0".join(command).encode())
    for file in [_HERE / "native.cpp", *kernel.files, *sorted(INCLUDE.glob("*.h"))]:
        key.update(file.read_bytes())
    made = tools.cache_folder() / "native" / key.hexdigest()[:32]
    if not made.is_file():
        made.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=made.parent) as scratch:
            built = Path(scratch) / "program"
            tools.run([*command, "-o", built], what=f"compiling {kernel.top} for C-sim")
            built.rename(made)
    return Native(kernel, made)
