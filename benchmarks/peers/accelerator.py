"""NNgen's accelerator for a layer: Verilog, where its tensors lie in memory, its registers."""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.peers import environment
from benchmarks.peers.layers import Peer
from hls import tools
from hls.conv2d import Conv2d

__all__ = ["Accelerator", "Tensor", "generate", "job"]

Bytes = npt.NDArray[np.uint8]
Int8 = npt.NDArray[np.int8]

_SCRIPT = Path(__file__).parent / "nngen_verilog.py"
_ALIGNMENT = 4096


@dataclass(frozen=True)
class Tensor:
    """An int8 tensor in memory: its last axis is padded to whole words."""

    address: int
    shape: tuple[int, ...]
    aligned: tuple[int, ...]
    bytes: int

    def put(self, memory: Bytes, values: npt.ArrayLike) -> None:
        """Lay the values out in memory, zeros in the padding."""
        image = np.zeros(self.aligned, np.int8)
        image[self._inside] = values
        memory[self.address : self.address + image.size] = image.reshape(-1).view(np.uint8)

    def get(self, memory: Bytes) -> Int8:
        """The values that memory holds."""
        count = math.prod(self.aligned)
        image = memory[self.address : self.address + count].view(np.int8)
        return image.reshape(self.aligned)[self._inside]

    @property
    def _inside(self) -> tuple[slice, ...]:
        return tuple(slice(size) for size in self.shape)


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """A generated accelerator: `folder`/rtl/nngen.v holds the module nngen."""

    folder: Path
    port_bits: int
    shift: int
    tensors: dict[str, Tensor]
    """Of input, weights [outputs, ..., inputs] and output."""
    registers: dict[str, int]
    """Offset of start, status, enable (of the interrupt) and scratch (where it may write)."""

    @property
    def verilog(self) -> Path:
        """Its one file."""
        return self.folder / "rtl" / "nngen.v"

    @property
    def multipliers(self) -> int:
        """Of pixels and weights, as instances of its Verilog: each has a module of its own."""
        return len(re.findall(r"^module madd_core_\d+$", self.verilog.read_text(), re.MULTILINE))

    @property
    def scratch_address(self) -> int:
        """Behind all tensors."""
        end = max(tensor.address + tensor.bytes for tensor in self.tensors.values())
        return -(-end // _ALIGNMENT) * _ALIGNMENT


def job(peer: Peer) -> dict[str, Any]:
    """What NNgen is asked for.

    Results are sums, rounded to int8 with a spread of a third of its range for uniform operands.
    """
    design = peer.design
    if isinstance(design, Conv2d):
        pads = design.pads
        shapes = {"operator": "conv2d", "input": [1, *design.input_shape],
                  "weights": [*design.weight_shape],
                  "pads": [pads.top, pads.bottom, pads.left, pads.right]}  # fmt: skip
        terms = design.taps_per_output
    else:
        shapes = {"operator": "matmul", "input": [design.max_m, design.max_k],
                  "weights": [design.max_n, design.max_k]}  # fmt: skip
        terms = design.max_k
    spread = math.sqrt(terms) * 256**2 / 12
    return {**shapes, "lanes": asdict(peer.lanes), "port_bits": peer.port_bits,
            "shift": round(math.log2(3 * spread / 128))}  # fmt: skip


def generate(peer: Peer, home: Path = environment.HOME) -> Accelerator:
    """NNgen's accelerator for the layer, under `home`; that of an earlier run if nothing changed.

    Raises:
        ToolNotFound: NNgen is not there and cannot be installed.
        ToolFailed: NNgen refused.
    """
    folder = home / peer.design.name
    wanted = job(peer)
    text = json.dumps(wanted, indent=2)
    key = hashlib.sha256("\0".join((text, environment.fingerprint(), _SCRIPT.read_text())).encode())
    stamp = folder / "generated"
    if not stamp.is_file() or stamp.read_text() != key.hexdigest():
        python = environment.interpreter()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "job.json").write_text(text)
        # NNgen walks through sets; nothing of ours is to be in its reach.
        tools.run(
            [python, "-P", "-s", _SCRIPT, (folder / "job.json").resolve(), folder.resolve()],
            what=f"NNgen on {peer.design.name}",
            env={"PYTHONHASHSEED": "0", "PYTHONPATH": ""},
            cwd=folder,
        )
        stamp.write_text(key.hexdigest())
    layout = json.loads((folder / "layout.json").read_text())
    tensors = {
        name: Tensor(t["address"], tuple(t["shape"]), tuple(t["aligned"]), t["bytes"])
        for name, t in layout["tensors"].items()
    }
    return Accelerator(folder=folder, port_bits=peer.port_bits, shift=wanted["shift"],
                       tensors=tensors, registers=layout["registers"])  # fmt: skip
