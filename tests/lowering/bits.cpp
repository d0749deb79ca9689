// Shifts by variables, slices, single bits, concatenations, reductions, minima, choices, zeros.
#include <algorithm>
#include <ap_int.h>
#include <hls_stream.h>

void bits(hls::stream<ap_uint<32>>& in, hls::stream<ap_int<48>>& out, int count) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
each:
  for (int i = 0; i < count; ++i) {
#pragma HLS PIPELINE II=1
    ap_uint<32> x = in.read();
    const ap_uint<5> by = x.range(4, 0);
    const ap_int<32> s = x;
    const ap_int<17> low = x.range(16, 0);
    ap_uint<32> y = (x << by) | (x >> (31 - by));
    y ^= ap_uint<32>(s >> by);
    y[3] = x[30];
    y.range(15, 8) = x.range(27, 20);
    y.set(20);
    y.clear(21);
    y.invert(22);
    const ap_uint<4> nibbles = (x.range(1, 0), x[9], x[8]);
    const bool parity = y.xor_reduce(), any = nibbles.or_reduce(), all = nibbles.and_reduce();
    const int a = low.to_int(), b = s.to_int() >> 9;
    const int least = std::min(a, b), most = std::max(a, b);
    const unsigned f = std::min<unsigned>(x.to_uint(), 1000u);
    ap_int<48> result = (y, ap_uint<16>(nibbles));
    result += any ? least : all ? most : int(f);
    result = parity ? ap_int<48>(-result) : ap_int<48>(~result);
    result += x == 0 ? 32 : __builtin_ctz(x.to_uint()) - 3 * __builtin_clz(x.to_uint());
    result = x.test(7) ? ap_int<48>(result.range(40, 3)) : result;
    out.write(result);
  }
}
