"""OverlayNetwork: a network as a program for the overlay engine, and that engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from hls.errors import DesignError
from hls.fixed import Fixed
from hls.network import costs
from hls.network.compiling import Program, compile_network
from hls.network.framed import FramedNetwork
from hls.network.instructions import VERSION
from hls.network.network import Network
from hls.network.overlay import OverlayEngine

__all__ = ["OverlayNetwork", "engine_from", "from_data"]


@dataclass(frozen=True, kw_only=True, eq=False)
class OverlayNetwork(FramedNetwork):
    """A network in overlay style: layer by layer on one engine, through memory.

    The engine knows nothing of the network: engines of equal fields are the same hardware, and
    run the programs of all networks.

    Attributes:
        network: what is computed.
        engine: what computes it.

    Raises:
        DesignError: the engine is too small for a layer.
    """

    network: Network
    engine: OverlayEngine

    def __post_init__(self) -> None:
        """Compile, so that nothing can fail later."""
        _ = self.program.records

    @cached_property
    def program(self) -> Program:
        """What the engine runs for a frame."""
        return compile_network(self.network, self.engine)

    # ------------------------------------------------------------------ as any design

    @property
    def name(self) -> str:
        """Of the kernel and its top function."""
        return self.engine.name

    @property
    def weight_format(self) -> Fixed:
        """Format of a weight."""
        return self.engine.gemm.weight_format

    @property
    def multipliers(self) -> int:
        """Products per cycle."""
        return self.engine.multipliers

    @property
    def multiplications(self) -> int:
        """Multiplications per cycle: half as many as products where two share one."""
        return self.engine.gemm.multiplications

    @property
    def packed(self) -> Any:
        """How two columns of the array share a DSP block; None if they do not."""
        return self.engine.gemm.packed

    @property
    def unpacked_because(self) -> str:
        """Why packing="auto" does not pack; empty if it does, or was not asked to."""
        return self.engine.gemm.unpacked_because

    @property
    def lower_bound_cycles(self) -> int:
        """Multiply-accumulates over multipliers: what no schedule can undercut."""
        return max(1, -(-self.macs // self.multipliers))

    @property
    def predicted_cycles(self) -> int:
        """Start to done for a frame, as cosimulation counts them without stalls."""
        return costs.cycles(self.program)

    @property
    def layer_cycles(self) -> dict[str, int]:
        """Layer -> cycles of its passes."""
        return costs.layer_cycles(self.program)

    @property
    def on_chip_bits(self) -> int:
        """Image rows, and what the array keeps."""
        return self.engine.on_chip_bits

    @property
    def dram_bytes(self) -> int:
        """Bytes moved a frame over all ports."""
        return sum(costs.traffic_bytes(self.program).values())

    # ------------------------------------------------------------------ text and data

    @property
    def summary(self) -> str:
        """One line that tells an engineer which network this is, and on what."""
        shapes = ["x".join(map(str, shape)) for shape in (self.input_shape, self.output_shape)]
        engine = self.engine
        return (
            f"network of {len(self.network.layers)} layers, {shapes[0]} -> {shapes[1]}, in "
            f"{len(self.program.passes)} passes of one engine of {engine.lanes}x{engine.lanes} PEs"
        )

    def data(self) -> dict[str, Any]:
        """As JSON-able data without the network; `from_data` reads it back."""
        return {
            "kind": "network",
            "style": "overlay",
            "engine": asdict(self.engine),
            "instructions": VERSION,
        }


def from_data(network: Network, data: Mapping[str, Any]) -> OverlayNetwork:
    """The design of `OverlayNetwork.data` for its network.

    Raises:
        DesignError: it does not suit the network, or this Lineloom.
    """
    return OverlayNetwork(network=network, engine=engine_from(f"Network {network.name}", data))


def engine_from(owner: str, data: Mapping[str, Any]) -> OverlayEngine:
    """The engine of `OverlayNetwork.data`; messages begin with `owner`.

    Raises:
        DesignError: it is not understood, or has other instructions than are made here.
    """
    try:
        version = data["instructions"]
        engine = OverlayEngine(**data["engine"])
    except (KeyError, TypeError) as error:
        raise DesignError(
            f"{owner}: its engine is not understood ({error}); generate it again"
        ) from None
    if version != VERSION:
        raise DesignError(f"{owner}: its engine has instructions of version {version}, this "
                          f"Lineloom makes those of version {VERSION}; generate it "
                          "again")  # fmt: skip
    return engine
