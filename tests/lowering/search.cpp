// A loop whose end depends on what it fetched: its addresses cannot run ahead.
void search(const int* words, int* sum) {
#pragma HLS INTERFACE m_axi port=words offset=slave bundle=gmem_words depth=4096
#pragma HLS INTERFACE m_axi port=sum offset=slave bundle=gmem_sum depth=4096
#pragma HLS INTERFACE s_axilite port=return
  int total = 0;
  int word = 0;
  int at = 0;
walk:
  do {
#pragma HLS PIPELINE II=1
    word = words[at];
    total += word;
    ++at;
  } while ((word & 15) != 9 && at < 4096);
  sum[0] = total;
  sum[1] = at;
}
