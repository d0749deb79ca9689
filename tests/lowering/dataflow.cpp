// Processes under DATAFLOW: streams with depths, a fork and a join.
#include <ap_int.h>
#include <hls_stream.h>

static void split(hls::stream<ap_uint<16>>& in, hls::stream<ap_uint<8>>& high,
                  hls::stream<ap_uint<8>>& low, int count) {
split_each:
  for (int i = 0; i < count; ++i) {
#pragma HLS PIPELINE II=1
    const ap_uint<16> x = in.read();
    high.write(x.range(15, 8));
    low.write(x.range(7, 0));
  }
}
static void accumulate(hls::stream<ap_uint<8>>& high, hls::stream<ap_uint<20>>& sums, int count) {
  ap_uint<20> sum = 0;
accumulate_each:
  for (int i = 0; i < count; ++i) {
#pragma HLS PIPELINE II=1
    sum += high.read();
    if ((i & 3) == 3 || i == count - 1) {
      sums.write(sum);
      sum = 0;
    }
  }
}
static void join(hls::stream<ap_uint<8>>& low, hls::stream<ap_uint<20>>& sums,
                 hls::stream<ap_uint<32>>& out, int count) {
join_each:
  for (int i = 0; i < count; i += 4) {
    ap_uint<12> group = 0;
    for (int k = 0; k < 4 && i + k < count; ++k) {
#pragma HLS PIPELINE II=1
      group += low.read();
    }
    out.write((sums.read(), group));
  }
}

void dataflow(hls::stream<ap_uint<16>>& in, hls::stream<ap_uint<32>>& out, int count) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
#pragma HLS DATAFLOW
  hls::stream<ap_uint<8>> high("high"), low("low");
  hls::stream<ap_uint<20>> sums("sums");
#pragma HLS STREAM variable=high depth=3
#pragma HLS STREAM variable=low depth=16
  split(in, high, low, count);
  accumulate(high, sums, count);
  join(low, sums, out, count);
}
