// DATAFLOW with two readers and two writers on one master, whose words have three widths: processes
// that wait for each other in both ways, bursts and single words.
#include <ap_int.h>
#include <hls_stream.h>

const int kWords = 300;

static void load(const ap_uint<64>* wide, hls::stream<ap_uint<64> >& out) {
  for (int i = 0; i < kWords; ++i) {
#pragma HLS PIPELINE II=1
    out.write(wide[i]);
  }
}

// Wants all of `order` only after the first half of what `load` reads came by.
static void mix(hls::stream<ap_uint<64> >& in, const unsigned char* order, int* sums,
                hls::stream<ap_uint<64> >& out) {
  ap_uint<64> kept[kWords];
first:
  for (int i = 0; i < kWords / 2; ++i) {
#pragma HLS PIPELINE II=1
    kept[i] = in.read();
  }
second:
  for (int i = 0; i < kWords / 2; ++i) {
#pragma HLS PIPELINE II=1
    const ap_uint<64> word = in.read();
    const unsigned char at = order[i] % (kWords / 2);
    out.write(kept[at] + word);
    sums[2 * i] = word.range(31, 0);
    sums[2 * i + 1] = at;
  }
}

// Its words come after `sums` has gone far ahead, and backwards: bursts of one.
static void store(hls::stream<ap_uint<64> >& in, short* back) {
  for (int i = 0; i < kWords / 2; ++i) {
#pragma HLS PIPELINE II=1
    back[kWords / 2 - 1 - i] = in.read().range(63, 48);
  }
}

void shared(const ap_uint<64>* wide, const unsigned char* order, int* sums, short* back) {
#pragma HLS INTERFACE m_axi port=wide offset=slave depth=300
#pragma HLS INTERFACE m_axi port=order offset=slave depth=150
#pragma HLS INTERFACE m_axi port=sums offset=slave depth=300
#pragma HLS INTERFACE m_axi port=back offset=slave depth=150
#pragma HLS DATAFLOW
  hls::stream<ap_uint<64> > loaded("loaded");
  hls::stream<ap_uint<64> > mixed("mixed");
#pragma HLS STREAM variable=loaded depth=4
#pragma HLS STREAM variable=mixed depth=2
  load(wide, loaded);
  mix(loaded, order, sums, mixed);
  store(mixed, back);
}
