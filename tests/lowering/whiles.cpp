// While loops with a run-time condition, pipelined and not, with several exits.
#include <ap_int.h>
#include <hls_stream.h>

void whiles(unsigned a, unsigned b, hls::stream<unsigned>& in, hls::stream<unsigned>& out) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
  unsigned x = a + 1, y = b + 1;
euclid:
  while (y != 0) {
    const unsigned rest = x % y;
    x = y;
    y = rest;
  }
  out.write(x);
  unsigned n = a * 3 + 1, steps = 0;
collatz:
  while (n != 1 && steps < 100) {
#pragma HLS PIPELINE
    n = (n & 1) ? 3 * n + 1 : n >> 1;
    ++steps;
  }
  out.write(steps);
  unsigned sum = 0, read = 0;
drain:
  while (true) {
#pragma HLS PIPELINE II=1
    const unsigned v = in.read();
    ++read;
    sum += v;
    if ((v & 15) == 3) break;
    if (read == 40) break;
    out.write(sum);
  }
  out.write(read);
}
