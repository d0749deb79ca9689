"""What a static variable begins with outlives power-up: nothing writes before the reset comes.

Registers hold anything then in simulation, so stages of a pipeline could seem to be at work. Found
by random kernels; the simulator's seed decides what the registers hold.
"""

from __future__ import annotations

from pathlib import Path

from hls.kernels import Kernel
from hls.rtl import lower_source
from sim.kernel import cosim_kernel

TEXT = """#include <ap_int.h>
#include <hls_stream.h>
void kernel(hls::stream<ap_uint<32> >& in, hls::stream<ap_uint<32> >& out) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
  static ap_uint<32> last = 5;
  out.write(last);
work:
  for (int i = 0; i < 4; ++i) {
#pragma HLS PIPELINE II=3
    last = (last ^ in.read()) * 3;
  }
}
"""


def test_static_values_survive_power_up(tmp_path: Path) -> None:
    source = tmp_path / "kernel.cpp"
    source.write_text(TEXT)
    lower_source(source, "kernel", tmp_path / "build")
    kernel = Kernel.open(tmp_path / "build")
    for seed in range(1, 9):
        result = cosim_kernel(kernel, calls=2, seed=seed, engine="fast")
        assert result.match, (seed, result.first_mismatch)
