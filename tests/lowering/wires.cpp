// Started by wires, with arguments on wires: ap_ctrl_hs, ap_none, a result.
#include <ap_int.h>

ap_int<20> wires(ap_int<9> a, ap_uint<11> module, bool state) {
#pragma HLS INTERFACE ap_none port=a
#pragma HLS INTERFACE ap_none port=module
#pragma HLS INTERFACE ap_none port=state
#pragma HLS INTERFACE ap_ctrl_hs port=return
  ap_int<20> product = 0;
each:
  for (int i = 0; i < 11; ++i) {
    if (module[i]) product += ap_int<20>(a) << i;
  }
  return state ? ap_int<20>(-product) : product;
}
