// Block RAM: two reads a cycle, three in two cycles, writes through either branch, code without loop.
#include <ap_int.h>
#include <hls_stream.h>

static const int kTable[128] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 77, 1234567, -3};

void ports(hls::stream<ap_uint<32>>& in, hls::stream<ap_uint<32>>& out) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
  ap_uint<32> table[128];
fill:
  for (int i = 0; i < 128; ++i) {
#pragma HLS PIPELINE II=1
    const ap_uint<32> x = in.read();
    if (x[0]) {
      table[i] = x;
    } else {
      table[127 - i] = x * x;
      table[i] = i;
    }
  }
pairs:
  for (int i = 0; i < 64; ++i) {
#pragma HLS PIPELINE II=1
    out.write(table[i] - table[127 - i]);
  }
triples:
  for (int i = 0; i < 64; ++i) {
#pragma HLS PIPELINE II=1
    const ap_uint<32> x = in.read();
    out.write(table[i] ^ (table[x.range(6, 0)] + table[127 - i]) ^ kTable[i] ^ kTable[x & 15]);
  }
  out.write(table[3] * table[5] - table[7] + table[100] * table[90]);
  table[3] = table[4] + table[6];
  out.write(table[3] ^ table[8]);
}
