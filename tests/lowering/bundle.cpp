// Pointers without a bundle: Vitis HLS puts all of them on one AXI4 master, gmem.
#include <ap_int.h>

void bundle(const int* a, const int* b, int* c, int count) {
#pragma HLS INTERFACE m_axi port=a depth=600
#pragma HLS INTERFACE m_axi port=b depth=600
#pragma HLS INTERFACE m_axi port=c depth=600
add:
  for (int i = 0; i < count; ++i) {
#pragma HLS PIPELINE II=1
    c[i] = a[i] + b[i];
  }
}
