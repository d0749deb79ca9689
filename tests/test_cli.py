"""The command line: help, results and configuration files."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import vivado
from conftest import ROOT, Lineloom
from test_cli_refusals import CONV, GEMM, snapshot

from hls.commands import VERBS


def test_help_lists_every_verb(lineloom: Lineloom) -> None:
    shown = lineloom("--help")
    assert (shown.code, shown.err) == (0, "")
    assert "exit codes: 0 ok, 1 mismatch or failed check, 2 bad input, 3 tool missing" in shown.out
    for name, verb in VERBS.items():
        assert re.search(rf"^    {name}\b", shown.out, re.MULTILINE)
        assert verb.HELP.split()[0] in shown.out


@pytest.mark.parametrize("name", VERBS)
def test_help_of_a_verb_has_its_example(name: str, lineloom: Lineloom) -> None:
    shown = lineloom(name, "--help")
    assert (shown.code, shown.err) == (0, "")
    assert f"example: {VERBS[name].EXAMPLE}" in " ".join(shown.out.split())


# These need more than a project: tests/test_run.py, test_prediction.py and test_network_report.py
# have what.
ELSEWHERE = ("run", "predict", "report")


@pytest.mark.parametrize("name", [name for name in VERBS if name not in ELSEWHERE])
def test_the_example_of_a_verb_works(
    name: str, lineloom: Lineloom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    vivado.on_path(tmp_path, monkeypatch)  # the one tool that cannot be had freely
    for folder in ("benchmarks", "models"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    if name not in ("conv2d", "gemm"):  # which read what conv2d made
        assert lineloom(*shlex.split(VERBS["conv2d"].EXAMPLE)[1:]).code == 0
    command, *arguments = shlex.split(VERBS[name].EXAMPLE)
    assert command == "lineloom"
    done = lineloom(*arguments)
    assert (done.code, done.err) == (0, "")
    assert done.out.strip()


@pytest.mark.parametrize(
    "command",
    [CONV, GEMM, "show {folder}/made", "show {folder}/product", "csim {folder}/made --frames 1",
     "csim {folder}/product --m 3 --k 4 --n 5"],
)  # fmt: skip
def test_json_is_one_object_and_nothing_else(
    command: str, lineloom: Lineloom, tmp_path: Path
) -> None:
    made = {}
    for verb, text in {"made": CONV, "product": GEMM.replace("/made", "/product")}.items():
        made[verb] = lineloom(*shlex.split(text.format(folder=tmp_path)), "--json")
    done = lineloom(*shlex.split(command.format(folder=tmp_path)), "--json")
    assert (done.code, done.err) == (0, "")
    data = done.json  # one object, or this fails
    if command.startswith("csim"):
        assert data["match"] is True
        assert data["mismatches"] == 0
    else:
        folder = "product" if "product" in command or "gemm" in command else "made"
        same = made[folder].json | {"path": data["path"]}
        if command == GEMM:  # made once more, under the other folder's name
            same = json.loads(json.dumps(same).replace('"product"', '"made"'))
            same["vlnv"] = same["vlnv"].replace("product", "made")
        assert data == same
        assert data["costs"]["predicted_cycles"] >= data["costs"]["lower_bound_cycles"] > 0


def test_tables_name_what_matters(lineloom: Lineloom, tmp_path: Path) -> None:
    narrow = lineloom(*shlex.split(CONV.format(folder=tmp_path)), "--accumulator-format", "s12",
                      "--simd", 2, "--pe", 4, "--name", "narrow")  # fmt: skip
    assert narrow.code == 0
    for text in ("narrow", "2D convolution 8x8x4 -> 6x6x4, kernel 3x3", "simd 2, pe 4, taps 9",
                 "s12 wraps; the worst case needs s21", "baked in"):  # fmt: skip
        assert text in narrow.out
    assert str(tmp_path / "made") in "".join(narrow.out.replace("│", "").split())
    product = lineloom(*shlex.split(GEMM.format(folder=tmp_path)))
    for text in ("C[m,n] = A[m,k] . B[k,n] up to 16x16x16", "8 x 8 PEs", "16 x 16, k in blocks"):
        assert text in product.out


# ---------------------------------------------------------------------- configuration files

CONFIGURED: dict[str, tuple[str, dict[str, Any]]] = {
    "everything of a convolution": (
        "conv2d --input 9x10x4 --filters 6 --kernel 3x2 --stride 2x1 --dilation 1x2 "
        "--padding 1,0,2,1 --groups 2 --pool average:2x3:1 --simd 2 --pe 3 --taps row "
        "--load-weights --input-format u8 --weight-format s6 --bias-format s24 "
        "--accumulator-format s30 --output-format u7 --requantize channel --multiplier-bits 18 "
        "--max-shift 40 --input-zero-point 128 --output-zero-point 9 --activation clip:9:100 "
        "--name layer",
        {
            "kind": "conv2d", "height": 9, "width": 10, "in_channels": 4, "out_channels": 6,
            "kernel": [3, 2], "stride": [2, 1], "dilation": [1, 2],
            "padding": {"top": 1, "bottom": 0, "left": 2, "right": 1}, "groups": 2,
            "pooling": {"kind": "average", "size": [2, 3], "stride": 1},
            "simd": 2, "pe": 3, "taps": "row", "weights": "load", "input": "u8", "weight": "s6",
            "bias": "s24", "accumulator": "s30", "output": "u7", "requantize": "channel",
            "multiplier_bits": 18, "max_shift": 40, "input_zero_point": 128,
            "output_zero_point": 9, "activation": {"low": 9, "high": 100}, "name": "layer",
        },
    ),
    "a convolution of defaults": (
        "conv2d --input 8x8x1 --filters 1",
        {"height": 8, "width": 8, "in_channels": 1, "out_channels": 1},
    ),
    "everything of a gemm": (
        "gemm --max-m 20 --max-k 30 --max-n 40 --rows 4 --cols 2 --tile-m 8 --tile-n 10 "
        "--tile-k 12 --input-format u8 --input-zero-point 3 --bias-format s32 "
        "--requantize tensor --activation relu --name product",
        {
            "kind": "gemm", "max_m": 20, "max_k": 30, "max_n": 40, "rows": 4, "cols": 2,
            "tile_m": 8, "tile_n": 10, "tile_k": 12, "input": "u8", "input_zero_point": 3,
            "bias": "s32", "requantize": "tensor", "activation": "relu", "name": "product",
        },
    ),
}  # fmt: skip


def as_toml(fields: dict[str, Any]) -> str:
    """Flat fields and inline tables as TOML."""

    def value(item: Any) -> str:
        if isinstance(item, dict):
            return "{" + ", ".join(f"{k} = {value(v)}" for k, v in item.items()) + "}"
        return json.dumps(item)

    return "".join(f"{name} = {value(item)}\n" for name, item in fields.items())


@pytest.mark.parametrize("suffix", [".toml", ".json"])
@pytest.mark.parametrize(("command", "fields"), CONFIGURED.values(), ids=CONFIGURED)
def test_a_configuration_file_equals_the_options(
    command: str, fields: dict[str, Any], suffix: str, lineloom: Lineloom, tmp_path: Path
) -> None:
    file = tmp_path / f"design{suffix}"
    file.write_text(json.dumps(fields) if suffix == ".json" else as_toml(fields))
    verb = command.split()[0]
    by_options = lineloom(*command.split(), "-o", tmp_path / "a" / "same")
    by_file = lineloom(verb, "--config", file, "-o", tmp_path / "b" / "same")
    assert (by_options.code, by_file.code) == (0, 0), by_options.err + by_file.err
    first, second = snapshot(tmp_path / "a"), snapshot(tmp_path / "b")
    if "padding" in fields:  # the same padding, written as a table or as four numbers
        for files in (first, second):
            manifest = json.loads(files["same/manifest.json"] or b"")
            pads = manifest["design"].pop("padding")
            manifest["design"]["padding"] = list(pads.values()) if isinstance(pads, dict) else pads
            files["same/manifest.json"] = json.dumps(manifest).encode()
    assert first == second


def test_options_win_over_the_configuration_file(lineloom: Lineloom, tmp_path: Path) -> None:
    file = tmp_path / "design.toml"
    file.write_text(
        "height = 8\nwidth = 8\nin_channels = 4\nout_channels = 4\nname = 'one'\n"
        "simd = 4\nbias = 's8'\nactivation = 'relu'\n"
    )
    options = "--input 6x5x2 --simd 2 --bias-format none --activation none --name two --pe 2"
    made = lineloom("conv2d", "--config", file, *options.split(), "-o", tmp_path / "c", "--json")
    design = made.json["design"]
    chosen = {"height": 6, "width": 5, "in_channels": 2, "simd": 2, "pe": 2, "bias": None,
              "activation": "none", "name": "two", "out_channels": 4}  # fmt: skip
    assert {name: design[name] for name in chosen} == chosen


def test_a_gemm_takes_any_of_its_sizes_from_the_configuration_file(
    lineloom: Lineloom, tmp_path: Path
) -> None:
    file = tmp_path / "design.json"
    file.write_text('{"max_m": 5, "max_k": 6}')
    made = lineloom("gemm", "--config", file, "--max-n", 7, "-o", tmp_path / "g", "--json")
    assert made.json["shapes"]["maxima"] == {"m": 5, "k": 6, "n": 7}
    missing = lineloom("gemm", "--config", file, "-o", tmp_path / "h")
    assert missing.code == 2
    assert "max_n is missing" in missing.err
