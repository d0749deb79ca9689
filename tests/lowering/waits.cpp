// Readers and writers of one master that would hang if a burst held it while it waits: all of one
// array is read, or written, before any of another, whose addresses are known at once.
void waits(const int* early, const int* late, int* first, int* second) {
#pragma HLS INTERFACE m_axi port=early depth=400
#pragma HLS INTERFACE m_axi port=late depth=400
#pragma HLS INTERFACE m_axi port=first depth=400
#pragma HLS INTERFACE m_axi port=second depth=400
  int total = 0;
ahead:
  for (int i = 0; i < 400; ++i) {
#pragma HLS PIPELINE II=1
    total += early[i] * i;
    first[i] = total;
  }
behind:
  for (int i = 0; i < 400; ++i) {
#pragma HLS PIPELINE II=1
    second[i] = late[i] ^ total;
  }
}
