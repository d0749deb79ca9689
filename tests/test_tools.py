"""Tools: where they are looked for, and what is said when they fail, hang or are missing."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from hls import LineloomError, ToolFailed, ToolNotFound, tools
from hls.errors import ToolTooSlow


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine without any compiler: its one folder on PATH is empty."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("LINELOOM_CXX", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    tools.cxx.cache_clear()
    yield folder
    tools.cxx.cache_clear()


def program(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


# ---------------------------------------------------------------------- the compiler


def test_the_compiler_that_the_variable_names_comes_first(
    search: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(search, "clang++")
    chosen = program(search.parent, "my-clang++")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setenv("LINELOOM_CXX", str(chosen))
    assert tools.cxx() == (str(chosen),)


def test_then_comes_the_ziglang_package(search: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(search, "clang++")
    looked_for = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: looked_for.append(name) or name)
    assert tools.cxx() == (sys.executable, "-m", "ziglang", "c++")
    assert looked_for == ["ziglang"]


def test_then_comes_clang_on_path(search: Path) -> None:
    clang = program(search, "clang++")
    assert tools.cxx() == (str(clang),)


def test_without_any_the_message_says_where_it_was_searched(search: Path) -> None:
    with pytest.raises(ToolNotFound) as caught:
        tools.cxx()
    for text in ("ziglang", "clang++ on PATH", "pip install ziglang", "LINELOOM_CXX", ">= 16"):
        assert text in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_variable_that_names_nothing_is_not_passed_over(
    search: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(search, "clang++")
    monkeypatch.setenv("LINELOOM_CXX", "absent++")
    with pytest.raises(ToolNotFound, match=r"LINELOOM_CXX=absent\+\+: no such program"):
        tools.cxx()


# ---------------------------------------------------------------------- the cache


def test_the_cache_is_where_the_variable_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINELOOM_CACHE", str(tmp_path / "a" / "b"))
    assert tools.cache_folder() == tmp_path / "a" / "b"
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize(("xdg", "place"), [("xdg", "xdg/lineloom"), ("", ".cache/lineloom")])
def test_else_the_cache_is_the_users(
    xdg: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LINELOOM_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / xdg) if xdg else "")
    assert tools.cache_folder() == tmp_path / place


# ---------------------------------------------------------------------- running


def python(*lines: str) -> list[str]:
    return [sys.executable, "-c", "\n".join(lines)]


def test_what_a_tool_prints_is_returned() -> None:
    command = python("import sys", "print('out', flush=True)", "print('err', file=sys.stderr)")
    assert tools.run(command, what="probe") == "out\nerr\n"


def test_a_tool_gets_its_folder_and_its_environment(tmp_path: Path) -> None:
    command = python("import os", "print(os.getcwd(), os.environ['PROBE'], 'HOME' in os.environ)")
    printed = tools.run(command, what="probe", cwd=tmp_path, env={"PROBE": "x"})
    assert printed == f"{tmp_path} x {'HOME' in os.environ}\n"


def test_a_tool_cannot_wait_for_the_keyboard() -> None:
    assert tools.run(python("import sys", "print(repr(sys.stdin.read()))"), what="probe") == "''\n"


@pytest.mark.parametrize("zig", [None, "elsewhere"])
def test_zig_keeps_its_files_in_our_cache_unless_told_otherwise(
    zig: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINELOOM_CACHE", str(tmp_path))
    monkeypatch.delenv("ZIG_GLOBAL_CACHE_DIR", raising=False)
    if zig:
        monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", zig)
    command = python("import os", "print(os.environ['ZIG_GLOBAL_CACHE_DIR'])")
    assert tools.run(command, what="probe").strip() == (zig or str(tmp_path / "zig"))


def test_output_that_is_no_text_is_no_error() -> None:
    command = python("import sys", r"sys.stdout.buffer.write(b'a\xff')")
    assert tools.run(command, what="probe") == "a\ufffd"


def test_a_failure_is_reported_with_all_the_tool_said() -> None:
    command = python("import sys", "print('one')", "print('two', file=sys.stderr, flush=True)",
                     "sys.exit(7)")  # fmt: skip
    with pytest.raises(ToolFailed) as caught:
        tools.run(command, what="building x")
    text = str(caught.value)
    assert text.startswith("building x failed with exit code 7:\n")
    assert {"one", "two"} <= set(text.splitlines())
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("name", ["lineloom-absent-tool", "/opt/absent/tool"])
def test_a_missing_program_is_named(name: str) -> None:
    with pytest.raises(ToolNotFound, match=rf"^probe: {name} is not installed or not on PATH$"):
        tools.run([name, "--version"], what="probe")


def test_a_file_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("not a program")
    with pytest.raises(LineloomError, match="tool"):
        tools.run([tmp_path / "tool"], what="probe")


def test_a_tool_that_hangs_is_ended_with_all_it_started(tmp_path: Path) -> None:
    # The grandchild holds the pipe open, so that reading to its end would take its time, too.
    sleeper = f"import time, pathlib; time.sleep(3); pathlib.Path({str(tmp_path / 'x')!r}).touch()"
    command = python("import subprocess, sys",
                     f"subprocess.run([sys.executable, '-c', {sleeper!r}])")  # fmt: skip
    started = time.monotonic()
    with pytest.raises(ToolTooSlow, match=r"probe: took longer than 0\.5 s and was ended"):
        tools.run(command, what="probe", timeout_s=0.5)
    assert time.monotonic() - started < 2.5
    time.sleep(3.2 - (time.monotonic() - started))
    assert not (tmp_path / "x").exists(), "the grandchild lives on"


# ---------------------------------------------------------------------- signals

# A tool that runs a tool of its own, in a session of its own; each leaves its process number.
NESTED = """
import os, sys
from pathlib import Path
from hls import tools
inner = ("import os, time; from pathlib import Path; "
         "Path('inner').write_text(str(os.getpid())); time.sleep(60)")
Path("outer").write_text(str(os.getpid()))
tools.run([sys.executable, "-c", inner], what="inner")
"""


ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(tools.__file__).parent.parent)}


def numbers(folder: Path, names: Sequence[str]) -> list[int]:
    """The process numbers in the files `names`, as soon as all are there."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        texts = [file.read_text() if file.is_file() else "" for file in map(folder.joinpath, names)]
        if all(texts):
            return [int(text) for text in texts]
        time.sleep(0.02)
    raise AssertionError(f"not all of {names} began")


def lives(number: int) -> bool:
    """Whether a process runs; one that ended and that nobody waited for does not."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 128 + signal.SIGTERM),
        (signal.SIGHUP, 128 + signal.SIGHUP),
        (signal.SIGINT, -signal.SIGINT),
    ],
)
def test_an_ended_program_leaves_no_tool_behind(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    program = (
        "import sys; from hls import tools; "
        f"tools.run([sys.executable, '-c', {NESTED!r}], what='outer')"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=ENVIRONMENT,
                          stderr=subprocess.DEVNULL) as process:  # fmt: skip
        begun = numbers(tmp_path, ["outer", "inner"])
        assert all(map(lives, begun))
        process.send_signal(number)
        assert process.wait(30) == code
    assert not any(map(lives, begun))


def test_a_program_with_a_handler_of_its_own_keeps_it() -> None:
    def own(number: int, frame: object) -> None:
        """Do nothing."""

    before = signal.signal(signal.SIGTERM, own)
    try:
        with tools.unwinding():
            assert signal.getsignal(signal.SIGTERM) is own
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with tools.unwinding():
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)
