"""Where designs are synthesized: processes that end with us, a cluster that may not be there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import Lineloom
from exploring import SYNTHESIS, TINY, Recorder, run

from hls.errors import InputError, ToolFailed, ToolNotFound
from hls.exploration.workers import cluster, local


def test_processes_do_what_we_would() -> None:
    with local(2) as executor:
        assert list(executor.map(abs, [-1, 2, -3])) == [1, 2, 3]
        with pytest.raises(ZeroDivisionError):
            executor.submit(divmod, 1, 0).result()


KILLED = """
import signal, sys
# A job in the background of a shell ignores it, and so do all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
from hls.exploration.workers import local
from workers_task import hold
if __name__ == "__main__":
    with local(1) as executor:
        executor.submit(hold, sys.argv[1]).result()
"""
TASK = """
import sys
from pathlib import Path
from hls.tools import run
def hold(place):
    run([sys.executable, "-c", "import os, pathlib, sys, time; "
         "pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(300)", place],
        what="a tool")
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_workers_and_their_tools_end_with_us(tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "main.py").write_text(KILLED)
    (tmp_path / "workers_task.py").write_text(TASK)
    place = tmp_path / "pid"
    paths = os.pathsep.join([str(tmp_path), str(Path(__file__).parent.parent)])
    process = subprocess.Popen([sys.executable, "main.py", str(place)], cwd=tmp_path,
                               env=os.environ | {"PYTHONPATH": paths}, start_new_session=True,
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    wait_for(lambda: place.is_file() and place.read_text() != "")
    tool = int(place.read_text())
    assert alive(tool)
    process.send_signal(how)
    _, told = process.communicate(timeout=60)
    wait_for(lambda: not alive(tool))
    if how == signal.SIGTERM:
        assert told == ""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_a_worker_that_dies_is_told(recorded: Callable[..., Recorder]) -> None:
    from concurrent.futures.process import BrokenProcessPool

    recorded(lambda conv: BrokenProcessPool("died"))
    with pytest.raises(ToolFailed, match=r"a worker died while it synthesized .*--jobs 1"):
        run(count=1)


class Cluster(ModuleType):
    """Stands for the package distributed: records what is called, as its documentation has it."""

    def __init__(self) -> None:
        super().__init__("distributed")
        self.calls: list[Any] = []
        self.error: Exception | None = None

    def Client(self, address: str, *, timeout: float) -> Any:  # noqa: N802 - its name there
        self.calls.append(("Client", address, timeout))
        if self.error is not None:
            raise self.error
        return _Client(self.calls)


class _Client:
    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls

    def __enter__(self) -> _Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.calls.append("close")

    def get_executor(self, *, pure: bool) -> Executor:
        self.calls.append(("get_executor", pure))
        return _ClusterExecutor(self.calls)


class _ClusterExecutor(Executor):
    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls

    def submit(self, function: Any, /, *arguments: Any, **_: Any) -> Future[Any]:
        # A cluster gets bytes: what it is sent and what comes back must pass as such.
        json.dumps(arguments)
        self.calls.append(("submit", function))
        future: Future[Any] = Future()
        threading.Timer(0.01, lambda: self._answer(future, function, arguments)).start()
        return future

    @staticmethod
    def _answer(future: Future[Any], function: Any, arguments: Any) -> None:
        try:
            future.set_result(json.loads(json.dumps(function(*arguments))))
        except Exception as error:
            future.set_exception(error)


@pytest.fixture
def distributed(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    stub = Cluster()
    monkeypatch.setitem(sys.modules, "distributed", stub)
    return stub


def test_a_cluster_finds_what_processes_find(
    recorded: Callable[..., Recorder], distributed: Cluster, tmp_path: Path, lineloom: Lineloom,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    recorder = recorded(lambda conv: ToolFailed("no")
                        if conv.packing == "off" else SYNTHESIS)  # fmt: skip
    here = run(count=3)
    asked = len(recorder.asked)
    monkeypatch.setenv("LINELOOM_CACHE", str(tmp_path / "other"))
    found = lineloom("explore", "--layer", TINY, "--synthesize", 3, "--scheduler",
                     "tcp://10.0.0.1:8786", "--json").json  # fmt: skip
    assert found["front"] == [point.data() for point in here.front]
    assert found["failures"] == here.failures
    assert len(recorder.asked) == 2 * asked
    assert distributed.calls == [
        ("Client", "tcp://10.0.0.1:8786", 10),
        ("get_executor", False),
        *[("submit", recorder)] * 3,
        "close",
    ]


def test_without_distributed_one_line_says_what_to_install(
    lineloom: Lineloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    outcome = lineloom("explore", "--layer", TINY, "--scheduler", "tcp://10.0.0.1:8786")
    assert outcome.code == 3
    assert "pip install 'lineloom[explore]'" in outcome.err


@pytest.mark.parametrize(
    ("address", "error", "kind", "words"),
    [
        ("10.0.0.1", None, InputError, "use one like tcp://"),
        ("tcp://x:y", ValueError("port"), InputError, "is no address"),
        ("tcp://a:1", OSError("Timed out"), ToolNotFound, "start one with: dask scheduler"),
        ("tcp://a:1", TimeoutError("Timed out"), ToolNotFound, "nothing answers"),
    ],
)
def test_a_scheduler_that_is_not_there(
    distributed: Cluster, address: str, error: Exception | None, kind: type[Exception], words: str
) -> None:
    distributed.error = error
    with pytest.raises(kind, match=words), cluster(address):
        pass


def test_failures_are_warnings(recorded: Callable[..., Recorder], lineloom: Lineloom,
                               distributed: Cluster) -> None:  # fmt: skip
    recorded(lambda conv: ToolFailed("Yosys failed with exit code 1:\nmuch more"))
    outcome = lineloom("explore", "--layer", TINY, "--synthesize", 1, "--scheduler", "tcp://a:1")
    assert outcome.code == 0
    assert "was not synthesized: Yosys failed with exit code 1:" in outcome.err
    assert "much more" not in outcome.err
