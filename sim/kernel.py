"""Cosimulation of a user's own C++: the same calls natively and in RTL, compared bit for bit.

What C-sim reads of a stream is fed to the RTL, and what C-sim puts out has to come out. Memories
are compared as a whole, so that a write beside a buffer is found as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hls.errors import CheckFailed, InputError
from hls.kernels import Kernel
from sim import fast
from sim.calls import MEMORY_BASE, Call, Finding, Job, Region
from sim.hang import hang_text
from sim.native import Native, Signature, native
from sim.stimuli import from_bytes, stimulus
from sim.structure import structure
from sim.verilate import verilate

__all__ = ["ENGINES", "KernelResult", "cosim_kernel"]

Bytes = npt.NDArray[np.uint8]

ENGINES = ("cocotb", "fast")
RESULT = "ap_return"

_PATIENCE_CYCLES = 200_000
_GUARD = 0xA5
_PAGE_BYTES = 4096
_SHIFT_BYTES = 128
"""Buffers begin beside page boundaries, so that bursts have to be cut at them."""


@dataclass(frozen=True)
class KernelResult:
    """What a cosimulation of a kernel found."""

    match: bool
    """All outputs are right and no rule of a protocol was broken."""
    mismatches: int
    """Wrong elements, beats and returned values, in all calls."""
    first_mismatch: dict[str, Any] | None
    """Call, argument, index, got and expected of the first; of a stream also the signal."""
    violations: list[str]
    outputs: int
    """Compared elements of memories, beats and returned values."""
    cycles: list[int]
    """From start to done, by call."""
    fifos: dict[str, dict[str, int]]
    """Stream -> most words that it held, and its depth."""
    stalls: float
    seed: int
    engine: str
    cycles_per_second: float
    waves: Path | None


def cosim_kernel(
    kernel: Kernel,
    *,
    calls: int = 2,
    given: Mapping[str, Any] | Sequence[Mapping[str, Any]] = (),
    stalls: float = 0.0,
    seed: int = 0,
    engine: str = "fast",
    waves: bool = False,
    patience_cycles: int = _PATIENCE_CYCLES,
) -> KernelResult:
    """Run the Verilog of a lowered C++ file against the C++ itself.

    Args:
        kernel: what `lineloom lower --source` made.
        calls: how often the function is called, without a reset in between.
        given: inputs by argument, for all calls or one mapping for each; else random: scalars from
            0 to 16, arrays of the size in their pragma, 4096 beats on offer.
        stalls: share of cycles in which each port pauses.
        seed: of what is random.
        engine: "cocotb" or "fast".
        waves: write a VCD file.
        patience_cycles: a design at whose ports nothing moves for longer hangs.

    Raises:
        InputError: an argument is outside its range.
        CheckFailed: C-sim stops, or the RTL hangs.
    """
    if engine not in ENGINES:
        raise InputError(f"engine={engine!r} is not known; use {' or '.join(ENGINES)}")
    if not 0 <= stalls <= 0.9:
        raise InputError(f"stalls={stalls} is outside 0..0.9, the share of cycles to pause in")
    if calls < 1:
        raise InputError(f"calls={calls} is not positive; use 1 or more")
    each = [given] * calls if isinstance(given, Mapping) else [*given] or [{}] * calls
    run = _Run(kernel, native(kernel), each, seed)
    files = sorted((kernel.folder / "rtl").glob("*.v"))
    place = kernel.folder / "sim"
    wires = [a["signal"] for a in kernel.interface["arguments"] if a["port"] == "wire"]
    model = verilate(kernel.top, files, place, waves=waves, wires=wires)
    inside = structure(kernel.top, kernel.folder / "rtl")
    job = run.job(stalls, seed, int(patience_cycles / (1 - stalls)), inside)
    vcd = (place / f"{kernel.top}.vcd").resolve() if waves else None
    if engine == "fast":
        finding = fast.run(model, job, waves=vcd, folder=kernel.folder / "rtl")
    else:
        from sim import simulator

        finding = simulator.run(model, job, "sim.bench_kernel", waves=vcd,
                                folder=kernel.folder / "rtl")  # fmt: skip
    if finding.hang is not None:
        raise CheckFailed(hang_text(job, finding, finding.hang, inside))
    differences = [d for call in range(len(job.calls)) for d in run.differences(call, finding)]
    violations = [*finding.complaints, *run.strays(finding)]
    return KernelResult(
        match=not differences and not violations,
        mismatches=len(differences),
        first_mismatch=differences[0] if differences else None,
        violations=violations,
        outputs=run.outputs,
        cycles=[beats.done - beats.start for beats in finding.calls],
        fifos={name: {"most": most, "depth": inside.depths[name]}
               for name, most in finding.marks.items()},
        stalls=stalls,
        seed=seed,
        engine=engine,
        cycles_per_second=finding.cycles / max(finding.seconds, 1e-9),
        waves=vcd,
    )  # fmt: skip


class _Run:
    """The calls of one cosimulation: what C-sim did, as jobs for an engine and to compare with."""

    def __init__(
        self, kernel: Kernel, program: Native, each: Sequence[Mapping[str, Any]], seed: int
    ) -> None:
        self._kernel, self._program = kernel, program
        interface = kernel.interface
        self._ports = {argument: port | own for port in interface["ports"]
                       for argument, own in _arguments(port).items()}  # fmt: skip
        self._inputs = {name for name, port in self._ports.items()
                        if port["protocol"] == "axis" and port["direction"] == "in"}  # fmt: skip
        self._signatures = {s.name: s for s in program.signatures}
        depths = {a["name"]: a["depth"] for a in interface["arguments"] if "depth" in a}
        # An array that is not touched has no port, and no size that would matter.
        depths |= {s.name: depths.get(s.name, 1) for s in program.signatures
                   if s.name not in self._ports}  # fmt: skip
        rng = np.random.default_rng(seed)
        self._stimuli = [
            stimulus(program.signatures, given, self._inputs, depths, rng) for given in each
        ]
        self._answers = program.run(self._stimuli, self._inputs)
        self._sent = self._taken()
        self._regions: list[dict[str, Region]] = []
        self.outputs = 0

    # ------------------------------------------------------------------ the job

    def job(self, stalls: float, seed: int, patience_cycles: int, inside: Any) -> Job:
        """What an engine has to do."""
        self._regions, memory = self._layout()
        calls = [self._call(index) for index in range(len(self._stimuli))]
        return Job(
            top=self._kernel.top,
            manifest=self._kernel.interface,
            calls=calls,
            stalls=stalls,
            seed=seed,
            patience_cycles=patience_cycles,
            fifos=inside.depths,
            processes=list(inside.reads),
            memory=memory,
            packets=False,
        )

    def _taken(self) -> list[dict[str, Bytes]]:
        """The beats that C-sim read in each call; a stream hands on what was left over."""
        queues = {name: np.zeros((0, self._signatures[name].beat_bytes), np.uint8)
                  for name in self._inputs}  # fmt: skip
        result = []
        for offered, answer in zip(self._stimuli, self._answers, strict=True):
            taken = {}
            for name in self._inputs:
                queue = np.concatenate([queues[name], offered.values[name]])
                count = len(queue) - answer.left[name]
                taken[name], queues[name] = queue[:count], queue[count:]
            result.append(taken)
        return result

    def _call(self, index: int) -> Call:
        values, answer = self._stimuli[index].values, self._answers[index]
        arguments, wires = {}, {}
        for argument in self._kernel.interface["arguments"]:
            name = argument["name"]
            if argument["port"] not in ("register", "wire"):
                continue
            if argument["kind"] == "pointer":
                region = self._regions[index].get(name)
                value = 0 if region is None else region.address
            else:
                signature = self._signatures[name]
                mask = (1 << signature.bits) - 1
                value = int.from_bytes(values[name].tobytes(), "little") & mask
            if argument["port"] == "register":
                arguments[name] = value
            else:
                wires[argument["signal"]] = value
        sends, sides = {}, {}
        for name in self._inputs:
            port = self._ports[name]["name"]
            parts = self._parts(name, self._sent[index][name])
            sends[port] = parts.pop("TDATA")
            sides[port] = parts
        receives = {self._ports[n]["name"]: len(b) for n, b in answer.written.items()
                    if n in self._ports}  # fmt: skip
        return Call(
            arguments,
            sends,
            receives,
            sides=sides,
            wires=wires,
            results=() if self._program.result is None else (RESULT,),
            regions=list(self._regions[index].values()),
        )

    def _parts(self, name: str, beats: Bytes) -> dict[str, Bytes]:
        """A stream's beats by signal."""
        signature, at, parts = self._signatures[name], 0, {}
        # TDATA of a struct has its bytes, of an integer as many as its bits need.
        widths = {"TDATA": signature.bytes}
        widths |= {side: -(-bits // 8) for side, bits in signature.sides.items()}
        for side, width in widths.items():
            parts[side] = np.ascontiguousarray(beats[:, at : at + width])
            at += width
        wanted = self._ports[name]["width_bits"] // 8
        short = wanted - parts["TDATA"].shape[1]
        parts["TDATA"] = np.ascontiguousarray(np.pad(parts["TDATA"], ((0, 0), (0, short))))
        return parts

    def _layout(self) -> tuple[list[dict[str, Region]], Bytes | None]:
        """Where each buffer of each call lies, and the memory before the first call."""
        address = MEMORY_BASE
        regions: list[dict[str, Region]] = []
        pieces: list[tuple[Region, Bytes]] = []
        for values in (s.values for s in self._stimuli):
            here: dict[str, Region] = {}
            for name, signature in self._signatures.items():
                if signature.kind != "pointer" or name not in self._ports:
                    continue
                port, array = self._ports[name], values[name]
                address += _SHIFT_BYTES
                here[name] = Region(port["name"], address, array.size,
                                    port["direction"] != "in", port["width_bits"] // 8)  # fmt: skip
                pieces.append((here[name], array))
                address += -(-array.size // _PAGE_BYTES) * _PAGE_BYTES
            regions.append(here)
        if not pieces:
            return regions, None
        memory = np.full(address + _PAGE_BYTES - MEMORY_BASE, _GUARD, np.uint8)
        for region, array in pieces:
            _place(memory, region)[:] = array.reshape(-1)
        return regions, memory

    # ------------------------------------------------------------------ judging

    def differences(self, call: int, finding: Finding) -> list[dict[str, Any]]:
        """Each output of a call that is not what C-sim had."""
        answer, beats = self._answers[call], finding.calls[call]
        found: list[dict[str, Any]] = []

        def compare(argument: str, got: Bytes, wanted: Bytes, signature: Signature,
                    **where: Any) -> None:  # fmt: skip
            self.outputs += len(wanted)
            for index in np.flatnonzero((got != wanted).any(axis=1)):
                found.append({
                    "call": call, "argument": argument, **where, "index": int(index),
                    "got": from_bytes(got[index], signature),
                    "expected": from_bytes(wanted[index], signature),
                })  # fmt: skip

        result = self._program.result
        if result is not None and answer.result is not None:
            got = beats.results[RESULT] & ((1 << result.bits) - 1)
            width = result.bytes
            row = np.frombuffer(got.to_bytes(max(width, 8), "little")[:width], np.uint8)
            mask = (1 << result.bits) - 1
            wanted = int.from_bytes(answer.result.tobytes(), "little") & mask
            expected = np.frombuffer(wanted.to_bytes(width, "little"), np.uint8)
            compare("return", row[None], expected[None], result)
        for name, region in self._regions[call].items():
            assert finding.memory is not None
            wanted_memory = answer.memories[name]
            held = _place(finding.memory, region).reshape(wanted_memory.shape)
            compare(name, held, wanted_memory, self._signatures[name])
        for name, expected in answer.written.items():
            if name not in self._ports:
                continue
            signature = self._signatures[name]
            parts = self._parts(name, expected)
            data = beats.data[self._ports[name]["name"]]
            at = 0
            for side, values in parts.items():
                width = values.shape[1]
                like = signature
                if side != "TDATA":
                    bits = signature.sides[side]
                    like = Signature(side, "scalar", bits, width, False, True, width)
                compare(name, data[:, at : at + width], values, like, signal=side)
                at += width
        for name in self._inputs:
            port = self._ports[name]["name"]
            sent = len(beats.cycles[port])
            wanted_beats = len(self._sent[call][name])
            if sent != wanted_beats:
                found.append({"call": call, "argument": name, "index": sent,
                              "got": f"{sent} beats read", "expected": wanted_beats})  # fmt: skip
        return found

    def strays(self, finding: Finding) -> list[str]:
        """A complaint if memory beside the buffers changed."""
        if finding.memory is None:
            return []
        changed = finding.memory != _GUARD
        for regions in self._regions:
            for region in regions.values():
                _place(changed.view(np.uint8), region)[:] = 0
        at = np.flatnonzero(changed)
        if not len(at):
            return []
        return [f"memory beside the arrays changed: {len(at)} bytes, the first at "
                f"{MEMORY_BASE + int(at[0]):#x}"]  # fmt: skip


def _arguments(port: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What comes through a port: argument -> direction and width of its own, if it has them."""
    own: dict[str, dict[str, Any]] = port.get("arguments") or {port["argument"]: {}}
    return own


def _place(memory: Bytes, region: Region) -> Bytes:
    first = region.address - MEMORY_BASE
    return memory[first : first + region.size_bytes]
