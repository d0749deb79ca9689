"""The order of blocks in which each comes before all that it leads to, back edges apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable

__all__ = ["reverse_postorder"]


def reverse_postorder(start: str, following: Callable[[str], Iterable[str]]) -> list[str]:
    """What is reached from `start`, depth first, in the reverse of the order in which it is left.

    Without recursion: unrolled bodies have thousands of blocks.
    """
    seen, left = {start}, []
    stack = [(start, iter(following(start)))]
    while stack:
        name, targets = stack[-1]
        target = next(targets, None)
        if target is None:
            left.append(name)
            stack.pop()
        elif target not in seen:
            seen.add(target)
            stack.append((target, iter(following(target))))
    return left[::-1]
