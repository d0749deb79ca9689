// Hints about loops and memories: flatten, off, rewind, storage, dependences, trip counts.
#include <ap_int.h>
#include <hls_stream.h>

void loops(hls::stream<unsigned short>& in, hls::stream<unsigned>& out, unsigned char seed) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
#pragma HLS INTERFACE s_axilite port=seed bundle=control
#pragma HLS INTERFACE s_axilite port=return bundle=control
  unsigned short first[128], second[128];
#pragma HLS BIND_STORAGE variable=first type=ram_2p impl=bram
#pragma HLS BIND_STORAGE variable=second type=ram_s2p impl=lutram
#pragma HLS DEPENDENCE variable=second inter false
rows:
  for (int r = 0; r < 8; ++r) {
#pragma HLS LOOP_FLATTEN off
    for (int c = 0; c < 16; ++c) {
#pragma HLS PIPELINE II=1
      const unsigned short v = in.read();
      first[16 * r + c] = v;
      second[127 - 16 * r - c] = v + seed;
    }
  }
mix:
  for (int i = 0; i < 128; ++i) {
#pragma HLS PIPELINE II=1 rewind
    second[i] = static_cast<unsigned short>(second[i] ^ first[i]);
  }
slow:
  for (int i = 0; i < 128; ++i) {
#pragma HLS PIPELINE off
    out.write(unsigned(second[i]) * first[(i * 5 + seed) & 127]);
  }
}
