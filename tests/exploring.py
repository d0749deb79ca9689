"""What the tests of exploration share: layers, a stand-in for Yosys, and runs with it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hls import Conv2d
from hls.boards import Board, board
from hls.design import from_dict
from hls.exploration import Exploration, explore
from hls.exploration.synthesis import Synthesis
from hls.layerspec import layer_of

Z2 = board("pynq-z2")
TINY = "6x6x2:2k3"
SMALLEST = "1x1x1:1k1"
SYNTHESIS = Synthesis(lut=900, ff=800, dsp=7, bram36=0.5, levels=9, yosys="Yosys 0", seconds=1.5)


class Recorder:
    """Stands for `synthesize`: counts what it is asked for, and answers as it is told."""

    def __init__(self, answer: Callable[[Conv2d], Any] = lambda conv: SYNTHESIS) -> None:
        self.asked: list[Conv2d] = []
        self.answer = answer

    def __call__(self, design: dict[str, Any], family: str, timeout_s: float) -> dict[str, Any]:
        conv = from_dict(design)
        assert isinstance(conv, Conv2d)
        self.asked.append(conv)
        found = self.answer(conv)
        if isinstance(found, BaseException):
            raise found
        assert isinstance(found, Synthesis)
        return found.data()


def run(text: str = TINY, *, count: int = 3, target: Board = Z2, **options: Any) -> Exploration:
    with ThreadPoolExecutor(1) as executor:
        return explore(layer_of(text), target, syntheses=count, executor=executor, **options)
