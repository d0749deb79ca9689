"""How engines become a pipeline.

Between them are streams: with a fork behind a tensor of several readers, and with processes that
regroup words where maker and reader have different lanes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import gcd

from hls.network import order
from hls.network.engines import BITS, Engine, Process, Stream
from hls.network.layers import Flattening
from hls.network.network import Network

__all__ = ["Fork", "Pipeline", "Regroup", "Stage", "assemble", "origin"]


@dataclass(frozen=True, kw_only=True)
class Regroup:
    """A process that brings the words of a stream to another width, of which one is a multiple."""

    name: str
    lanes_in: int
    lanes_out: int
    elements: int
    """Of a frame."""

    @property
    def gathers(self) -> bool:
        """Whether words get wider."""
        return self.lanes_out > self.lanes_in

    @property
    def steps(self) -> int:
        """Cycles a frame: one for each narrow word."""
        return self.elements // min(self.lanes_in, self.lanes_out)


@dataclass(frozen=True, kw_only=True)
class Fork:
    """A process that copies a stream for the readers of a tensor."""

    lanes: int
    words: int
    """Of a frame."""
    copies: tuple[str, ...]
    """Streams that it writes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """A layer's engine with what stands before it and behind it."""

    engine: Engine
    regroups: tuple[Regroup, ...]
    fork: Fork | None

    @property
    def name(self) -> str:
        """The layer's name, which is the namespace of its C++."""
        return self.engine.layer.name

    @property
    def cycles(self) -> int:
        """Cycles a frame of its slowest process."""
        return max([self.engine.cycles, *(regroup.steps for regroup in self.regroups)])


@dataclass(frozen=True, kw_only=True, eq=False)
class Pipeline:
    """The DATAFLOW region: all processes in an order in which they can run, and their streams."""

    stages: tuple[Stage, ...]
    input_fork: Fork | None
    processes: tuple[Process, ...]
    streams: tuple[Stream, ...]


@dataclass(frozen=True)
class _End:
    """A stream on its way to a reader, and the lanes of its words."""

    name: str
    lanes: int


def origin(network: Network, tensor: str) -> str:
    """The tensor whose stream carries `tensor`: flattening leaves a stream as it is."""
    for layer in network.layers:
        if layer.output == tensor and isinstance(layer, Flattening):
            return origin(network, layer.inputs[0])
    return tensor


def assemble(network: Network, engines: Mapping[str, Engine], simd: int) -> Pipeline:
    """Join `engines` (by layer, in order) into one pipeline whose input has `simd` lanes."""
    return _Assembly(network, engines).pipeline(simd)


class _Assembly:
    """What has been joined so far."""

    def __init__(self, network: Network, engines: Mapping[str, Engine]) -> None:
        self._network, self._engines = network, engines
        self._processes: list[Process] = []
        self._streams: list[Stream] = []
        self._ends: dict[str, Iterator[_End]] = {}
        """Tensor -> the streams that carry it, one for each of its readers in order."""

    def pipeline(self, simd: int) -> Pipeline:
        """Walk the layers from input to output."""
        network = self._network
        beats = network.tensors[network.input].size // simd
        words = self._stream("words", simd)
        self._process("", "receive", ("in",), (words,), order.one_by_one(beats))
        input_fork = self._publish(network.input, "input", _End(words, simd), "")
        stages = []
        for engine in self._engines.values():
            regroups, takes = self._inputs(engine)
            self._processes += engine.processes(takes)
            self._streams += engine.streams
            end = _End(engine.streams[-1].name, engine.puts_lanes)
            name = engine.layer.name
            fork = self._publish(engine.layer.output, name, end, name)
            stages.append(Stage(engine=engine, regroups=regroups, fork=fork))
        last = self._take(network.output)
        beats = network.tensors[network.output].size // last.lanes
        self._process("", "send", (last.name,), ("out",), order.one_by_one(beats))
        return Pipeline(
            stages=tuple(stages),
            input_fork=input_fork,
            processes=tuple(self._processes),
            streams=tuple(self._streams),
        )

    def _stream(self, name: str, lanes: int) -> str:
        """A new stream of words; its name."""
        cpp_type = f"ap_uint<{lanes * BITS}> "
        self._streams.append(Stream(name=name, cpp_type=cpp_type, bits=lanes * BITS))
        return name

    def _process(
        self,
        namespace: str,
        function: str,
        takes: tuple[str, ...],
        puts: tuple[str, ...],
        own: order.Order,
        cycles: int = 1,
    ) -> None:
        self._processes.append(
            Process(namespace=namespace, function=function, takes=takes, puts=puts, orders=(own,),
                    cycles=cycles)
        )  # fmt: skip

    def _publish(self, tensor: str, maker: str, end: _End, namespace: str) -> Fork | None:
        """Make a tensor known to its readers; through a fork if there are several."""
        readers = self._readers(tensor)
        if len(readers) == 1:
            self._ends[tensor] = iter([end])
            return None
        words = self._network.tensors[tensor].size // end.lanes
        copies = tuple(self._stream(f"{maker}_to_{reader}", end.lanes) for reader in readers)
        self._process(namespace, "fork", (end.name,), copies, order.one_by_one(words))
        self._ends[tensor] = iter([_End(copy, end.lanes) for copy in copies])
        return Fork(lanes=end.lanes, words=words, copies=copies)

    def _readers(self, tensor: str) -> list[str]:
        """Names for the readers of a tensor in order, its flattened forms' as well."""
        found = [engine.layer.name for engine in self._engines.values()
                 for read in engine.layer.inputs
                 if origin(self._network, read) == tensor]  # fmt: skip
        if origin(self._network, self._network.output) == tensor:
            found.append("output")
        return [f"{name}_{found[:index].count(name)}" if found.count(name) > 1 else name
                for index, name in enumerate(found)]  # fmt: skip

    def _take(self, tensor: str) -> _End:
        """The stream for the next reader of a tensor."""
        return next(self._ends[origin(self._network, tensor)])

    def _inputs(self, engine: Engine) -> tuple[tuple[Regroup, ...], list[str]]:
        """The streams that an engine takes, in words of its own, and what makes them so."""
        layer = engine.layer
        regroups: list[Regroup] = []
        takes: list[str] = []
        for index, tensor in enumerate(layer.inputs):
            end, elements = self._take(tensor), self._network.tensors[tensor].size
            number = f"_{index}" if len(layer.inputs) > 1 else ""
            common = gcd(end.lanes, engine.takes_lanes)
            for function, made, lanes in (
                ("split", "parts", common),
                ("gather", "words", engine.takes_lanes),
            ):
                if lanes == end.lanes:
                    continue
                regroup = Regroup(name=f"{function}{number}", lanes_in=end.lanes, lanes_out=lanes,
                                  elements=elements)  # fmt: skip
                regroups.append(regroup)
                name = self._stream(f"{layer.name}_{made}{number}", lanes)
                own = order.regrouping(end.lanes, lanes, elements)
                self._process(layer.name, regroup.name, (end.name,), (name,), own,
                              cycles=max(1, lanes // end.lanes))  # fmt: skip
                end = _End(name, lanes)
            takes.append(end.name)
        return tuple(regroups), takes
