// A table in memory that is read and written: what was written may be read right away.
void hazard(int* table, const short* index, int count) {
#pragma HLS INTERFACE m_axi port=table offset=slave bundle=gmem2 depth=64
#pragma HLS INTERFACE m_axi port=index offset=slave bundle=gmem3 depth=32
update:
  for (int i = 0; i < count; ++i) {
#pragma HLS PIPELINE
    const int at = index[i] & 3;
    const int old = table[at];
    table[at] = old + i;
  }
}
