"""Write the images that no model was trained or calibrated with, and their labels, to a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hls.errors import LineloomError
from models.zoo import TASKS

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Write images and labels, as `lineloom predict` reads them."""
    parser = argparse.ArgumentParser(prog="python -m models.heldout", description=__doc__)
    parser.add_argument("network", choices=TASKS, help="a network of models/")
    parser.add_argument("file", type=Path, metavar="FILE.npz")
    options = parser.parse_args(argv)
    try:
        test = TASKS[options.network]().test
    except LineloomError as error:
        print(f"models: {error}", file=sys.stderr)
        return error.exit_code
    options.file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(options.file, images=test.images, labels=test.labels)
    print(f"{len(test.labels)} held-out images in {options.file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
