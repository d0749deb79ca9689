// AXI4-Stream with all its side channels; a packet ends by TLAST, not by a count.
#include <ap_axi_sdata.h>
#include <ap_int.h>
#include <hls_stream.h>

typedef ap_axiu<24, 5, 3, 2> In_t;
typedef ap_axis<13, 0, 0, 0> Out_t;
typedef ap_axiu<8, 1, 0, 9> Side_t;

void axis(hls::stream<In_t>& in, hls::stream<Out_t>& out, hls::stream<Side_t>& side) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
#pragma HLS INTERFACE axis port=side
  bool last = false;
packet:
  while (!last) {
#pragma HLS PIPELINE II=1
    const In_t beat = in.read();
    last = beat.last;
    Out_t sent;
    sent.data = ap_int<13>(beat.data.range(20, 8)) - 5;
    sent.keep = beat.keep.range(1, 0);
    sent.strb = beat.strb.range(2, 1);
    sent.last = beat.last & beat.keep[2];
    out.write(sent);
    if (beat.data[0]) {
      Side_t other;
      other.data = beat.data.range(23, 16);
      other.keep = 1;
      other.strb = beat.strb[0];
      other.last = beat.last;
      other.user = beat.user[4];
      other.dest = (beat.dest, beat.id, beat.user.range(3, 0));
      side.write(other);
    }
  }
}
