"""Runs in NNgen's Python, never in ours: python nngen_verilog.py JOB FOLDER.

JOB is the JSON of `benchmarks.peers.accelerator.generate`. FOLDER gets rtl/nngen.v with the module
nngen, and layout.json: where NNgen expects its tensors in memory, and its registers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nngen


def main(job_file: str, folder: str) -> None:
    """Write one layer's accelerator."""
    job = json.loads(Path(job_file).read_text())
    source = nngen.placeholder(nngen.int8, shape=job["input"], name="source")
    weights = nngen.variable(nngen.int8, shape=job["weights"], name="weights")
    # Unless it is told otherwise, its sums have the 16 bits of a product and overflow.
    formats = {"dtype": nngen.int8, "sum_dtype": nngen.int32, "asymmetric_clip": True}
    if job["operator"] == "conv2d":
        layer = nngen.conv2d(source, weights, (1, 1, 1, 1), padding=job["pads"], **formats)
    else:
        layer = nngen.matmul(source, weights, transposed_b=True, **formats)
    lanes = {f"par_{name}": count for name, count in job["lanes"].items() if count > 1}
    layer.attribute(cshamt_out=job["shift"], **lanes)
    rtl = Path(folder) / "rtl"
    rtl.mkdir(parents=True, exist_ok=True)
    text = nngen.to_verilog(
        [layer], "nngen", silent=True, config={"maxi_datawidth": job["port_bits"]}
    )
    (rtl / "nngen.v").write_text(text)
    control = nngen.verilog
    registers = {
        "start": control.control_reg_start,
        "status": control.control_reg_interrupt_isr,
        "enable": control.control_reg_interrupt_ier,
        "scratch": control.control_reg_global_addr,
    }
    layout = {
        "tensors": {
            name: {
                "address": tensor.addr,
                "shape": list(tensor.shape),
                "aligned": list(tensor.aligned_shape),
                "bytes": tensor.memory_size,
            }
            for name, tensor in (("input", source), ("weights", weights), ("output", layer))
        },
        "registers": {name: 4 * index for name, index in registers.items()},
    }
    (Path(folder) / "layout.json").write_text(json.dumps(layout, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
