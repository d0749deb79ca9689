// A histogram: a memory that is read, changed and written for every element.
#include <ap_int.h>

const int kBins = 256;

void histogram(const unsigned char* image, unsigned* bins, int pixels) {
#pragma HLS INTERFACE m_axi port=image offset=slave bundle=gmem_image depth=4096
#pragma HLS INTERFACE m_axi port=bins offset=slave bundle=gmem_bins depth=256
#pragma HLS INTERFACE s_axilite port=image bundle=control
#pragma HLS INTERFACE s_axilite port=bins bundle=control
#pragma HLS INTERFACE s_axilite port=pixels bundle=control
#pragma HLS INTERFACE s_axilite port=return bundle=control
  unsigned counts[kBins];
clear:
  for (int b = 0; b < kBins; ++b) {
#pragma HLS PIPELINE II=1
    counts[b] = 0;
  }
count:
  for (int i = 0; i < pixels; ++i) {
#pragma HLS PIPELINE II=1
    counts[image[i]] += 1;
  }
store:
  for (int b = 0; b < kBins; ++b) {
#pragma HLS PIPELINE II=1
    bins[b] = counts[b];
  }
}
