// One reader and one writer of a master: reads and writes have channels of their own.
void copy(const short* from, short* to, int count) {
#pragma HLS INTERFACE m_axi port=from depth=700 bundle=both
#pragma HLS INTERFACE m_axi port=to depth=700 bundle=both
move:
  for (int i = 0; i < count; ++i) {
#pragma HLS PIPELINE II=1
    to[i] = from[i] ^ i;
  }
}
