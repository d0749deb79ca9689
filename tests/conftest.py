"""What all tests share: options, the cache of compiled simulations, the command line as a call."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from hls.__main__ import main

ROOT = Path(__file__).resolve().parent.parent

# Steady runs draw the same examples every time, so that a change is judged by what it changed. A
# compiler or a slow machine must not count as a failure.
_RELAXED = [hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large]
hypothesis.settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=_RELAXED
)
hypothesis.settings.register_profile(
    "soak", derandomize=False, deadline=None, suppress_health_check=_RELAXED, print_blob=True
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lineloom")
    group.addoption("--refresh", action="store_true", help="rewrite the texts in tests/expected")
    group.addoption(
        "--soak-minutes",
        type=float,
        default=1.0,
        metavar="N",
        help="how long the tests marked soak run in all (1)",
    )


def pytest_configure(config: pytest.Config) -> None:
    soaking = config.getoption("markexpr") == "soak"
    hypothesis.settings.load_profile("soak" if soaking else "steady")
    # Compiled simulations are kept from run to run, but not among the user's own.
    os.environ.setdefault("LINELOOM_CACHE", str(ROOT / "build" / "cache" / "tests"))


@dataclass(frozen=True)
class Outcome:
    """What a run of the command line left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on stdout; anything beside it fails."""
        data = json.loads(self.out)
        assert isinstance(data, dict)
        return data


Lineloom = Callable[..., Outcome]


@pytest.fixture
def lineloom(capsys: pytest.CaptureFixture[str]) -> Lineloom:
    """The command line: `lineloom("csim", path, "--json")`, each argument as its text."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # --help leaves this way
            code = stop.code if isinstance(stop.code, int) else 1
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


Shared = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """What one process of a run makes for all: `shared("name", make)`, the folder that it made."""
    own = tmp_path_factory.getbasetemp()
    root = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def get(name: str, make: Callable[[Path], None]) -> Path:
        done = root / f"{name}.made"
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.is_file():
                make(root / name)
                done.touch()
        return root / name

    return get


@pytest.fixture(scope="session")
def hardware(shared: Shared) -> Path:
    """A network in overlay style whose engine is lowered, with a model of it, to share."""

    def make(folder: Path) -> None:
        import networks
        from overlay_engine import ENGINE

        from hls.network.overlay_generation import generate_overlay
        from hls.network.overlay_network import OverlayNetwork
        from sim.cosim import cosim

        design = OverlayNetwork(network=networks.chain(0), engine=ENGINE)
        cosim(generate_overlay(design, folder), frames=1, engine="fast")

    return shared("hardware", make)


@pytest.fixture
def refresh(request: pytest.FixtureRequest) -> bool:
    """Whether expected texts are rewritten instead of compared."""
    return bool(request.config.getoption("--refresh"))


@pytest.fixture
def soak_seconds(request: pytest.FixtureRequest) -> float:
    """How long one soak test may run: the tests of a session share --soak-minutes."""
    tests = [item for item in request.session.items if item.get_closest_marker("soak")]
    minutes: float = request.config.getoption("--soak-minutes")
    return 60 * minutes / len(tests)


# ---- Accelerators on the simulated board; only who uses them imports pynq --------------------


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All projects of `overlays.DESIGNS`."""
    from overlays import DESIGNS, generate

    made = tmp_path_factory.mktemp("host")
    generate(made, *DESIGNS)
    return made


@pytest.fixture(params=["pynq-z2", "kv260"])
def both(request: pytest.FixtureRequest, folder: Path) -> Iterator[Path]:
    """conv1 and gemm1 on a board of each family: the overlay's folder."""
    import sim

    with sim.board(folder / "conv1", folder / "gemm1", board=request.param):
        yield folder / "conv1_gemm1"


@pytest.fixture
def device(folder: Path) -> Iterator[Any]:
    """A board for conv1."""
    import sim

    with sim.board(folder / "conv1") as made:
        yield made


@pytest.fixture
def conv(device: Any, folder: Path) -> Iterator[Any]:
    """conv1 as an accelerator on `device`."""
    from overlays import LIMIT_S

    from host import Accelerator

    with Accelerator(folder / "conv1", timeout_s=LIMIT_S) as made:
        yield made


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own for a test that asks what is compiled; libc++ is not built again."""
    shared = Path(os.environ["LINELOOM_CACHE"]) / "zig"
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", os.environ.get("ZIG_GLOBAL_CACHE_DIR", str(shared)))
    monkeypatch.setenv("LINELOOM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Put an `exploring.Recorder` in the place of Yosys, an empty cache in that of the user's."""
    from exploring import Recorder

    monkeypatch.setenv("LINELOOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("hls.exploration.synthesis.yosys", lambda: (("yosys",), "Yosys 0"))

    def put(*answer: Any) -> Recorder:
        recorder = Recorder(*answer)
        monkeypatch.setattr("hls.exploration.synthesize", recorder)
        return recorder

    return put
