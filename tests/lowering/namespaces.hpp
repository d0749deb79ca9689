// A layer in a file of its own, with the names of the layer in namespaces.cpp.
#ifndef NAMESPACES_HPP
#define NAMESPACES_HPP
#include <ap_int.h>
#include <hls_stream.h>

namespace conv1 {
const int kLength = 6;
const signed char kWeights[kLength][2] = {{1, -2}, {3, 4}, {-5, 6}, {7, 8}, {9, 1}, {-2, 3}};
typedef ap_uint<8> Pixel_t;
struct Window_t {
  Pixel_t left, right;
};

static void slide(hls::stream<Pixel_t>& in, hls::stream<Window_t>& out, int frames) {
each:
  for (int n = 0; n < frames; ++n) {
    Pixel_t last = 0;
  pixel:
    for (int i = 0; i < kLength; ++i) {
#pragma HLS PIPELINE II=1
      Window_t window;
      window.left = last;
      window.right = last = in.read();
      out.write(window);
    }
  }
}

static void multiply(hls::stream<Window_t>& in, hls::stream<ap_int<20> >& out, int frames) {
#pragma HLS ARRAY_PARTITION variable=kWeights complete dim=2
  static ap_uint<6> sums[kLength];
each:
  for (int n = 0; n < frames; ++n) {
  pixel:
    for (int i = 0; i < kLength; ++i) {
#pragma HLS PIPELINE II=1
      const Window_t window = in.read();
      sums[i] += window.right;
      out.write(window.left * kWeights[i][0] + window.right * kWeights[i][1] + sums[i]);
    }
  }
}
}  // namespace conv1

#endif
