// Sizes over a stream: reads and writes of memory run ahead of a process that is told how many.
#include <ap_int.h>
#include <hls_stream.h>

struct Order_t {
  ap_uint<12> count;
  ap_uint<8> first;
  bool twice;
};

static void order(const unsigned count, hls::stream<Order_t>& reads, hls::stream<unsigned>& writes,
                  hls::stream<ap_uint<8> >& seed) {
  Order_t told;
  told.count = count;
  told.first = 3;
  told.twice = count & 1;
  reads.write(told);
  writes.write(count);
  seed.write(count + 5);
}

static void load(const int* a, hls::stream<int>& words, hls::stream<Order_t>& orders,
                 hls::stream<ap_uint<8> >& seeds) {
  const ap_uint<8> seed = seeds.read();  // no address depends on it
  const Order_t told = orders.read();
  int sum = seed;
load_words:
  for (unsigned i = 0; i < told.count; ++i) {
#pragma HLS PIPELINE II=1
    const int word = a[told.first + i];
    sum += told.twice ? 2 * word : word;
    words.write(sum);
  }
}

static void store(hls::stream<int>& words, int* b, hls::stream<unsigned>& counts) {
  const unsigned count = counts.read();
store_words:
  for (unsigned i = 0; i < count; ++i) {
#pragma HLS PIPELINE II=1
    b[2 * i] = words.read();
  }
}

void told(const int* a, int* b, unsigned count) {
#pragma HLS INTERFACE m_axi port=a depth=128 bundle=gmem0
#pragma HLS INTERFACE m_axi port=b depth=256 bundle=gmem1
#pragma HLS DATAFLOW
  hls::stream<Order_t> orders("orders");
  hls::stream<unsigned> counts("counts");
  hls::stream<ap_uint<8> > seeds("seeds");
  hls::stream<int> words("words");
  order(count, orders, counts, seeds);
  load(a, words, orders, seeds);
  store(words, b, counts);
}
