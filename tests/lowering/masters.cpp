// AXI4 masters of many widths: read, written, both; bursts and single words; several bundles.
#include <ap_int.h>

void masters(const unsigned char* bytes, ap_uint<128>* words, int* table, const short* index,
             long long* sums, int count) {
#pragma HLS INTERFACE m_axi port=bytes offset=slave bundle=gmem0 depth=320
#pragma HLS INTERFACE m_axi port=words offset=slave bundle=gmem1 depth=20 max_write_burst_length=16
#pragma HLS INTERFACE m_axi port=table offset=slave bundle=gmem2 depth=64
#pragma HLS INTERFACE m_axi port=index offset=slave bundle=gmem3 depth=32
#pragma HLS INTERFACE m_axi port=sums offset=slave bundle=gmem4 depth=1 num_write_outstanding=4
pack:
  for (int i = 0; i < count; ++i) {
    ap_uint<128> word = 0;
    for (int k = 0; k < 16; ++k) {
#pragma HLS PIPELINE II=1
      word = (ap_uint<8>(bytes[16 * i + k]), word.range(127, 8));
    }
    words[i] = word;
  }
  long long sum = 0;
scatter:
  for (int i = 0; i < 2 * count; ++i) {
    const int at = index[i] & 63;
    const int old = table[at];
    sum += old;
    table[at] = old + i;
  }
  sums[0] = sum;
}
