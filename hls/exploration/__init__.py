"""Which designs of a layer are worth building on a board, and the best of them: `explore`.

The model judges every legal design in seconds; Yosys then counts what the most promising ones of
the front take, and what does not fit after all is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace

from hls.algorithms import ACCURACY, CANDIDATES
from hls.boards import Board
from hls.checks import one_of, whole
from hls.conv2d import Conv2d
from hls.design import to_dict
from hls.errors import DesignError, InputError, ToolFailed
from hls.exploration.point import OBJECTIVES, Point, best, front, point_of, ranked
from hls.exploration.space import designs
from hls.exploration.synthesis import Records, Synthesis, synthesize

__all__ = ["OBJECTIVES", "TIMEOUT_S", "Exploration", "Point", "explore", "reason"]

TIMEOUT_S = 900.0
_LIMITS = {"compute": "its multipliers", "memory": "the memory's bandwidth"}


@dataclass(frozen=True, kw_only=True)
class Exploration:
    """What was found.

    Attributes:
        layer: that was asked about.
        board: that it must fit.
        objective: a key of OBJECTIVES.
        batch: frames.
        points: every legal design.
        front: those that fit and that no other one dominates, by cycles.
        best: the winner, one of the front.
        dropped: points that fit by the model and not by Yosys.
        failures: label of a point that could not be synthesized -> why.
    """

    layer: Conv2d
    board: Board
    objective: str
    batch: int
    points: Sequence[Point]
    front: Sequence[Point]
    best: Point
    dropped: Sequence[Point] = ()
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def fitting(self) -> int:
        """How many designs fit by the model."""
        return sum(not point.cost.problems for point in self.points)


def explore(
    layer: Conv2d,
    board: Board,
    *,
    objective: str = "latency",
    batch: int = 1,
    syntheses: int = 0,
    executor: Executor | None = None,
    timeout_s: float = TIMEOUT_S,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Exploration:
    """Judge all designs of a layer.

    Args:
        layer: shapes and formats; its own lanes, taps, algorithm and packing do not matter.
        board: that they must fit, and where their memory is known from.
        objective: a key of OBJECTIVES.
        batch: frames, for latency all together.
        syntheses: how many points of the front Yosys sees at most, the best first.
        executor: where it does.
        timeout_s: of each.
        progress: told what is going on, and how much of it is done.

    Raises:
        DesignError: none fits; the text names what is short, of the smallest.
        ToolNotFound: points are to be synthesized, and there is no Yosys.
    """
    one_of("explore", "objective", objective, tuple(OBJECTIVES))
    whole("explore", "batch", batch, 1, 65536)
    legal = list(designs(layer, batch=batch))
    points = []
    for number, conv in enumerate(legal):
        progress("model", number, len(legal))
        points.append(point_of(conv, board, batch=batch))
    fitting = [point for point in points if not point.problems]
    if not fitting:
        raise DesignError(_nothing_fits(points, board))
    asked = ranked(front(fitting, objective), objective, syntheses)
    found, failures = _synthesized(asked, board, executor, timeout_s, progress)
    known = [found.get(id(point), point) for point in fitting]
    left = front([point for point in known if not point.problems], objective)
    if not left:
        raise DesignError(f"explore: no design fits {board.name} by Yosys; "
                          f"{_needs(next(iter(found.values())))}")  # fmt: skip
    seen = [point for point in left if point.synthesis is not None]
    return Exploration(
        layer=layer, board=board, objective=objective, batch=batch, points=points, front=left,
        best=best(seen or left, objective), failures=failures,
        dropped=[point for point in found.values() if point.problems],
    )  # fmt: skip


def _synthesized(
    asked: Sequence[Point],
    board: Board,
    executor: Executor | None,
    timeout_s: float,
    progress: Callable[[str, int, int], None],
) -> tuple[dict[int, Point], dict[str, str]]:
    """The points with what Yosys found, by the identity of those given; and why one has none."""
    if not asked or executor is None:
        return {}, {}
    records = Records(board.family)
    found = {id(point): replace(point, synthesis=known) for point in asked
             if (known := records.get(point.conv))}  # fmt: skip
    failures: dict[str, str] = {}
    waiting = {
        executor.submit(synthesize, to_dict(point.conv), board.family, timeout_s): point
        for point in asked
        if id(point) not in found
    }
    progress("synthesis", len(found), len(asked))
    for future in as_completed(waiting):
        point = waiting[future]
        try:
            made = Synthesis.of(future.result())
        except (ToolFailed, InputError) as error:
            failures[point.label] = str(error)
        except (BrokenProcessPool, CancelledError):
            raise ToolFailed(
                f"a worker died while it synthesized {point.label}, perhaps for lack of memory; "
                "what is finished is kept: go on with --jobs 1, or --synthesize 0 for the model"
            ) from None
        else:
            records.put(point.conv, made)
            found[id(point)] = replace(point, synthesis=made)
        progress("synthesis", len(found) + len(failures), len(asked))
    return found, failures


def _nothing_fits(points: Sequence[Point], board: Board) -> str:
    smallest = min(points, key=lambda point: (point.overflow, point.dsps))
    return (
        f"explore: none of {len(points)} designs fits {board.name}; {_needs(smallest)}; use a "
        "smaller layer, or a larger board"
    )


def _needs(point: Point) -> str:
    return f"the smallest, {point.label}, {'; '.join(point.problems)}"


def reason(found: Exploration) -> str:
    """Why the winner is it: its figures, other algorithms, what would be better but too large."""
    score, name = OBJECTIVES[found.objective]
    mine = score(found.best)
    counted = sum(point.synthesis is not None for point in found.front)
    told = [f"{mine:,.0f} {name}, {found.best.dsps} DSPs"]
    if counted:
        told.append(f"the best of those on the front that Yosys saw and that fit ({counted})")
    else:
        told.append(
            f"none of {found.fitting} that fit takes fewer by more than {ACCURACY:.0%}, and none "
            "as good takes fewer DSPs"
        )
    if found.dropped and not counted:
        told.append(
            f"by the model: {len(found.dropped)} that Yosys saw do not fit, so ask for more with "
            "--synthesize"
        )
    if found.best.cost.bound != "waiting":
        told.append(f"bound by {_LIMITS[found.best.cost.bound]}")
    for algorithm in CANDIDATES:
        others = [p for p in found.points if p.conv.algorithm == algorithm and not p.problems]
        if others and algorithm != found.best.conv.algorithm:
            other = best(others, found.objective)
            told.append(f"{other.label} {score(other):,.0f} ({score(other) / mine:.2f}x)")
    larger = [p for p in found.points if p.cost.problems and score(p) < mine]
    if larger:
        near = min(larger, key=lambda point: (point.overflow, score(point)))
        told.append(f"better, but too large: {near.label} {near.cost.problems[0]}")
    return "; ".join(told)
