"""Names of designs become C++ functions, Verilog modules, files and folders."""

from __future__ import annotations

import re

from hls.checks import reject

__all__ = ["require_name"]

# Words that C++, Verilog or VHDL keep for themselves and that somebody might call a layer.
_RESERVED = frozenset(
    "and or not xor if else for while do switch case default return int bool char short long "
    "signed unsigned float double void auto const static struct class enum union template this "
    "new delete true false module input output inout wire reg begin end signal entity in out "
    "process main".split()
)


def require_name(owner: str, name: object) -> None:
    """Reject a name that is no plain identifier of at most 40 characters."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        rule = "is not a lower-case identifier of 1 to 40 characters"
        raise reject(owner, f"name={name!r}", rule, "use one like conv1")
    if name in _RESERVED or "__" in name or name.endswith("_"):
        rule = "is reserved by C++, Verilog or VHDL"
        raise reject(owner, f"name={name!r}", rule, f"use one like {name.strip('_')}1")
