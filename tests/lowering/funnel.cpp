// Funnel shifts, which LLVM makes of two shifts: of odd widths, by constants and by variables.
#include <ap_int.h>
#include <hls_stream.h>

void funnel(hls::stream<ap_uint<96>>& in, hls::stream<ap_uint<96>>& out, int count) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
each:
  for (int i = 0; i < count; ++i) {
#pragma HLS PIPELINE II=1
    const ap_uint<96> word = in.read();
    const ap_uint<69> high = word, low = word >> 27;
    const ap_uint<69> pieces = (high << 12) | (low >> 57);
    const ap_uint<69> turned = (low >> 1) | (low << 68);
    const unsigned a = word.range(31, 0).to_uint(), b = word.range(63, 32).to_uint();
    const unsigned by = word.range(95, 91).to_uint();
    const unsigned left = (a << by) | (b >> (-by & 31)), right = (a >> by) | (a << (-by & 31));
    out.write(ap_uint<96>(pieces) ^ (ap_uint<96>(turned) << 27));
    out.write((ap_uint<32>(left), ap_uint<32>(right)));
  }
}
