// Variables of pragmas: arrays of one name in functions that are inlined and in namespaces, names
// that end in digits, an array that a function is given.
#include <ap_int.h>
#include <hls_stream.h>

namespace first {
static const short kTable[4][2] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}};
}
namespace second {
static const short kTable[4][2] = {{-1, 20}, {-3, 40}, {-5, 60}, {-7, 80}};
}

// Counts what the next iteration may count again: its `kept` must not obey the pragma below.
static int histogram(hls::stream<int>& in) {
  int kept[128];
clear:
  for (int i = 0; i < 128; ++i) kept[i] = i;
count:
  for (int i = 0; i < 24; ++i) {
#pragma HLS PIPELINE II=1
    kept[in.read() & 1] += 3;
  }
  return kept[0] * 1000 + kept[1];
}

// Writes what it never reads again.
static int renumber(hls::stream<int>& in, int by) {
  static int kept[2000];
  int kept2[16], sum = 0;
#pragma HLS DEPENDENCE variable=kept inter false
#pragma HLS ARRAY_PARTITION variable=kept2 cyclic factor=4
number:
  for (int i = 0; i < 1000; ++i) {
#pragma HLS PIPELINE II=1
    kept[i] = kept[1999 - i] + by;
  }
fill:
  for (int i = 0; i < 16; ++i) {
#pragma HLS PIPELINE II=1
    kept2[i] = in.read();
  }
add:
  for (int i = 0; i < 16; i += 4) {
#pragma HLS PIPELINE II=1
    for (int k = 0; k < 4; ++k) sum += kept2[i + k] ^ k;
  }
  return sum + kept[by & 511];
}

static int weigh(const int (&values)[8]) {
#pragma HLS ARRAY_PARTITION variable=values complete
#pragma HLS ARRAY_PARTITION variable=second::kTable complete dim=2
  int sum = 0;
pairs:
  for (int i = 0; i < 4; ++i) {
#pragma HLS PIPELINE II=1
    sum += values[2 * i] * second::kTable[i][0] + values[2 * i + 1] * second::kTable[i][1];
  }
singles:
  for (int i = 0; i < 8; ++i) {
#pragma HLS PIPELINE II=1
    sum ^= values[i] * first::kTable[i & 3][i >> 2];
  }
  return sum;
}

int variables(hls::stream<int>& in) {
#pragma HLS INTERFACE axis port=in
  const int counted = histogram(in), by = in.read();
  int given[8];
take:
  for (int i = 0; i < 8; ++i) given[i] = in.read();
  return counted + renumber(in, by) + weigh(given);
}
