"""Cosimulation of C++ files of one's own: right ones match, every difference is found."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import Lineloom

from hls.errors import CheckFailed, InputError
from hls.gemm import MEMORY_LATENCY_CYCLES
from hls.kernels import Kernel
from hls.rtl import lower_source
from sim.kernel import ENGINES, cosim_kernel

SOURCES = Path(__file__).parent / "lowering"
FOLDERS = Path(__file__).parent.parent / "build" / "tests" / "kernels"

SIZES = {
    "fir": {"samples": 50},
    "histogram": {"pixels": 700},
    "matvec": {"rows": 9, "cols": 37},
}


def kernel(name: str, folder: Path = FOLDERS) -> Kernel:
    """One of the files of tests/lowering, lowered."""
    lower_source(SOURCES / f"{name}.cpp", name, folder / name)
    return Kernel.open(folder / name)


@pytest.mark.parametrize("stalls", [0.0, 0.3])
@pytest.mark.parametrize("name", SIZES)
def test_a_users_own_file_matches(name: str, stalls: float) -> None:
    result = cosim_kernel(kernel(name), given=SIZES[name], stalls=stalls, seed=1)
    assert result.match, result
    assert result.outputs > 50


CONSTRUCTS = {
    "types": {},
    "wide": {"count": 7},
    "division": {"count": 11},
    "bits": {"count": 60},
    "funnel": {"count": 60},
    "ports": {},
    "structs": {"count": 40},
    "state": {},
    "control": {"rows": 12, "cols": 9},
    "whiles": {},
    "functions": {"times": 5},
    "dataflow": {"count": 30},
    "partition": {},
    "axis": {},
    "masters": {"count": 13},
    "hazard": {"count": 20},
    "wires": {},
    "endless": {},
    "loops": {},
    "whole": {},
    "pointers": {},
    "processes": {},
    "search": {},
    "copy": {"count": 600},
    "bundle": {"count": 500},
    "shared": {},
    "waits": {},
    "told": {"count": 90},
    "namespaces": {"frames": 4, "words": 12},
    "variables": {},
    "steps": {"count": 5},
}
"""What each file of tests/lowering is given; its first line says which constructs it has."""


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_each_construct_matches_under_stalls(name: str) -> None:
    made = kernel(name)
    for stalls in (0.3, 0.0):
        result = cosim_kernel(made, calls=3, given=CONSTRUCTS[name], stalls=stalls, seed=2)
        assert result.match, result


@pytest.mark.parametrize("name", ["bundle", "shared"])
def test_pointers_of_one_bundle_match_in_cocotb(name: str) -> None:
    """Memory with another order of its channels: more stalls, narrow words, several writers."""
    result = cosim_kernel(kernel(name), calls=2, given=CONSTRUCTS[name], stalls=0.4, seed=3,
                          engine="cocotb")  # fmt: skip
    assert result.match, result


def test_words_of_five_widths_share_a_master(tmp_path: Path) -> None:
    """From 8 to 128 bits, one of the pointers both read and written."""
    text, count = re.subn(r" bundle=gmem\d", "", (SOURCES / "masters.cpp").read_text())
    assert count == 5
    (tmp_path / "masters.cpp").write_text(text)
    lower_source(tmp_path / "masters.cpp", "masters", tmp_path / "made")
    made = Kernel.open(tmp_path / "made")
    for stalls in (0.0, 0.4):
        result = cosim_kernel(made, calls=3, given={"count": 13}, stalls=stalls, seed=4)
        assert result.match, result


def test_two_readers_keep_their_port_busy() -> None:
    """1000 words are read through one port, in 1.00 cycle each plus the way there."""
    given = {"count": 500}
    result = cosim_kernel(kernel("bundle"), given=given, engine="fast")
    assert max(result.cycles) < 1000 + 40


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("bundle_read", "wants = asks & fits", "wants = asks"),
        ("bundle_write", "wants = asks & complete", "wants = asks"),
    ],
)
def test_a_burst_without_room_or_words_would_hang(
    file: str, old: str, new: str, tmp_path: Path
) -> None:
    """What the rules of a shared master are there for."""
    kernel("waits", tmp_path)
    rtl = tmp_path / "waits" / "rtl" / f"waits_{file}.v"
    text = rtl.read_text()
    assert old in text
    assert cosim_kernel(Kernel.open(tmp_path / "waits"), calls=1).match
    rtl.write_text(text.replace(old, new))
    with pytest.raises(CheckFailed, match="runs while stream"):
        cosim_kernel(Kernel.open(tmp_path / "waits"), calls=1, patience_cycles=2000)


@pytest.mark.parametrize("limited", ["read", "write"])
def test_lengths_and_numbers_of_bursts_are_those_of_the_pragma(
    limited: str, tmp_path: Path
) -> None:
    """With one burst under way, each costs the memory's latency; with several, none does."""
    options = {"read": (64, 16), "write": (64, 16)} | {limited: (16, 1)}
    pragmas = "".join(
        f"#pragma HLS INTERFACE m_axi port={side[0]} bundle={side} depth=640 "
        f"max_{side}_burst_length={longest} num_{side}_outstanding={bursts}\n"
        for side, (longest, bursts) in options.items()
    )
    loop = "for (int i = 0; i < 640; ++i) {\n#pragma HLS PIPELINE\n"
    source = tmp_path / "f.cpp"
    source.write_text(
        f"void f(const int* r, int* w) {{\n{pragmas}int sum = 0;\n"
        f"{loop}sum ^= r[i] + i;\n}}\n{loop}w[i] = sum + i;\n}}\n}}\n"
    )
    lower_source(source, "f", tmp_path / "f")
    result = cosim_kernel(Kernel.open(tmp_path / "f"), calls=1)
    assert result.match, result
    least = 2 * 640 + (640 // 16) * MEMORY_LATENCY_CYCLES
    assert least <= result.cycles[0] < least + 40 * 5


@pytest.mark.parametrize("name", ["fir", "matvec", "axis"])
def test_both_engines_take_the_same_cycles(name: str) -> None:
    given = SIZES.get(name, {})
    results = [cosim_kernel(kernel(name), given=given, engine=e) for e in ENGINES]
    assert all(result.match for result in results)
    assert results[0].cycles == results[1].cycles


@pytest.mark.parametrize("name", ["wires", "endless"])
def test_kernels_without_registers_run_in_cocotb(name: str) -> None:
    assert cosim_kernel(kernel(name), stalls=0.3, engine="cocotb").match


def test_the_documented_commands(lineloom: Lineloom, tmp_path: Path) -> None:
    folder = tmp_path / "fir"
    lowered = lineloom(
        "lower", "--source", SOURCES / "fir.cpp", "--top", "fir", "-o", folder, "--json"
    )
    assert lowered.code == 0
    np.savez(tmp_path / "in.npz", **{"in": np.arange(20), "in.TKEEP": np.arange(20) % 16},
             samples=20)  # fmt: skip
    ran = lineloom("cosim", folder, "--inputs", tmp_path / "in.npz", "--stalls", "0.3", "--json",
                   "--engine", "fast")  # fmt: skip
    assert ran.code == 0
    # 20 beats with four signals, of each of two calls
    assert (ran.json["match"], ran.json["outputs"]) == (True, 160)
    refused = lineloom("cosim", folder, "--frames", "3")
    assert refused.code == 2
    assert "--frames does not apply to a C++ file" in refused.err
    refused = lineloom("cosim", folder, "--memory-bandwidth", 8)
    assert "--memory-bandwidth does not apply to a C++ file" in refused.err


def test_a_wrong_value_is_found(tmp_path: Path) -> None:
    kernel("fir", tmp_path)
    rtl = tmp_path / "fir" / "rtl" / "fir_fir.v"
    text = rtl.read_text()
    assert " - " in text
    rtl.write_text(text.replace(" - ", " + ", 1))
    result = cosim_kernel(Kernel.open(tmp_path / "fir"), given=SIZES["fir"])
    assert not result.match
    assert result.first_mismatch is not None
    assert result.first_mismatch["argument"] == "out"
    assert result.first_mismatch["signal"] == "TDATA"


def test_a_write_elsewhere_is_found(tmp_path: Path) -> None:
    kernel("matvec", tmp_path)
    rtl = tmp_path / "matvec" / "rtl" / "matvec.v"
    text = rtl.read_text()
    assert ".base(y)" in text
    rtl.write_text(text.replace(".base(y)", ".base(y + 64'd4096)", 1))
    result = cosim_kernel(Kernel.open(tmp_path / "matvec"), given=SIZES["matvec"])
    assert not result.match
    assert any("outside its buffer" in text for text in result.violations)
    assert any("memory beside the arrays changed" in text for text in result.violations)


def test_a_hang_says_who_waits(tmp_path: Path) -> None:
    kernel("fir", tmp_path)
    rtl = tmp_path / "fir" / "rtl" / "fir.v"
    text = rtl.read_text()
    old = "assign in_put = in_r_TVALID;"
    assert old in text
    rtl.write_text(text.replace(old, "assign in_put = 1'b0;"))
    with pytest.raises(CheckFailed, match="process fir runs while stream in_port is empty"):
        cosim_kernel(Kernel.open(tmp_path / "fir"), given=SIZES["fir"], patience_cycles=1000)


def test_inputs_are_judged() -> None:
    fir, matvec = kernel("fir"), kernel("matvec")
    for given, message in (
        ({"sample": 3}, r"sample: there is no such input; there are in, samples, in\.TKEEP, "),
        ({"samples": -1}, r"samples: -1 is outside 0\.\.4294967295, the values of 32 bits"),
        ({"samples": [1, 2]}, "samples: is a scalar and has 2 values"),
        ({"in": np.zeros(3)}, "in: has dtype float64; give integers"),
        ({"in": [1, 2], "in.TLAST": [1]}, r"in\.TLAST: has 1 values for 2 beats"),
    ):
        with pytest.raises(InputError, match=message):
            cosim_kernel(fir, given=given)
    with pytest.raises(InputError, match="calls=0 is not positive"):
        cosim_kernel(matvec, calls=0)


def test_a_program_that_stops_says_why() -> None:
    with pytest.raises(CheckFailed, match=r"C-sim of fir stopped: .* is read while empty"):
        cosim_kernel(kernel("fir"), given={"samples": 5, "in": [1, 2]})


def test_a_changed_file_has_to_be_lowered_again(tmp_path: Path) -> None:
    shutil.copy(SOURCES / "fir.cpp", tmp_path)
    lower_source(tmp_path / "fir.cpp", "fir", tmp_path / "build")
    (tmp_path / "fir.cpp").write_text((SOURCES / "fir.cpp").read_text() + "\n")
    with pytest.raises(InputError, match="changed since it was lowered"):
        Kernel.open(tmp_path / "build")
    with pytest.raises(InputError, match=r"has no kernel\.json; make one with lineloom lower"):
        Kernel.open(tmp_path)


def test_a_wire_does_not_start_a_kernel_before_the_call() -> None:
    """Found by this bench: inputs are random until they are driven."""
    for seed in range(6):
        assert cosim_kernel(kernel("wires"), calls=1, seed=seed, stalls=0.3).match


def test_what_is_told_first_does_not_slow_down_memory() -> None:
    """Words come one a cycle although a stream tells how many, so addresses run ahead."""
    result = cosim_kernel(kernel("told"), given={"count": 90}, calls=1)
    assert result.cycles[0] < 90 + 40, result
