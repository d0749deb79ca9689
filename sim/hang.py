"""What to say of a design that hangs: what came, what did not, who waits for whom."""

from __future__ import annotations

from collections.abc import Sequence

from sim.calls import Beats, Finding, Job
from sim.structure import Structure, explain

__all__ = ["hang_text"]


def hang_text(job: Job, finding: Finding, beats: Beats, inside: Structure) -> str:
    """One paragraph: what came, what did not, who waits for whom."""
    call = job.calls[len(finding.calls)]
    lines: list[str] = explain(inside, finding.state)
    for port, sent in call.sends.items():
        lines.append(f"{port} took {len(beats.cycles.get(port, ()))} of {len(sent)} beats")
    for port, wanted in call.receives.items():
        lines.append(f"{port} put out {len(beats.cycles.get(port, ()))} of {wanted} beats")
    for port, (read, written) in beats.memory_beats.items():
        lines.append(f"{port} read {read} and wrote {written} words")
    lines += _unless(beats.start >= 0, "the registers do not answer")
    lines += _unless(beats.start < 0 or beats.done < 0, "the kernel says that it is done")
    lines += finding.complaints
    return (
        f"{job.top} hangs in call {len(finding.calls)}: nothing moved for {job.patience_cycles:,} "
        f"cycles at stalls {job.stalls:g}, seed {job.seed}; " + "; ".join(lines)
    )


def _unless(condition: bool, text: str) -> Sequence[str]:
    return [] if condition else [text]
