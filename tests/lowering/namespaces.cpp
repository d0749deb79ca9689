// Namespaces: two layers with the same names inside, one of them in a header; templates as
// processes, twice.
#include "namespaces.hpp"

namespace conv2 {
const int kLength = 3;
const short kWeights[kLength][2] = {{-300, 2}, {1, 100}, {77, -1}};
struct Window_t {
  ap_int<20> left, right;
};

static void slide(hls::stream<ap_int<20> >& in, hls::stream<Window_t>& out, int frames) {
each:
  for (int n = 0; n < frames; ++n) {
  pixel:
    for (int i = 0; i < kLength; ++i) {
#pragma HLS PIPELINE II=2
      Window_t window;
      window.left = in.read();
      window.right = in.read();
      out.write(window);
    }
  }
}

// Its table is read one word a cycle; that of conv1 is partitioned.
static void multiply(hls::stream<Window_t>& in, hls::stream<ap_int<40> >& out, int frames) {
  static int sums[kLength] = {1, 2, 3};
each:
  for (int n = 0; n < frames; ++n) {
  pixel:
    for (int i = 0; i < kLength; ++i) {
#pragma HLS PIPELINE II=2
      const Window_t window = in.read();
      sums[i] ^= n;
      out.write(window.left * kWeights[i][0] + window.right * kWeights[i][1] + sums[i]);
    }
  }
}
}  // namespace conv2

namespace wires {
template <int From, int To>
void widen(hls::stream<ap_int<From> >& in, hls::stream<ap_int<To> >& out, int words) {
each:
  for (int i = 0; i < words; ++i) {
#pragma HLS PIPELINE II=1
    out.write(in.read());
  }
}
}  // namespace wires

namespace {
void halve(hls::stream<ap_int<40> >& in, hls::stream<ap_int<40> >& out, int words) {
each:
  for (int i = 0; i < words; ++i) {
#pragma HLS PIPELINE II=1
    out.write(in.read() >> 1);
  }
}
}  // namespace

void namespaces(hls::stream<conv1::Pixel_t>& in, hls::stream<ap_int<64> >& out, int frames,
                int words) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
#pragma HLS DATAFLOW
  hls::stream<conv1::Window_t> windows1("windows1");
  hls::stream<ap_int<20> > sums1("sums1");
  hls::stream<conv2::Window_t> windows2("windows2");
  hls::stream<ap_int<40> > sums2("sums2"), halves("halves");
  hls::stream<ap_int<48> > wider("wider");
#pragma HLS STREAM variable=windows2 depth=5
  conv1::slide(in, windows1, frames);
  conv1::multiply(windows1, sums1, frames);
  conv2::slide(sums1, windows2, frames);
  conv2::multiply(windows2, sums2, frames);
  halve(sums2, halves, words);
  wires::widen<40, 48>(halves, wider, words);
  wires::widen<48, 64>(wider, out, words);
}
