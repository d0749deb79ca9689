"""The verbs of the command line, one module each: `add` declares the options, `run` does it."""

from __future__ import annotations

from hls.commands import (
    algorithms,
    bitstream,
    conv2d,
    cosim,
    csim,
    estimate,
    explore,
    gemm,
    lower,
    net,
    predict,
    quantize,
    report,
    run,
    show,
)

__all__ = ["VERBS"]

VERBS = {
    "conv2d": conv2d,
    "gemm": gemm,
    "algorithms": algorithms,
    "csim": csim,
    "lower": lower,
    "cosim": cosim,
    "estimate": estimate,
    "explore": explore,
    "net": net,
    "predict": predict,
    "report": report,
    "quantize": quantize,
    "run": run,
    "bitstream": bitstream,
    "show": show,
}
"""Name of a verb -> its module, in the order of --help."""
