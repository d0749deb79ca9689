// A DATAFLOW region in a loop: each run reads what the one before left in memory, and state lasts.
#include <ap_int.h>
#include <hls_stream.h>

const int kWords = 24;

static void load(const ap_uint<64>* program, const int* layers, hls::stream<int>& out,
                 hls::stream<ap_uint<64> >& orders, unsigned step) {
  const ap_uint<64> order = program[step];
  orders.write(order);
  const int from = order.range(15, 0) & 63;
words:
  for (int i = 0; i < kWords; ++i) {
#pragma HLS PIPELINE II=1
    out.write(layers[from + i]);
  }
}

static void compute(hls::stream<int>& in, hls::stream<int>& out, int bias, unsigned step) {
  static int runs = 0;
words:
  for (int i = 0; i < kWords; ++i) {
#pragma HLS PIPELINE II=1
    out.write(in.read() * 3 + bias + runs + (step << 4));
  }
  ++runs;
}

// Backwards, a burst a word: what the next run reads first is the last to arrive.
static void store(hls::stream<int>& in, hls::stream<ap_uint<64> >& orders, int* layers_out) {
  const int to = orders.read().range(31, 16) & 63;
words:
  for (int i = 0; i < kWords; ++i) {
#pragma HLS PIPELINE II=1
    layers_out[to + kWords - 1 - i] = in.read();
  }
}

static void step(const ap_uint<64>* program, const int* layers, int* layers_out, const int bias,
                 const unsigned i) {
#pragma HLS DATAFLOW
  hls::stream<int> loaded("loaded"), computed("computed");
  hls::stream<ap_uint<64> > orders("orders");
#pragma HLS STREAM variable=loaded depth=3
  load(program, layers, loaded, orders, i);
  compute(loaded, computed, bias, i);
  store(computed, orders, layers_out);
}

void steps(const ap_uint<64>* program, const int* layers, int* layers_out, const int bias,
           const unsigned count) {
#pragma HLS INTERFACE m_axi port=program offset=slave depth=16 bundle=gmem0
#pragma HLS INTERFACE m_axi port=layers offset=slave depth=96 bundle=gmem1
#pragma HLS INTERFACE m_axi port=layers_out offset=slave depth=96 bundle=gmem1
run:
  for (unsigned i = 0; i < count; ++i) {
    step(program, layers, layers_out, bias, i);
  }
}
