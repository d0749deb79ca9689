// Loops with constant and run-time bounds, branches, early ends: break, continue, return; stores of
// which both may happen, one of them where two conditions are the same.
#include <ap_int.h>
#include <hls_stream.h>

int control(const int* data, int rows, int cols, hls::stream<int>& out) {
#pragma HLS INTERFACE m_axi port=data depth=256 bundle=gmem
#pragma HLS INTERFACE axis port=out
  int buffer[256];
load:
  for (int i = 0; i < rows * cols; ++i) {
#pragma HLS PIPELINE II=1
    buffer[i] = data[i];
  }
  int best = -1;
rows:
  for (int r = 0; r < rows; ++r) {
    int sum = 0;
  cols:
    for (int c = 0; c < cols; ++c) {
#pragma HLS LOOP_TRIPCOUNT min=1 max=16 avg=8
      const int v = buffer[r * cols + c] & 0xff;
      if (v > 250) break;
      if (v < 10) continue;
      if (v & 1) {
        sum += v;
      } else if (v & 2) {
        sum -= v >> 1;
      } else {
        sum ^= v;
      }
      for (int k = 0; k < 3; ++k) sum += k * v;
    }
    out.write(sum);
    if (sum == 77) return 77;
    if (sum > best) best = sum;
  }
triangle:
  for (int i = 0; i < 5; ++i) {
    for (int j = i; j < 5; ++j) {
      if (i + j == rows) return best + 1000;
      out.write(i * 16 + j);
    }
  }
  int marked[64] = {};
  int latest[3] = {};
#pragma HLS ARRAY_PARTITION variable=latest complete
mark:
  for (int i = 0; i < 100; ++i) {
#pragma HLS PIPELINE II=1
    const int v = buffer[i];
    const bool low = (v & 0xff) > 100, high = (v >> 8 & 0xff) > 150;
    if (low) marked[v >> 3 & 63] = i;
    if (low == high) marked[v >> 11 & 63] = v;
    if (low) latest[i % 3] = v;
    if (low == high) latest[v & 1] = i;
  }
  for (int i = 0; i < 3; ++i) out.write(latest[i]);
  for (int i = 0; i < 64; ++i) out.write(marked[i]);
  do {
    best = best / 2 - 3;
    out.write(best);
  } while (best > 20);
  return best;
}
