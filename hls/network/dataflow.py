"""DataflowNetwork: a network whose layers all have an engine of their own, in one kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from hls.checks import reject, whole
from hls.conv2d import Conv2d
from hls.errors import DesignError
from hls.fixed import Fixed
from hls.network import fifos
from hls.network.assembly import Fork, Pipeline, Stage, assemble, origin
from hls.network.engines import (
    BITS,
    ConvolutionEngine,
    Engine,
    Lanes,
    Process,
    Stream,
    engine_of,
)
from hls.network.framed import FramedNetwork
from hls.network.layers import ACTIVATION, Flattening
from hls.network.network import Network

__all__ = ["DataflowNetwork", "from_data"]

MAX_STREAM_BITS = 1024
"""Widest AXI4-Stream that the AXI DMA takes (PG021)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DataflowNetwork(FramedNetwork):
    """A network in dataflow style: frames in and out as AXI4-Stream, like a Conv2d's.

    Attributes:
        network: what is computed.
        lanes: layer -> how parallel its engine is; layers that are not named have one lane.
        depths: stream -> words of its FIFO, in place of those that the model finds.

    Raises:
        DesignError: lanes do not suit a layer, a name is of no layer or no stream, or names clash.
    """

    network: Network
    lanes: Mapping[str, Lanes] = field(default_factory=dict)
    depths: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Build all that derives from it once, so that nothing can fail later."""
        known = [layer.name for layer in self.network.layers if not isinstance(layer, Flattening)]
        for name in self.lanes:
            if name not in known:
                raise reject(self._owner, f"lanes of {name!r}", "are of none of its layers",
                             f"use some of {', '.join(known)}")  # fmt: skip
        self._check_names()
        streams = {stream.name for stream in self.streams}
        for name, depth in self.depths.items():
            if name not in streams:
                raise reject(self._owner, f"depth of {name!r}", "is of none of its streams",
                             f"use some of {', '.join(sorted(streams))}")  # fmt: skip
            whole(self._owner, f"depth of {name}", depth, 1, 1 << 20)
        for what, lanes in (("input", self.simd), ("output", self.pe)):
            if lanes * BITS > MAX_STREAM_BITS:
                raise reject(self._owner, f"{what} words of {lanes} lanes",
                             f"are wider than the {MAX_STREAM_BITS} bits of an AXI DMA",
                             f"use at most {MAX_STREAM_BITS // BITS}")  # fmt: skip

    @property
    def _owner(self) -> str:
        return f"Network {self.name}"

    def _check_names(self) -> None:
        """Layers become namespaces and files, processes and FIFOs become modules."""
        names = [stage.name for stage in self.stages]
        files = [self.name, *(name for stage in names for name in self.headers(stage))]
        modules = [f"{p.namespace}_{p.function}" if p.namespace else p.function
                   for p in self.processes]  # fmt: skip
        modules += [stream.name for stream in self.streams]
        if self.name in names:
            raise reject(self._owner, f"layer {self.name!r}", "has the network's own name",
                         "give the network another name")  # fmt: skip
        for kind in (files, modules):
            twice = next((name for name in kind if kind.count(name) > 1), None)
            if twice is not None:
                raise reject(self._owner, f"name {twice!r}", "comes about twice, by layers whose "
                             "names are alike", "rename one of these layers")  # fmt: skip

    def headers(self, layer: str) -> tuple[str, ...]:
        """Stems of the headers of a layer."""
        own = f"{self.name}_{layer}"
        convolves = isinstance(self.stage(layer).engine, ConvolutionEngine)
        return (f"{own}_types", f"{own}_weights", own) if convolves else (own,)

    def stage(self, layer: str) -> Stage:
        """The stage of a layer."""
        return next(stage for stage in self.stages if stage.name == layer)

    # ------------------------------------------------------------------ as any design

    @property
    def name(self) -> str:
        """Of the kernel and its top function."""
        return self.network.name

    @property
    def weight_format(self) -> Fixed:
        """Format of the widest weights."""
        formats = [conv.weight_format for conv in self._convs]
        return max(formats, key=lambda weight: weight.bits, default=ACTIVATION)

    @property
    def simd(self) -> int:
        """Channels of a beat of the input."""
        source = self.network.input
        return max(
            (engine.takes_lanes for engine in self._engines.values()
             if source in (origin(self.network, tensor) for tensor in engine.layer.inputs)),
            default=1,
        )  # fmt: skip

    @property
    def pe(self) -> int:
        """Channels of a beat of the output."""
        last = origin(self.network, self.network.output)
        return next(
            (engine.puts_lanes for engine in self._engines.values()
             if engine.layer.output == last),
            self.simd,
        )  # fmt: skip

    @property
    def multipliers(self) -> int:
        """Products a cycle, of all engines."""
        return sum(conv.multipliers for conv in self._convs)

    @property
    def multiplications(self) -> int:
        """Multiplications a cycle: half as many as products where two share one."""
        return sum(conv.multiplications for conv in self._convs)

    @property
    def packed(self) -> None:
        """Each layer packs or does not, see `lanes`."""
        return None

    @property
    def unpacked_because(self) -> str:
        """As of `packed`."""
        return ""

    @property
    def input_beats(self) -> int:
        """Beats of the input stream a frame."""
        return self.network.tensors[self.network.input].size // self.simd

    @property
    def output_beats(self) -> int:
        """Beats of the output stream a frame."""
        return self.network.tensors[self.network.output].size // self.pe

    @property
    def lower_bound_cycles(self) -> int:
        """Cycles a frame that no schedule with these lanes can undercut."""
        return max([self.input_beats, self.output_beats,
                    *(stage.engine.lower_bound_cycles for stage in self.stages)])  # fmt: skip

    @property
    def predicted_cycles(self) -> int:
        """Cycles a frame in steady state: those of the slowest process."""
        return max([self.input_beats, self.output_beats, *self.stage_cycles.values()])

    @property
    def stage_cycles(self) -> dict[str, int]:
        """Layer -> cycles a frame of its slowest process."""
        return {stage.name: stage.cycles for stage in self.stages}

    @property
    def on_chip_bits(self) -> int:
        """Of all engines, and the FIFOs between them."""
        own = sum(stage.engine.on_chip_bits for stage in self.stages)
        inner = {stream.name for stage in self.stages for stream in stage.engine.streams[:-1]}
        return own + sum(stream.bits * stream.depth for stream in self.streams
                         if stream.name not in inner)  # fmt: skip

    @property
    def dram_bytes(self) -> int:
        """Bytes moved a frame: the input and the output, once."""
        tensors = self.network.tensors
        return tensors[self.network.input].size + tensors[self.network.output].size

    @property
    def _convs(self) -> list[Conv2d]:
        return [e.conv for e in self._engines.values() if isinstance(e, ConvolutionEngine)]

    # ------------------------------------------------------------------ the pipeline

    @cached_property
    def _engines(self) -> dict[str, Engine]:
        made = ((layer.name, engine_of(self.network, layer, self.lanes.get(layer.name, Lanes())))
                for layer in self.network.layers)  # fmt: skip
        return {name: engine for name, engine in made if engine is not None}

    @cached_property
    def _pipeline(self) -> Pipeline:
        return assemble(self.network, self._engines, self.simd)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The engines in an order in which they can run, with what joins them."""
        return self._pipeline.stages

    @property
    def input_fork(self) -> Fork | None:
        """Copies of the input, if several layers read it."""
        return self._pipeline.input_fork

    @property
    def processes(self) -> tuple[Process, ...]:
        """All calls of the DATAFLOW region, in order; the first is receive, the last is send."""
        return self._pipeline.processes

    @cached_property
    def streams(self) -> tuple[Stream, ...]:
        """All FIFOs, with their depths."""
        given = {stream.name: stream.depth for engine in self._engines.values()
                 for stream in engine.streams[:-1]}  # fmt: skip
        found = {
            **given,
            **fifos.depths(self.processes, self.predicted_cycles, given),
            **self.depths,
        }
        return tuple(replace(stream, depth=found[stream.name]) for stream in self._pipeline.streams)

    def results(self, layer: str) -> Stream:
        """The stream that carries a layer's output before anything else is done with it."""
        name = self.stage(layer).engine.streams[-1].name
        return next(stream for stream in self.streams if stream.name == name)

    # ------------------------------------------------------------------ text and data

    @property
    def summary(self) -> str:
        """One line that tells an engineer which network this is."""
        shapes = ["x".join(map(str, shape)) for shape in (self.input_shape, self.output_shape)]
        layers = len(self.network.layers)
        return f"network of {layers} layers, {shapes[0]} -> {shapes[1]}, an engine each"

    def data(self) -> dict[str, Any]:
        """As JSON-able data without the network; `from_data` reads it back."""
        return {
            "kind": "network",
            "style": "dataflow",
            "lanes": {name: asdict(lanes) for name, lanes in self.lanes.items()},
            "depths": dict(self.depths),
        }


def from_data(network: Network, data: Mapping[str, Any]) -> DataflowNetwork:
    """The design of `DataflowNetwork.data` for its network.

    Raises:
        DesignError: it does not suit the network.
    """
    try:
        lanes = {name: Lanes(**fields) for name, fields in data["lanes"].items()}
        depths = dict(data["depths"])
    except (KeyError, TypeError, AttributeError) as error:
        raise DesignError(f"Network {network.name}: lanes or depths are not understood ({error}); "
                          "generate it again") from None  # fmt: skip
    return DataflowNetwork(network=network, lanes=lanes, depths=depths)
