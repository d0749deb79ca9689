"""A DATAFLOW region in a loop: how often it runs; each run finds what the last one left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from hls.errors import InputError
from hls.kernels import Kernel
from hls.lowering import lower
from hls.rtl import lower_source
from sim import fast, simulator
from sim.calls import MEMORY_BASE, Call, Job, Region
from sim.kernel import ENGINES, cosim_kernel
from sim.structure import structure
from sim.verilate import verilate

SOURCE = Path(__file__).parent / "lowering" / "steps.cpp"
WORDS = 24
"""That a run moves."""
RUNS = 7


def steps(folder: Path, text: str = SOURCE.read_text()) -> Kernel:
    """The file, or a variant of it, lowered."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "steps.cpp"
    source.write_text(text)
    lower_source(source, "steps", folder / "made")
    return Kernel.open(folder / "made")


def test_both_engines_run_it_as_often_as_told(tmp_path: Path) -> None:
    made = steps(tmp_path)
    for engine in ENGINES:
        for count in (0, 3):
            result = cosim_kernel(made, calls=2, given={"count": count}, stalls=0.3, engine=engine)
            assert result.match, result
    none = cosim_kernel(made, given={"count": 0}).cycles
    assert max(none) < 10


@pytest.mark.parametrize(
    ("loop", "least"),
    [
        ("for (unsigned i = 0; i < 1; ++i)", 1),
        ("for (ap_uint<3> i = 0; i != (count & 7); ++i)", 4),
        ("for (unsigned i = 0; i < count; ++i)\n  for (unsigned k = 0; k < 2; ++k)", 8),
    ],
)
def test_other_loops(loop: str, least: int, tmp_path: Path) -> None:
    """Whatever counts may call the region."""
    text = SOURCE.read_text()
    usual = "for (unsigned i = 0; i < count; ++i)"
    assert usual in text
    made = steps(tmp_path, text.replace(usual, loop))
    result = cosim_kernel(made, given={"count": 4}, stalls=0.2)
    assert result.match, result
    assert min(result.cycles) > least * WORDS


def test_the_report_says_how_often_it_runs(tmp_path: Path) -> None:
    region = lower(SOURCE, "steps").report["region"]
    assert region == {
        "name": "step", "called_by": "steps", "loop": "run", "times": "count", "latency_cycles": 28
    }  # fmt: skip
    constant = tmp_path / "steps.cpp"
    constant.write_text(SOURCE.read_text().replace("i < count", "i < 7"))
    report = lower(constant, "steps").report
    assert report["region"]["times"] == 7
    (loop,) = report["processes"][0]["loops"]
    assert loop["latency_cycles"] == 7 * (28 + 2)


# ---------------------------------------------------------------- from run to run through memory

_PROGRAM, _LAYERS = MEMORY_BASE + 64, MEMORY_BASE + 0x1000 + 64


def chained(made: Kernel, engine: str, stalls: float, seed: int) -> bool:
    """Whether runs that read what the one before wrote, in the same buffer, leave what they must.

    Reads and writes go through different adaptors, on one master, which share no order but that of
    the runs.
    """
    rng = np.random.default_rng(seed)
    memory = np.full(0x2000, 0xA5, np.uint8)
    # Run i reads where run i - 1 wrote, or a little beside, and writes to the other half.
    to = rng.integers(0, 9, RUNS + 1) + [40 * (i % 2) for i in range(RUNS + 1)]
    orders = [int(to[i] + rng.integers(0, 6)) | int(to[i + 1]) << 16 for i in range(RUNS)]
    layers = rng.integers(-(2**31), 2**31, 64 + WORDS, np.int64).astype(np.int32)
    for address, array in ((_PROGRAM, np.array(orders, np.uint64)), (_LAYERS, layers)):
        data = array.view(np.uint8)
        memory[address - MEMORY_BASE :][: data.size] = data
    regions = [Region("m_axi_gmem0", _PROGRAM, 8 * RUNS, False),
               Region("m_axi_gmem1", _LAYERS, layers.nbytes, True)]  # fmt: skip
    arguments = {"program": _PROGRAM, "layers": _LAYERS, "layers_out": _LAYERS, "bias": 5,
                 "count": RUNS}  # fmt: skip
    inside = structure("steps", made.folder / "rtl")
    job = Job(top="steps", manifest=made.interface, calls=[Call(arguments, regions=regions)],
              stalls=stalls, seed=seed, patience_cycles=20_000, fifos=inside.depths,
              processes=list(inside.reads), memory=memory,
              memory_latency=int(rng.integers(1, 80)), packets=False)  # fmt: skip
    model = verilate("steps", sorted((made.folder / "rtl").glob("*.v")), made.folder / "sim")
    if engine == "fast":
        finding = fast.run(model, job)
    else:
        finding = simulator.run(model, job, "sim.bench_kernel")
    assert finding.hang is None
    assert not finding.complaints
    assert finding.memory is not None
    wanted = expected(layers, orders)
    held = finding.memory[_LAYERS - MEMORY_BASE :][: layers.nbytes].view(np.int32)
    return bool((held == wanted).all())


def expected(layers: npt.NDArray[np.int32], orders: list[int]) -> npt.NDArray[np.int32]:
    """What the runs leave, in NumPy."""
    held = layers.copy()
    with np.errstate(over="ignore"):
        for i, order in enumerate(orders):
            start, end = order & 63, order >> 16 & 63
            taken = held[start : start + WORDS].copy()
            held[end : end + WORDS] = (taken * np.int32(3) + np.int32(5 + i + 16 * i))[::-1]
    return held


def test_a_run_reads_what_the_last_one_wrote(tmp_path: Path) -> None:
    made = steps(tmp_path)
    for seed in range(9):
        assert chained(made, "fast", (0.0, 0.3, 0.7)[seed % 3], seed), seed
    assert chained(made, "cocotb", 0.4, 1)


# ---------------------------------------------------------------- what the top may not do

HEAD = """#include <hls_stream.h>
static void move(hls::stream<int>& in, hls::stream<int>& out, int by) { out.write(in.read() + by); }
static void read(const int* a, hls::stream<int>& out, int i) { out.write(a[i]); }
static void write(hls::stream<int>& in, int* b, int i) { b[i] = in.read(); }
static void step(const int* a, int* b, int i) {
#pragma HLS DATAFLOW
  hls::stream<int> s;
  read(a, s, i);
  write(s, b, i);
}
static void other(const int* a, int* b, int i) {
#pragma HLS DATAFLOW
  hls::stream<int> s, t;
  read(a, s, i);
  move(s, t, i);
  write(t, b, i);
}
void f(const int* a, int* b, unsigned n, hls::stream<int>& t) {
"""
REFUSED = {
    "memory": (
        "for (unsigned i = 0; i < n; ++i) {\n  b[i] = 0;\n  step(a, b, i);\n}\n}",
        r"f\.cpp:20: f calls the DATAFLOW function step and may only count beside that; move what ",
    ),
    "an array": (
        "int c[9];\nfor (int i = 0; i < 9; ++i)\n  c[i] = i * i;\n"
        "for (unsigned i = 0; i < n; ++i)\n  step(a, b, c[n & 7]);\n}",
        r"f\.cpp:2\d: f calls the DATAFLOW function step and may only count beside that",
    ),
    "a call in two places": (
        "for (unsigned i = 0; i < n; ++i) {\n  step(a, b, i);\n  step(a, b, i + 1);\n}\n}",
        r"f\.cpp:21: f calls the DATAFLOW function step in several places; call it in one",
    ),
    "two regions": (
        "for (unsigned i = 0; i < n; ++i) {\n  step(a, b, i);\n  other(a, b, i);\n}\n}",
        r"f\.cpp:\d+: f calls the DATAFLOW functions step and other; call one, whose",
    ),
    "a pipelined loop": (
        "for (unsigned i = 0; i < n; ++i) {\n#pragma HLS PIPELINE\n  step(a, b, i);\n}\n}",
        r"f\.cpp:20: f calls the DATAFLOW function step in a pipelined loop; its calls run one",
    ),
    "a moved pointer": (
        "for (unsigned i = 0; i < n; ++i)\n  step(a + i, b, 0);\n}",
        r"f\.cpp:20: f calls the DATAFLOW function step with a pointer that is not an argument of ",
    ),
    "a process beside": (
        "for (unsigned i = 0; i < n; ++i) {\n  step(a, b, i);\n  read(a, t, i);\n}\n}",
        r"f\.cpp:21: read is a process of the DATAFLOW region, and called by another one too",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_loop_may_not_do_is_refused_in_words(case: str, tmp_path: Path) -> None:
    text, message = REFUSED[case]
    source = tmp_path / "f.cpp"
    source.write_text(HEAD + text)
    with pytest.raises(InputError, match=message):
        lower(source, "f")
