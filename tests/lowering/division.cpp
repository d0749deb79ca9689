// Quotients and remainders by constants and by variables, signed and unsigned, of many widths.
#include <ap_int.h>
#include <hls_stream.h>

void division(hls::stream<ap_uint<64>>& in, hls::stream<ap_uint<64>>& out, int count) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
each:
  for (int i = 0; i < count; ++i) {
#pragma HLS PIPELINE
    const ap_uint<64> word = in.read();
    const unsigned a = word.range(31, 0).to_uint();
    const unsigned b = word.range(63, 32).to_uint() | 1u;
    const short s = static_cast<short>(a);
    const short t = static_cast<short>(b % 300u) - 150;
    const ap_int<12> p = word.range(20, 9);
    const ap_int<7> q = word.range(40, 34);
    out.write(a / b);
    out.write(a % b);
    out.write(a / 7u);
    out.write(a % 1000u);
    out.write(ap_uint<64>(s / 10) ^ (ap_uint<64>(s % -7) << 32));
    out.write(t == 0 ? ap_uint<64>(1) : ap_uint<64>(s / t) ^ (ap_uint<64>(s % t) << 20));
    out.write(q == 0 ? ap_uint<64>(2) : ap_uint<64>(p / q) ^ (ap_uint<64>(p % q) << 20));
    out.write(word / (b / 3u + 1u));
  }
  // Outside of a pipeline
  const ap_uint<64> last = in.read();
  const ap_uint<40> divisor = last.range(39, 0) | 1;
  out.write(last / divisor);
  out.write(last % divisor);
}
