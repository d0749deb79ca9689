"""Source stage: a C++ file -> preprocessed text in which every HLS pragma is a marker call.

clang drops pragmas that it does not know. So the file is preprocessed first, and each
`#pragma HLS ...` line becomes a call of an unknown function with the pragma's number. The call
survives in the LLVM IR at the place (function, loop) to which the pragma applies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hls.errors import InputError
from hls.lowering.locations import place

__all__ = ["MARKER", "VARIABLE", "Pragma", "mark"]

MARKER = "lineloom_pragma"
VARIABLE = "lineloom_variable"
"""Is called with the address of the variable that a pragma names."""

_PRAGMA = re.compile(r"^[ \t]*#[ \t]*pragma[ \t]+HLS[ \t]+(.*)$", re.IGNORECASE)
_LINE = re.compile(r'^# (\d+) "((?:[^"\\]|\\.)*)"')

_LABEL = re.compile(r"\s*([A-Za-z_]\w*)\s*:(?!:)")
_NO_LABELS = frozenset(["public", "private", "protected", "default"])
_LOOP = re.compile(r"\s*(?:for|while|do)\b")

KNOWN = frozenset(
    {
        "ARRAY_PARTITION",
        "BIND_STORAGE",
        "DATAFLOW",
        "DEPENDENCE",
        "INLINE",
        "INTERFACE",
        "LOOP_FLATTEN",
        "LOOP_TRIPCOUNT",
        "PIPELINE",
        "STREAM",
        "UNROLL",
    }
)
"""Pragmas that are understood; INLINE, LOOP_FLATTEN and LOOP_TRIPCOUNT change nothing here."""

_OF_ARRAYS = frozenset({"ARRAY_PARTITION", "BIND_STORAGE", "DEPENDENCE"})
"""Pragmas whose variable is an array."""
_VARIABLE = re.compile(r"(?:::)?\w+(?:(?:::|\.|->)\w+)*")


@dataclass(frozen=True)
class Pragma:
    """One `#pragma HLS` line: `PIPELINE II=1` has name PIPELINE and options {"II": "1"}.

    A word without a value is an option with an empty value; names of options are in lower case.
    """

    name: str
    options: dict[str, str] = field(hash=False)
    file: str
    line: int
    label: str = ""
    """The label of the loop whose body begins with the pragma, if it has one."""
    targets: frozenset[str] = frozenset()
    """Arrays that its variable is, as `variables.origin_of` has them."""

    @property
    def place(self) -> str:
        """`file:line`, for messages."""
        return place(self.file, self.line)

    def integer(self, option: str, default: int) -> int:
        """An option's integer value.

        Raises:
            InputError: the value is no integer.
        """
        text = self.options.get(option, str(default))
        try:
            return int(text, 0)
        except ValueError:
            raise InputError(
                f"{self.place}: #pragma HLS {self.name}: {option}={text} is not an integer"
            ) from None


def mark(preprocessed: str) -> tuple[str, list[Pragma]]:
    """Replace HLS pragmas of a preprocessed file by marker calls.

    Returns:
        The text, and the pragmas in the order of their numbers.

    Raises:
        InputError: an HLS pragma that is not supported, or stands within a statement.
    """
    pragmas: list[Pragma] = []
    lines = []
    file, number = "<source>", 0
    label = loop = ""
    before = ";"  # the last character of C++, which tells whether a statement may begin
    for text in preprocessed.splitlines():
        at = _LINE.match(text)
        if at:
            file, number = at[2], int(at[1]) - 1
            lines.append(text)
            continue
        number += 1
        found = _PRAGMA.match(text)
        if found is None:
            lines.append(text)
            # A label names the loop that it stands before; anything else in between ends that.
            if (named := _LABEL.match(text)) and named[1] not in _NO_LABELS:
                label = named[1]
                text = text[named.end() :]
            if _LOOP.match(text):
                loop, label = label, ""
            elif text.strip():
                label = ""
            before = text.rstrip()[-1:] or before
            continue
        pragma = _parsed(found[1], file, number, loop)
        if before not in ";{}:":
            raise InputError(
                f"{pragma.place}: #pragma HLS {pragma.name} stands within a statement; put the "
                "body of its loop, or what it is for, in braces and the pragma inside"
            )
        pragmas.append(pragma)
        lines.append(f"{MARKER}({len(pragmas) - 1});{_address(pragma, len(pragmas) - 1)}")
    declarations = (
        f'extern "C" void {MARKER}(int) noexcept; '
        f'extern "C" void {VARIABLE}(int, const volatile char*) noexcept;'
    )
    return "\n".join([declarations, *lines]) + "\n", pragmas


def _address(pragma: Pragma, number: int) -> str:
    """A call that tells the address of a pragma's array."""
    variable = pragma.options.get("variable")
    if pragma.name not in _OF_ARRAYS or variable is None:
        return ""
    if not _VARIABLE.fullmatch(variable):
        raise InputError(
            f"{pragma.place}: #pragma HLS {pragma.name}: {variable} is not the name of one "
            "variable; write a pragma for each"
        )
    return f" {VARIABLE}({number}, &reinterpret_cast<const volatile char&>({variable}));"


def _parsed(text: str, file: str, line: int, label: str) -> Pragma:
    name, *words = re.sub(r"\s*=\s*", "=", text.split("//")[0]).split()
    name = name.upper()
    if name not in KNOWN:
        raise InputError(
            f"{place(file, line)}: #pragma HLS {name} is not supported; "
            f"known are {', '.join(sorted(KNOWN))}"
        )
    options = {}
    for word in words:
        key, _, value = word.partition("=")
        options[key.lower()] = value
    return Pragma(name, options, file, line, label)
