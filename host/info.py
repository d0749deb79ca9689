"""What an accelerator did: calls, bytes, times, the last error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Info"]


@dataclass
class Info:
    """Facts about an accelerator; bytes and calls since it was opened, times of the last call.

    Attributes:
        name: of the instance in the overlay.
        design: the design's fields, as in the manifest.
        clock_mhz: of the fabric now.
        clock_asked_mhz: what the overlay was built for, if it says so.
        calls: calls that ended well.
        sent_bytes, received_bytes: over all streams and memory ports, as the host prepared them.
        cycles: of the last call in the fabric, counted by a device that can, else from its time.
        packing_s: of the last call: checking arrays and copying them to and from buffers.
        running_s: of the last call: from the start until the results were there.
        buffer_bytes: memory held.
        last_error: text of the last error, or "".
        recovered: how the accelerator came back from it.
    """

    name: str
    design: Mapping[str, Any]
    clock_mhz: float
    clock_asked_mhz: float | None
    calls: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    cycles: int = 0
    packing_s: float = 0.0
    running_s: float = 0.0
    buffer_bytes: int = 0
    last_error: str = ""
    recovered: str = ""
    costs: Mapping[str, Any] = field(default_factory=dict)
