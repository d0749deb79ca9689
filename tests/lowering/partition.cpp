// Arrays in banks: complete, cyclic, block, one of several dimensions; loops unrolled by factors.
#include <ap_int.h>
#include <hls_stream.h>

void partition(hls::stream<int>& in, hls::stream<int>& out, ap_uint<3> at) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
  int whole[8];
#pragma HLS ARRAY_PARTITION variable=whole complete
  int cyclic[24];
#pragma HLS ARRAY_PARTITION variable=cyclic cyclic factor=4
  int block[24];
#pragma HLS ARRAY_PARTITION variable=block type=block factor=3
  int rows[4][6];
#pragma HLS ARRAY_PARTITION variable=rows complete dim=1
  int columns[6][4];
#pragma HLS ARRAY_PARTITION variable=columns cyclic factor=2 dim=2
fill:
  for (int i = 0; i < 24; ++i) {
#pragma HLS PIPELINE
    const int v = in.read();
    whole[i & 7] = v;
    cyclic[i] = v + 1;
    block[i] = v + 2;
    rows[i & 3][i >> 2] = v + 3;
    columns[i >> 2][i & 3] = v + 4;
  }
sum:
  for (int i = 0; i < 24; i += 4) {
#pragma HLS PIPELINE
    int sum = 0;
    for (int k = 0; k < 4; ++k) sum += cyclic[i + k];
    out.write(sum);
  }
blocks:
  for (int i = 0; i < 8; ++i) {
#pragma HLS PIPELINE
    out.write(block[i] + block[i + 8] * 3 + block[i + 16] * 5);
  }
table:
  for (int c = 0; c < 6; ++c) {
#pragma HLS PIPELINE
    int sum = 0;
    for (int r = 0; r < 4; ++r) sum += rows[r][c] * (r + 1) - columns[c][r];
    out.write(sum);
  }
  out.write(whole[at]);
  int total = 0;
unrolled:
  for (int i = 0; i < 24; ++i) {
#pragma HLS UNROLL factor=5
    total += cyclic[i] ^ block[i];
  }
  out.write(total);
}
