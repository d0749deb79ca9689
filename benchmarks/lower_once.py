"""Lower one project and print seconds and peak memory as JSON: a process for one measurement."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from hls.project import Project
from hls.rtl import lower_project


def main(path: Path) -> None:
    """Lower the project in `path` as if for the first time."""
    project = Project.open(path)
    (path / "reports" / "lowering.json").unlink(missing_ok=True)
    begun = time.perf_counter()
    lower_project(project)
    seconds = time.perf_counter() - begun
    # Linux counts in KiB. The compiler runs while this process waits, so the two peaks add up.
    kib = sum(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(json.dumps({"seconds": seconds, "peak_mb": kib / 1024}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
