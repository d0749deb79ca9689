// Without control: it runs for ever, as fast as its streams allow (ap_ctrl_none).
#include <ap_int.h>
#include <hls_stream.h>

void endless(hls::stream<ap_uint<10>>& in, hls::stream<ap_uint<12>>& out) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
#pragma HLS INTERFACE ap_ctrl_none port=return
  static ap_uint<12> before = 0;
group:
  for (int i = 0; i < 4; ++i) {
#pragma HLS PIPELINE II=1 rewind
    const ap_uint<10> x = in.read();
    out.write(x + before);
    before = x;
  }
}
