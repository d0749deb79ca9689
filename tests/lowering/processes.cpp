// Processes: one function several times, scalars of small types and constants as their arguments.
#include <ap_int.h>
#include <hls_stream.h>

static void scale(hls::stream<int>& in, hls::stream<int>& out, ap_int<9> by, bool negative) {
scale_each:
  for (int i = 0; i < 8; ++i) {
#pragma HLS PIPELINE II=1
    const int product = in.read() * by;
    out.write(negative ? -product : product);
  }
}

void processes(hls::stream<int>& in, hls::stream<int>& out, ap_int<9> by, bool negative) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
#pragma HLS DATAFLOW
  hls::stream<int> first, second;
  scale(in, first, by, negative);
  scale(first, second, -3, negative);
  scale(second, out, by, true);
}
