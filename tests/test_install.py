"""Lineloom finds its own files however it is installed: wheel, editable, or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("hls", "host", "sim")

# Where the running code looks for the files it ships with.
REPORT = """
import json, hls, hls.rendering, host, sim
print(json.dumps({"package": hls.__path__[0], "templates": str(hls.rendering.TEMPLATES)}))
"""


def run(*command: str | Path, cwd: Path) -> str:
    """What `command` prints; fails the test with all it said if it fails."""
    # A PYTHONPATH would let the tree under test leak into the installed copies.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def files_below(folder: Path) -> set[str]:
    """The files in `folder`, named relative to it; byte code aside."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def site_packages(python: Path) -> Path:
    """Where the virtual environment that `python` belongs to keeps its packages."""
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(python.parent.parent)}))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, as a clone has it: neither output nor environment."""
    copy = tmp_path_factory.mktemp("bare") / "checkout"
    ignore = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", "build", "dist")
    return shutil.copytree(ROOT, copy, ignore=ignore)


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution, so that this is whole as well."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, checkout, cwd=out)
    return next(out.glob("*.whl"))


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A throw-away environment that has every package of this one but Lineloom; its Python."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for name in ("purelib", "platlib"):
        for path in Path(sysconfig.get_path(name)).iterdir():
            link = packages / path.name
            if path.name not in PACKAGES and "lineloom" not in path.name and not link.exists():
                link.symlink_to(path)
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    (site_packages(python) / "packages.pth").write_text(f"{packages}\n", encoding="utf-8")
    return python


def install(python: Path, *what: str | Path) -> None:
    """Install `what` beside `python`, out of nothing but what is on this machine."""
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation")
    run(python, "-m", "pip", "install", *options, *what, cwd=python.parent)


def assert_works(python: Path, *, cwd: Path, package: Path, templates: Path) -> None:
    """Check that `python`, started in `cwd`, runs the code in `package` with its own files."""
    report = json.loads(run(python, "-c", REPORT, cwd=cwd))
    assert report == {"package": str(package), "templates": str(templates)}
    assert files_below(templates) == files_below(ROOT / "templates")
    assert files_below(package / "include") == files_below(ROOT / "hls" / "include")


def test_wheel_holds_the_packages_and_their_files_only(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = {f"{name}/{file}" for name in PACKAGES for file in files_below(ROOT / name)}
    expected |= {f"hls/templates/{file}" for file in files_below(ROOT / "templates")}
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert {f"{name}/py.typed" for name in PACKAGES} <= names
    assert "hls/include/ap_int.h" in names


def test_installed_wheel_works(python: Path, wheel: Path, tmp_path: Path) -> None:
    install(python, wheel)
    package = site_packages(python) / "hls"
    assert_works(python, cwd=tmp_path, package=package, templates=package / "templates")
    assert "usage: lineloom" in run(python.parent / "lineloom", "--help", cwd=tmp_path)


def test_editable_install_works(python: Path, checkout: Path, tmp_path: Path) -> None:
    install(python, "--editable", checkout)
    templates = checkout / "templates"
    assert_works(python, cwd=tmp_path, package=checkout / "hls", templates=templates)
    assert "usage: lineloom" in run(python.parent / "lineloom", "--help", cwd=tmp_path)


def test_bare_checkout_works(python: Path, checkout: Path) -> None:
    templates = checkout / "templates"
    assert_works(python, cwd=checkout, package=checkout / "hls", templates=templates)
    assert "usage: lineloom" in run(python, "-m", "hls", "--help", cwd=checkout)


def test_locks_meet_pyproject_and_name_no_address() -> None:
    """Only `make lock` resolves versions, so a requirement can be written down and not locked."""
    locks = [ROOT / "requirements.lock", ROOT / "requirements-nodeps.lock"]
    text = "".join(lock.read_text(encoding="utf-8") for lock in locks)
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", text, flags=re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    # A client of Dask must have its cluster's version, not one of ours.
    extras = project["optional-dependencies"]
    extras = [lines for name, lines in extras.items() if name != "explore"]
    for line in (*project["dependencies"], *(line for extra in extras for line in extra)):
        required = Requirement(line)
        version = pinned.get(required.name)
        assert version, f"{required.name} is in no lock; run `make lock`"
        assert version in required.specifier, f"{line} is locked to {version}; run `make lock`"
    assert not re.search(r"--(find-links|index|extra-index|trusted)|://", text)
