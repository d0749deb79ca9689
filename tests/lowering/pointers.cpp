// Pointers: chosen among arrays and m_axi arguments, moved in a loop, exchanged after each round.
#include <ap_int.h>
#include <hls_stream.h>

void pointers(const int* a, const int* b, int* c, unsigned char choice, unsigned char count) {
#pragma HLS INTERFACE m_axi port=a depth=64 bundle=gmem0
#pragma HLS INTERFACE m_axi port=b depth=64 bundle=gmem1
#pragma HLS INTERFACE m_axi port=c depth=256 bundle=gmem2
  int x[64], y[64], z[64];
  const int* from = choice & 1 ? a : b + 3;
  int* to = c;
move:
  for (const int* p = from; p != from + 40; ++p) {
#pragma HLS PIPELINE
    *to++ = *p * 3;
  }
load:
  for (int i = 0; i < 64; ++i) {
    x[i] = a[i];
    y[i] = 0;
    z[i] = -i;
  }
  int *before = x, *after = y;
rounds:
  for (int t = 0; t < (choice & 3) + 1; ++t) {
  smooth:
    for (int i = 1; i < 63; ++i) {
#pragma HLS PIPELINE
      after[i] = before[i - 1] + before[i + 1];
    }
    int* swapped = before;
    before = after;
    after = swapped;
  }
  const int* shown;
  if (choice & 4) {
    shown = before;
    c[100] = 1;
  } else if (choice & 8) {
    shown = z + (choice & 7);
    c[101] = 2;
  } else {
    shown = &after[count & 15];
  }
  int found = 0;
search:
  while (found < 30 && shown[found] >= -1000000) ++found;
  c[102] = found;
show:
  for (int i = 0; i < 40; ++i) c[110 + i] = shown[i];
}
