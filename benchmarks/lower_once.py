"""Lower one project and print seconds and peak memory as JSON: a process for one measurement.

Seconds are those of processors, Python's and clang's: on a machine with nothing else to do it takes
no longer than that, and on a busy one the figure hardly changes.
"""

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
    before = time.process_time()
    lower_project(project)
    usages = [resource.getrusage(who)
              for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]  # fmt: skip
    children = usages[1]
    seconds = time.process_time() - before + children.ru_utime + children.ru_stime
    # Linux counts in KiB. The compiler runs while this process waits, so the two peaks add up.
    kib = sum(usage.ru_maxrss for usage in usages)
    print(json.dumps({"seconds": seconds, "peak_mb": kib / 1024}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
