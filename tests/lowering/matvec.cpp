// y = A . x with AXI4 masters: nested loops, a buffer, run-time sizes.
#include <ap_int.h>

const int kMaxCols = 256;

void matvec(const int* a, const int* x, int* y, int rows, int cols) {
#pragma HLS INTERFACE m_axi port=a offset=slave bundle=gmem_a depth=65536
#pragma HLS INTERFACE m_axi port=x offset=slave bundle=gmem_x depth=256
#pragma HLS INTERFACE m_axi port=y offset=slave bundle=gmem_y depth=256
#pragma HLS INTERFACE s_axilite port=a bundle=control
#pragma HLS INTERFACE s_axilite port=x bundle=control
#pragma HLS INTERFACE s_axilite port=y bundle=control
#pragma HLS INTERFACE s_axilite port=rows bundle=control
#pragma HLS INTERFACE s_axilite port=cols bundle=control
#pragma HLS INTERFACE s_axilite port=return bundle=control
  int vector[kMaxCols];
load_x:
  for (int c = 0; c < cols; ++c) {
#pragma HLS PIPELINE II=1
    vector[c] = x[c];
  }
rows:
  for (int r = 0; r < rows; ++r) {
    int sum = 0;
  dot:
    for (int c = 0; c < cols; ++c) {
#pragma HLS PIPELINE II=1
      sum += a[r * cols + c] * vector[c];
    }
    y[r] = sum;
  }
}
