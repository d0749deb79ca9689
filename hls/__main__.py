"""The command line: parses, calls the verb, turns errors into one line and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from hls.commands import VERBS
from hls.commands.console import Console
from hls.errors import InputError, LineloomError

__all__ = ["main"]


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, as all others are."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage."""
        raise InputError(f"{message}; see {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="lineloom",
        description="From a layer size to a working FPGA accelerator.",
        epilog="exit codes: 0 ok, 1 mismatch or failed check, 2 bad input, 3 tool missing",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        sub = verbs.add_parser(
            name,
            help=verb.HELP,
            description=verb.HELP[0].upper() + verb.HELP[1:] + ".",
            epilog=f"example: {verb.EXAMPLE}",
            allow_abbrev=False,
        )
        verb.add(sub)
        sub.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    return parser


def _divided(given: list[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and those behind -- that `lineloom run` passes to its script."""
    if given[:1] != ["run"] or "--" not in given:
        return given, []
    place = given.index("--")
    return given[:place], given[place + 1 :]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    own, passed = _divided(given)
    console = Console(as_json="--json" in own)
    try:
        args = _parser().parse_args(own, argparse.Namespace(passed=passed))
        code: int = VERBS[args.verb].run(args, console)
    except LineloomError as error:
        console.failure(str(error), error.exit_code)
        return error.exit_code
    except KeyboardInterrupt:
        console.failure("interrupted", 130)
        return 130
    except BrokenPipeError:
        # The reader went away (as `head` does); what it wanted it has.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
