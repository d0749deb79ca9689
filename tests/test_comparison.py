"""lineloom algorithms: files of layers, their comparison, and its picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Lineloom

from hls.algorithms import CANDIDATES
from hls.boards import board
from hls.comparison import compare
from hls.errors import InputError, ToolNotFound
from hls.layers import Layer, read_layers
from hls.plots import plot

LAYERS = ROOT / "benchmarks" / "layers.csv"
HEAD = "name,networks,kernel,size,in_channels,out_channels"
TWO = f"{HEAD}\n# a comment\none,AG,3,14,64,32\n\ntwo,G,1,7,832,256\n"


@pytest.fixture
def two(tmp_path: Path) -> Path:
    file = tmp_path / "two.csv"
    file.write_text(TWO)
    return file


def test_all_layers_of_five_networks_are_in_the_file() -> None:
    layers = read_layers(LAYERS)
    assert len(layers) == 97
    counts = {n: sum(n in layer.networks for layer in layers) for n in "AGRSV"}
    assert counts == {"A": 4, "G": 48, "R": 16, "S": 21, "V": 9}
    for layer in layers:
        network, shape = layer.name.split("_", 1)
        assert network[0].upper() in layer.networks
        assert shape == (f"{layer.size}x{layer.size}x{layer.in_channels}_{layer.out_channels}"
                         f"k{layer.kernel}")  # fmt: skip


def test_the_table_of_all_layers(lineloom: Lineloom) -> None:
    found = lineloom("algorithms", "--layers", LAYERS, "--board", "pynq-z2", "--json").json
    assert len(found["layers"]) == 97
    for layer in found["layers"]:
        by = layer["algorithms"]
        assert list(by) == list(CANDIDATES)
        assert by[layer["best"]]["fits"]
        compulsory = min(cost["dram_bytes"] for cost in by.values())
        assert by["im2col"]["dram_bytes"] > compulsory
        for cost in by.values():
            assert cost["cycles"] >= layer["macs"] / cost["multipliers"]
            assert cost["multipliers"] <= 64
            assert cost["fits"] == (not cost["problems"])
    for initial, network in found["networks"].items():
        own = [layer for layer in found["layers"] if initial in layer["networks"]]
        for name in CANDIDATES:
            for what in ("cycles", "dram_bytes"):
                total = sum(layer["algorithms"][name][what] for layer in own)
                assert network["algorithms"][name][what] == total
        assert sum(network["best"]["wins"].values()) == len(own)
        assert network["direct_to_im2col"]["dram_bytes"] < 0.3  # what the transformation costs


def test_the_table_in_print(two: Path, lineloom: Lineloom) -> None:
    out = lineloom("algorithms", "--layers", two).out
    assert "memory of 21 bytes a cycle and 30 cycles of latency" in out
    lines = [line.split() for line in out.splitlines()]
    rows = {line[0]: line for line in lines if line and line[0] in ("one", "two", "GoogLeNet")}
    assert rows["one"][9] in CANDIDATES
    assert rows["GoogLeNet"][1] == "2"
    assert "…" not in out


def test_what_cannot_be_is_marked() -> None:
    layer = Layer(name="wide", networks="X", kernel=3, size=200, in_channels=8, out_channels=8)
    found = compare([layer], board("pynq-z2"), batch=2)
    (row,) = found["layers"]
    assert list(row["algorithms"]) == ["direct"]
    assert "makes a matrix of 80000 rows" in row["refused"]["kn2row"]
    assert row["direct_to_im2col"] is None
    sums = found["networks"]["X"]["algorithms"]["kn2row"]
    assert (sums["cycles"], sums["refused"]) == (0, 1)


def test_a_batch_divides_the_traffic_of_weights(two: Path, lineloom: Lineloom) -> None:
    one, eight = (lineloom("algorithms", "--layers", two, "--batch", n, "--json").json["layers"][1]
                  ["algorithms"]["kn2row"]["port_bytes"]["b"] for n in (1, 8))  # fmt: skip
    assert one == eight


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds no line; the first one is name,networks,kernel"),
        (HEAD, "holds no layer; add lines below the first one"),
        (HEAD.replace(",size", ""), ":1: has no column size; name all of name,networks"),
        (HEAD + ",speed", ":1: column 'speed' is unknown or there twice"),
        (f"{HEAD}\na,A,3,14,64", ":2: has 5 cells, the first line 6; give name"),
        (f"{HEAD}\na,A,3,14,x,8", ":2: in_channels='x' is not a whole number from 1 to 65536"),
        (f"{HEAD}\na,A,3,14,0,8", ":2: in_channels='0' is not a whole number"),
        (f"{HEAD}\na,A,13,14,8,8", ":2: kernel='13' is not a whole number from 1 to 11"),
        (f"{HEAD}\na,A,3,9999999999999,8,8", ":2: size='9999999999999' is not a whole number"),
        (f"{HEAD}\na,A3,3,14,8,8", ":2: networks='A3' is not made of letters"),
        (f"{HEAD}\nA b,A,3,14,8,8", ":2: .*is not a lower-case identifier"),
        (f"{HEAD}\na,A,3,14,8,8\na,A,1,7,8,8", ":3: name 'a' is that of line 2; choose another"),
    ],
)  # fmt: skip
def test_bad_files(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text)
    with pytest.raises(InputError, match=words):
        read_layers(file)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"No such file or directory\); give a CSV file with n"):
        read_layers(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="it is not UTF-8"):
        read_layers(tmp_path / "binary.csv")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--simd", 12], "--simd=12 is not the side of a systolic array; use 2, 4, 8"),
        (["--pe", 128], "--pe=128 is not the side of a systolic array"),
        (["--batch", 0], "--batch=0 is outside 1..65536 frames"),
        (["--board", "zed"], "board 'zed' is unknown"),
        (["--plot", "a.pdf"], "--plot a.pdf: is no .svg or .png"),
        (["--plot", "none/a.svg"], "none/a.svg: cannot be written (No such file or directory)"),
    ],
)
def test_bad_options(options: list[Any], words: str, two: Path, lineloom: Lineloom) -> None:
    outcome = lineloom("algorithms", "--layers", two, *options)
    assert outcome.code == 2
    assert words in outcome.err
    assert len(outcome.err.splitlines()) == 1


def test_the_picture_is_the_same_every_time(
    two: Path, tmp_path: Path, lineloom: Lineloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    files = [tmp_path / name for name in ("a.svg", "b.svg", "c.png")]
    for file in files:
        assert lineloom("algorithms", "--layers", two, "--plot", file).code == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert "<svg" in files[0].read_text()
    assert files[2].read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ToolNotFound, match="pip install 'lineloom\\[plot\\]'"):
        plot({}, files[0])
