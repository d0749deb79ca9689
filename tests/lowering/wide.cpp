// Integers of up to 1024 bits: arithmetic, comparison, shifts, slices.
#include <ap_int.h>
#include <hls_stream.h>

typedef ap_uint<1024> Wide_t;
typedef ap_int<257> Odd_t;

void wide(hls::stream<Wide_t>& in, hls::stream<Wide_t>& out, unsigned count) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
each:
  for (unsigned i = 0; i < count; ++i) {
#pragma HLS PIPELINE II=4
    const Wide_t a = in.read();
    const Wide_t b = in.read();
    const Odd_t c = a.range(300, 44), d = b.range(1000, 744);
    out.write(a + b);
    out.write(c > d ? Wide_t(c - d) : Wide_t(d * ap_int<8>(-3)));
    out.write((a >> 7) ^ (b << 500) ^ (a >> b.range(9, 0)));
    Wide_t e = (a.range(511, 0), b.range(1023, 512));
    e.range(70, 3) = b.range(99, 32);
    e[1023] = a == b;
    out.write(e);
  }
}
