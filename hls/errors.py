"""The errors that a user can cause, each with the exit code of the command line."""

from __future__ import annotations

__all__ = [
    "CheckFailed",
    "DesignError",
    "InputError",
    "LineloomError",
    "ToolFailed",
    "ToolNotFound",
    "ToolTooSlow",
]


class LineloomError(Exception):
    """Base of all errors that are shown as one clear line instead of a traceback."""

    exit_code = 2


class InputError(LineloomError):
    """A file, folder, option or array is not what it has to be."""


class DesignError(InputError):
    """A design breaks a legality rule; the text names value, rule and remedy."""


class CheckFailed(LineloomError):
    """A comparison found a mismatch."""

    exit_code = 1


class ToolFailed(LineloomError):
    """A tool ran and reported failure; the text ends with what the tool said."""

    exit_code = 1


class ToolTooSlow(ToolFailed):
    """A tool was ended because it took longer than it was given."""


class ToolNotFound(LineloomError):
    """A tool is missing; the text says what, where it was searched, which variable sets it."""

    exit_code = 3
