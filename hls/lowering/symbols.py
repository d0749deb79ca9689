"""Symbols: mangled names of C++ (Itanium C++ ABI, "Mangling") -> what the source calls them.

Only names are read, no types: a namespace or function is its length and its letters. The arguments
of templates come from the debug information, which has them as the source does.
"""

from __future__ import annotations

import re

__all__ = ["path_of", "plain_name", "process_name", "variable_name"]


def plain_name(symbol: str) -> str:
    """The source name of a mangled function or variable, without its namespaces."""
    if symbol.startswith("_ZZ"):
        # A static variable of a function: its own name comes last, after E and its length.
        for local in re.finditer(r"E(\d+)(?=(\w+?)(?:_\d+|__\d+_)?$)", symbol):
            if int(local[1]) == len(local[2]):
                return local[2]
    names = path_of(symbol)
    return names[-1] if names else re.sub(r"\W", "_", symbol)


def path_of(symbol: str) -> list[str]:
    """Namespaces (and classes), outer ones first, and the name itself.

    Of a member of a class template, only what comes before the template's arguments.
    """
    found = re.match(r"_Z+N?[rVK]*[RO]?", symbol)
    names: list[str] = []
    at = 0 if found is None else found.end()
    while found and (part := re.compile(r"L?(\d+)").match(symbol, at)):
        at = part.end() + int(part[1])
        names.append(symbol[part.end() : at])
        if "N" not in found[0]:
            break
    return ["" if name == "_GLOBAL__N_1" else name for name in names]


def variable_name(symbol: str, function: str) -> str:
    """How a process calls a global of the program: with the namespaces that it is not in itself."""
    names, own = path_of(symbol), path_of(function)
    if symbol.startswith("_ZZ") or not names:
        return plain_name(symbol)
    while len(names) > 1 and names[:1] == own[:1]:
        names, own = names[1:], own[1:]
    return "_".join(filter(None, names))


def process_name(symbol: str, title: str) -> str:
    """How the hardware calls a function: `conv1_slide`, `widen_8_32`.

    Args:
        symbol: its mangled name.
        title: its name with the arguments of its template, as debug information has it.
    """
    title = title or plain_name(symbol)
    names = path_of(symbol)
    if names and names[-1] == title.partition("<")[0]:
        names.pop()
    words = [*names, *re.findall(r"-?\w+", title)]
    return "_".join(re.sub("^-", "m", word) for word in words if word)
