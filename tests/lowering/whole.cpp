// Whole arrays: initial values, memset and memcpy, of banks, rows, structs, and memory behind m_axi.
#include <ap_int.h>
#include <hls_stream.h>
#include <string.h>

struct Pair {
  int first;
  short second;
  ap_int<5> third;
};

void whole(const int* data, int* copied, hls::stream<int>& out, ap_uint<6> n) {
#pragma HLS INTERFACE m_axi port=data depth=64 bundle=gmem0
#pragma HLS INTERFACE m_axi port=copied depth=64 bundle=gmem1
#pragma HLS INTERFACE axis port=out
  int counts[64] = {0};
  ap_uint<100> wide[20] = {7, 8};
  short rows[4][16] = {{1, 2, 3}, {4}};
#pragma HLS ARRAY_PARTITION variable=rows complete dim=1
  int cyclic[64] = {1, 2, 3};
#pragma HLS ARRAY_PARTITION variable=cyclic cyclic factor=4
  unsigned char block[64] = {};
#pragma HLS ARRAY_PARTITION variable=block block factor=4
  int uneven[3][10] = {{1}, {2, 3, 4, 5}};
#pragma HLS ARRAY_PARTITION variable=uneven block factor=4 dim=2
  Pair pairs[8] = {{1, 2, 3}, {4, 5, 6}};
  int local[64];
  memcpy(local, data, sizeof local);
count:
  for (int i = 0; i < 64; ++i) {
#pragma HLS PIPELINE
    int few[4] = {1, 2, 3, 4};
    few[local[i] & 3] = i;
    counts[local[i] & 63] += few[i & 3];
  }
touch:
  for (int i = 0; i < 64; ++i) {
    const int at = local[i] & 0xffff;
    wide[at % 20] += ap_uint<100>(at) << 60;
    rows[at & 3][(at >> 2) & 15] += i;
    cyclic[at & 63] += i;
    block[(at >> 3) & 63] += i;
    uneven[i % 3][i % 10] += at;
    pairs[at & 7].first += i;
    pairs[(at >> 3) & 7] = pairs[i & 7];
  }
  if (n & 1) memset(rows[n & 3], -1, sizeof rows[0]);
  if (n & 2) memset(block, n, sizeof block);
  memcpy(copied, counts, n * sizeof(int));
  memset(copied + 40, 0x5a, 10 * sizeof(int));
  Pair kept[8];
  memcpy(kept, pairs, sizeof kept);
  memset(pairs, 0, sizeof pairs);
show:
  for (int i = 0; i < 64; ++i) {
    out.write(wide[i % 20].range(91, 60).to_int() + cyclic[i] * 3 + block[i] * 5);
    out.write(rows[i >> 4][i & 15] + uneven[i % 3][i % 10] + counts[63 - i]);
    out.write(kept[i & 7].first + kept[i & 7].second + kept[i & 7].third + pairs[i & 7].third);
  }
}
