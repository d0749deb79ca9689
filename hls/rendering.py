"""The one Jinja environment; the only writer of sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

from hls import cpp

__all__ = ["INCLUDE", "TEMPLATES", "render"]

_HERE = Path(__file__).parent

TEMPLATES = next(p for p in (_HERE / "templates", _HERE.parent / "templates") if p.is_dir())
"""The templates: inside the package in a wheel, beside it in a checkout or editable install."""

INCLUDE = _HERE / "include"
"""Our ap_int.h, ap_axi_sdata.h and hls_stream.h."""

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(TEMPLATES),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,
)
_ENVIRONMENT.filters |= {
    "counter": cpp.counter,
    "initializer": cpp.initializer,
    "reads": cpp.reads,
    "visits": cpp.visits,
    "wrapped": cpp.wrapped,
}


def render(template: str, **context: Any) -> str:
    """The text of `templates/<template>` for `context`; same context, same bytes.

    Runs of blank lines that conditions leave behind are reduced to one.
    """
    text = _ENVIRONMENT.get_template(template).render(**context)
    lines: list[str] = []
    for line in text.splitlines():
        if line.strip() or (lines and lines[-1]):
            lines.append(line.rstrip())
    return "\n".join(lines).rstrip("\n") + "\n"
