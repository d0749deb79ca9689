"""The overlay on the board: opened once, shared by its accelerators, refused to anybody else."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pynq

from host.errors import AcceleratorError
from host.kernel import bind, check
from host.lock import BoardLock
from host.manifest import Engine, read_engines
from host.seat import Seat

__all__ = ["Session"]


class Session:
    """One overlay that is loaded, with its accelerators; `join` makes or finds it."""

    _open: dict[str, Session] = {}  # noqa: RUF012 - device -> what is loaded there
    joining = threading.RLock()
    """Held by who takes or leaves an engine."""
    _is_joining = False
    """Whether somebody takes one: garbage collection may then leave another in the same thread,
    which must not end the session under the hands of who joins it."""

    def __init__(self, bitfile: Path, device: Any) -> None:
        """Load an overlay; `join` calls this."""
        self.bitfile = bitfile
        self.engines = read_engines(bitfile)
        self.users: set[str] = set()
        self.generation = 0
        self._device = device
        _refuse_simulated(bitfile, device)
        self._lock = BoardLock(device.name)
        for engine in self.engines.values():
            bind(engine.vlnv)
        try:
            self.overlay = _load(bitfile)
            for engine in self.engines.values():
                check(engine, self.overlay.ip_dict, bitfile.name)
        except BaseException:
            self._lock.release()
            raise

    @classmethod
    def join(cls, path: str | Path, name: str | None) -> Seat:
        """The engine `name` of the overlay at `path`, now taken.

        Raises:
            AcceleratorError: no such overlay or engine, or somebody else uses it.
        """
        bitfile = _find(path)
        with cls.joining:
            cls._is_joining = True
            try:
                return cls._join(bitfile, name, _device())
            finally:
                cls._is_joining = False
                for session in tuple(cls._open.values()):
                    session._end_if_unused()

    @classmethod
    def _join(cls, bitfile: Path, name: str | None, device: Any) -> Seat:
        session = cls._open.get(device.name)
        if session is not None and session.bitfile != bitfile:
            raise AcceleratorError(
                f"{session.bitfile.name} is in use ({', '.join(sorted(session.users))}); "
                f"close its accelerators before opening {bitfile.name}"
            )
        if session is None:
            session = cls._open[device.name] = cls(bitfile, device)
        return session._take(name)

    def _take(self, name: str | None) -> Seat:
        known = ", ".join(self.engines)
        if name is None:
            if len(self.engines) > 1:
                raise AcceleratorError(
                    f"{self.bitfile.name} has several accelerators; choose with name= from {known}"
                )
            name = next(iter(self.engines))
        if name not in self.engines:
            raise AcceleratorError(
                f"{self.bitfile.name} has no accelerator {name!r}; it has {known}"
            )
        engine = self.engines[name]
        if name in self.users:
            share = (
                "call its model(path) for another network"
                if engine.runs_programs
                else ("share that one")
            )
            raise AcceleratorError(
                f"{name} is in use by another Accelerator; {share}, or close it first "
                "(a with block does)"
            )
        self.users.add(name)
        return Seat(self, engine)

    @property
    def clock_mhz(self) -> float | None:
        """The first clock of the fabric as the hand-off has it, if it does."""
        found = self.overlay.clock_dict.get(0, {}).get("frequency")
        return None if found is None else float(found)

    def leave(self, engine: Engine) -> None:
        """Give an engine back; with the last one the session ends."""
        with self.joining:
            self.users.discard(engine.instance)
            self._end_if_unused()

    def _end_if_unused(self) -> None:
        if not self.users and not self._is_joining:
            self._lock.release()
            self._open.pop(self._device.name, None)

    def reload(self) -> None:
        """Load the overlay again, which resets everything in the fabric.

        `generation` grows, so that each accelerator notices.
        """
        self.overlay.download()
        self.generation += 1


def _device() -> Any:
    try:
        return pynq.Device.active_device
    except RuntimeError as error:
        raise AcceleratorError(
            f"pynq finds no board ({error}); run this on the board, or under lineloom run"
        ) from None


def _load(bitfile: Path) -> Any:
    if not bitfile.with_suffix(".hwh").is_file():
        raise AcceleratorError(
            f"{bitfile.with_suffix('.hwh')} is missing; copy the .hwh of the same build beside "
            f"{bitfile.name}"
        )
    try:
        return pynq.Overlay(str(bitfile))
    except (OSError, RuntimeError) as error:
        raise AcceleratorError(f"pynq cannot load {bitfile.name}: {error}") from None


def _find(path: str | Path) -> Path:
    """The .bit that `path` means: a file, a folder that has one, or a name that pynq knows."""
    given = Path(path)
    if given.is_dir():
        found = sorted(given.glob("*.bit")) or sorted(given.glob("overlay/*.bit"))
        if len(found) != 1:
            names = ", ".join(file.name for file in found) or "none"
            raise AcceleratorError(
                f"{given} must hold one .bit file, it holds {names}; name the file"
            )
        return found[0].resolve()
    try:
        return Path(pynq.Bitstream(str(given)).bitfile_name).resolve()
    except OSError:
        raise AcceleratorError(
            f"{path}: no such overlay; copy .bit, .hwh and manifest.json into one folder"
        ) from None


def _refuse_simulated(bitfile: Path, device: Any) -> None:
    """A simulated overlay is a text; only a device that counts its cycles can load it."""
    with bitfile.open("rb") as file:
        first = file.read(1)
    if first == b"{" and not hasattr(device, "cycles"):
        raise AcceleratorError(
            f"{bitfile.name} is for the simulated board; build one for this board with lineloom "
            "bitstream"
        )
