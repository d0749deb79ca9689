"""The use of an engine of a loaded overlay: by one accelerator, or by several that take turns."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from host.manifest import Engine
    from host.session import Session

__all__ = ["Seat"]


@dataclass(eq=False)
class Seat:
    """An engine that is taken; `Session.join` makes it.

    Attributes:
        session: the overlay that the engine belongs to.
        engine: as the overlay describes it.
        lock: held during a call.
        sharing: accelerators that use it.
        broken: why it needs the overlay to be loaded again, or "".
    """

    session: Session
    engine: Engine
    lock: threading.Lock = field(default_factory=threading.Lock)
    sharing: int = 1
    broken: str = ""

    def share(self) -> Seat:
        """The same for another accelerator, beside one that has it."""
        with self.session.joining:
            self.sharing += 1
        return self

    def leave(self) -> None:
        """Give it back; with the last accelerator the engine is free again."""
        with self.session.joining:
            self.sharing -= 1
            if not self.sharing:
                self.session.leave(self.engine)
