// A FIR filter on AXI4-Stream: static state, a shift register, one sample a cycle.
#include <ap_axi_sdata.h>
#include <ap_int.h>
#include <hls_stream.h>

const int kTaps = 8;
static const int kCoefficients[kTaps] = {1, -3, 5, 7, 7, 5, -3, 1};
typedef ap_axiu<32, 0, 0, 0> Beat_t;

void fir(hls::stream<Beat_t>& in, hls::stream<Beat_t>& out, unsigned samples) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
#pragma HLS INTERFACE s_axilite port=samples bundle=control
#pragma HLS INTERFACE s_axilite port=return bundle=control
  int delay[kTaps];
#pragma HLS ARRAY_PARTITION variable=delay complete
clear:
  for (int t = 0; t < kTaps; ++t) {
#pragma HLS UNROLL
    delay[t] = 0;
  }
filter:
  for (unsigned i = 0; i < samples; ++i) {
#pragma HLS PIPELINE II=1
    Beat_t beat = in.read();
    int sum = 0;
  taps:
    for (int t = kTaps - 1; t >= 0; --t) {
      delay[t] = t == 0 ? int(beat.data) : delay[t == 0 ? 0 : t - 1];
      sum += delay[t] * kCoefficients[t];
    }
    beat.data = sum;
    out.write(beat);
  }
}
