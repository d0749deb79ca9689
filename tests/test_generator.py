"""Generation: the same design gives the same bytes, and all of them or none are written."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import conv2ds, gemms

from hls import Clip, Conv2d, Gemm, InputError, Parameters, Pool, Project, generate, tools
from hls.design import Design, to_dict
from hls.generator import summary, texts
from hls.parameters import random_parameters
from hls.rendering import INCLUDE

DESIGNS: dict[str, Design] = {
    "baked": Conv2d(height=6, width=7, in_channels=4, out_channels=4, padding="same", simd=2,
                    pe=2, requantize="channel", name="baked"),
    "loaded": Conv2d(height=9, width=8, in_channels=2, out_channels=2, groups=2, stride=2,
                     dilation=2, padding=(1, 2, 0, 3), pooling=Pool(kind="average", size=2),
                     input="u8", input_zero_point=3, weights="load", name="loaded"),
    "raw": Gemm(max_m=9, max_k=9, max_n=9, rows=2, cols=4, name="raw"),
    "quantized": Gemm(max_m=9, max_k=9, max_n=9, rows=4, cols=2, bias="s16", requantize="channel",
                      activation=Clip(low=-5, high=99), name="quantized"),
}  # fmt: skip
each_design = pytest.mark.parametrize("name", DESIGNS)


def snapshot(folder: Path) -> dict[str, bytes]:
    """All files of a folder and their bytes; empty folders count, too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


# ---------------------------------------------------------------------- what is written


@each_design
def test_a_project_has_these_files(name: str, tmp_path: Path) -> None:
    generate(DESIGNS[name], tmp_path / "project")
    sources = {f"src/{name}.hpp", f"src/{name}.cpp", f"src/{name}_tb.cpp", "src"}
    convolution = {"baked": {"src/baked_weights.hpp", "parameters.npz"},
                   "loaded": {"parameters.npz"}}  # fmt: skip
    assert set(snapshot(tmp_path / "project")) == sources | convolution.get(name, set()) | {
        "manifest.json", "README.md", "run_hls.tcl", "hls_config.cfg",
    }  # fmt: skip


@each_design
def test_the_same_design_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    generate(DESIGNS[name], tmp_path / "one" / "project", seed=5)
    # Another process, in which sets and hashes come in another order.
    script = (
        "import json, sys\n"
        "from hls import generate\n"
        "from hls.design import from_dict\n"
        "generate(from_dict(json.loads(sys.argv[1])), sys.argv[2], seed=5)\n"
    )
    data = json.dumps(to_dict(DESIGNS[name]))
    subprocess.run(
        [sys.executable, "-c", script, data, str(tmp_path / "two" / "other-folder")],
        check=True, env=os.environ | {"PYTHONHASHSEED": "77", "TZ": "Pacific/Auckland"},
        cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    assert snapshot(tmp_path / "one" / "project") == snapshot(tmp_path / "two" / "other-folder")


def test_parameters_carry_no_date(tmp_path: Path) -> None:
    generate(DESIGNS["baked"], tmp_path / "project")
    with zipfile.ZipFile(tmp_path / "project" / "parameters.npz") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@each_design
def test_texts_hold_no_dates_folders_or_loose_ends(name: str, tmp_path: Path) -> None:
    project = generate(DESIGNS[name], tmp_path / "project")
    # What is absolute on any machine; a path in C++ or Tcl begins after a space or a quote.
    absolute = re.compile(r"""(?:^|[\s"'=(])/(?:home|root|tmp|usr|opt|work|Users|var)\b""")
    for file in sorted(project.path.rglob("*")):
        if not file.is_file() or file.suffix == ".npz":
            continue
        text = file.read_text()
        assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text), f"{file.name} holds a date"
        assert not absolute.search(text), f"{file.name} holds {absolute.search(text)}"
        assert str(tmp_path) not in text
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
        for line in text.splitlines():
            assert line == line.rstrip(), f"{file.name}: spaces at the end of {line!r}"
            assert "\t" not in line, f"{file.name}: a tab in {line!r}"
        assert "\n\n\n" not in text


@settings(max_examples=60)
@given(st.data())
def test_every_legal_design_can_be_written(data: st.DataObject) -> None:
    design = data.draw(st.one_of(conv2ds(), gemms()))
    held = random_parameters(design, 1) if isinstance(design, Conv2d) else None
    made = texts(design, held)
    assert json.loads(made["manifest.json"])["design"] == to_dict(design)
    kernel = made[f"src/{design.name}.cpp"]
    assert summary(design) in kernel
    assert kernel.count("{") == kernel.count("}")
    labels = re.findall(r"^ *(\w+):$", kernel, re.M)
    assert len(labels) == len(set(labels)), "a label names one loop"


@each_design
def test_a_project_is_opened_from_its_folder(name: str, tmp_path: Path) -> None:
    made = generate(DESIGNS[name], tmp_path / "project", seed=3)
    opened = Project.open(tmp_path / "project")
    assert opened.design == DESIGNS[name]
    assert opened.manifest == made.manifest
    if isinstance(DESIGNS[name], Conv2d):
        assert opened.parameters is not None
        wanted = random_parameters(DESIGNS[name], 3)
        np.testing.assert_array_equal(opened.parameters.weights, wanted.weights)
    else:
        assert opened.parameters is None


def test_given_parameters_are_baked_in(tmp_path: Path) -> None:
    conv = Conv2d(height=4, width=4, in_channels=1, out_channels=1, kernel=1, bias="s16",
                  name="given")  # fmt: skip
    arrays = {"weights": np.full((1, 1, 1, 1), 77), "bias": np.array([-1234]), "multiplier": 4321,
              "shift": 13}  # fmt: skip
    project = generate(conv, tmp_path / "project", parameters=arrays)
    tables = project.source("_weights.hpp").read_text()
    for value in ("77", "-1234", "4321", "13"):
        assert re.search(rf"(?<![\w-]){value}\b", tables)
    again = generate(conv, tmp_path / "again", parameters=Parameters.checked(conv, arrays, "here"))
    assert again.source("_weights.hpp").read_text() == tables


# ---------------------------------------------------------------------- rules, repeated in C++


@pytest.mark.parametrize(
    ("name", "constant", "rule"),
    [
        ("baked", "kPe = 3", "pe must divide the output channels"),
        ("baked", "kInChannels = 5", "simd must divide the input channels"),
        ("baked", "kHeight = 0", "the dilated kernel must fit into the padded image"),
        ("quantized", "kRows = 3", "rows and cols must be powers of two"),
        ("quantized", "kTileRows = 9", "a tile must be a whole number of arrays"),
    ],
)
def test_the_compiler_repeats_a_rule_that_an_edited_constant_breaks(
    name: str, constant: str, rule: str, tmp_path: Path
) -> None:
    header = generate(DESIGNS[name], tmp_path / "project").source(".hpp")
    variable, _ = constant.split(" = ")
    text, count = re.subn(rf"\b{variable} = \d+;", f"{constant};", header.read_text())
    assert count == 1
    header.write_text(text)
    command = [*tools.cxx(), "-std=c++17", "-fsyntax-only", "-x", "c++", f"-I{INCLUDE}", header]
    with pytest.raises(tools.ToolFailed, match=rf"static assertion failed.*{rule}"):
        tools.run(command, what="compiling")


# ---------------------------------------------------------------------- where it is written


def test_a_project_is_replaced_by_another_design(tmp_path: Path) -> None:
    generate(DESIGNS["baked"], tmp_path / "project")
    (tmp_path / "project" / "rtl").mkdir()
    (tmp_path / "project" / "rtl" / "baked.v").write_text("old")
    generate(DESIGNS["raw"], tmp_path / "project")
    generate(DESIGNS["raw"], tmp_path / "fresh")
    assert snapshot(tmp_path / "project") == snapshot(tmp_path / "fresh")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fresh", "project"]


def test_an_empty_folder_and_folders_that_are_missing_are_used(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    generate(DESIGNS["raw"], tmp_path / "empty")
    generate(DESIGNS["raw"], tmp_path / "a" / "b" / "c")
    assert snapshot(tmp_path / "empty") == snapshot(tmp_path / "a" / "b" / "c")


def foreign_file(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.tex").write_text("two years of work")


def foreign_file_in_a_project(folder: Path) -> None:
    generate(DESIGNS["raw"], folder)
    (folder / "notes.md").write_text("mine")


def sources_without_a_manifest(folder: Path) -> None:
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "mine.cpp").write_text("int x;")


def a_file(folder: Path) -> None:
    folder.write_text("mine")


def a_link(folder: Path) -> None:
    generate(DESIGNS["raw"], folder.parent / "real")
    folder.symlink_to(folder.parent / "real")


def a_broken_link(folder: Path) -> None:
    folder.symlink_to(folder.parent / "nowhere")


@pytest.mark.parametrize(
    ("arrange", "said"),
    [
        (foreign_file, r"holds something that Lineloom did not make \(thesis\.tex\)"),
        (foreign_file_in_a_project, r"did not make \(notes\.md\); choose another folder with -o"),
        (sources_without_a_manifest, r"did not make \(files without a manifest\.json\)"),
        (a_file, "is not a folder; choose another one"),
        (a_link, "is not a folder; choose another one"),
        (a_broken_link, "is not a folder; choose another one"),
    ],
)
def test_what_lineloom_did_not_make_is_left_alone(
    arrange: Callable[[Path], None], said: str, tmp_path: Path
) -> None:
    arrange(tmp_path / "place")
    before = snapshot(tmp_path)
    with pytest.raises(InputError, match=said):
        generate(DESIGNS["baked"], tmp_path / "place")
    assert snapshot(tmp_path) == before


# ---------------------------------------------------------------------- when writing fails


def fails_at(call: int, real: Callable[..., Any]) -> Callable[..., Any]:
    """`real`, but its call number `call` finds the disk full."""
    calls = iter(range(1, 1000))

    def run(*arguments: Any, **named: Any) -> Any:
        if next(calls) == call:
            raise OSError(28, "No space left on device")
        return real(*arguments, **named)

    return run


FAILURES = [(Path, "write_text", 1), (Path, "write_text", 4), (np, "savez", 1),
            (Path, "rename", 1)]  # fmt: skip


@pytest.mark.parametrize(
    ("existing", "owner", "method", "call"),
    [
        *((False, *failure) for failure in FAILURES),
        *((True, *failure) for failure in FAILURES),
        (True, Path, "rename", 2),  # the old project was already moved aside
    ],
)
def test_a_failing_write_leaves_everything_as_it_was(
    existing: bool, owner: Any, method: str, call: int, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if existing:
        generate(DESIGNS["quantized"], tmp_path / "project")
    before = snapshot(tmp_path)
    monkeypatch.setattr(owner, method, fails_at(call, getattr(owner, method)))
    with pytest.raises(InputError, match=r"project: cannot be written \(No space left on device\)"):
        generate(DESIGNS["baked"], tmp_path / "project")
    monkeypatch.undo()
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("place", ["/proc/lineloom", "file/below", "file/deep/below"])
def test_a_folder_that_cannot_be_made_is_named(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=f"{place}: cannot be written"):
        generate(DESIGNS["raw"], tmp_path / place)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
