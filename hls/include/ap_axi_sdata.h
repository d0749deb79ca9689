// ap_axi_sdata.h - one beat of an AXI4-Stream: ap_axiu<D, U, TI, TD> carries D unsigned bits of
// data, ap_axis<D, U, TI, TD> D signed ones, beside the protocol's side-band signals.
//
// Promise: a beat is a plain struct of ap_uint members named after the signals. U, TI and TD are
// the widths of TUSER, TID and TDEST; at width 0 the signal and the member of that name do not
// exist, and take no space. keep and strb have one bit for each byte of data, and the writer
// has to set them: nothing is initialised.
// Only the public interface of <ap_int.h> is used, so the vendor's does as well.
//
// Source: AMD UG1399, "AXI4-Stream Interfaces" (side-channels).
#ifndef LINELOOM_AP_AXI_SDATA_H
#define LINELOOM_AP_AXI_SDATA_H

#include <ap_int.h>

namespace ap_axi_detail {

template <int WIDTH>
struct with_user {
    ap_uint<WIDTH> user;
};
template <>
struct with_user<0> {};

template <int WIDTH>
struct with_id {
    ap_uint<WIDTH> id;
};
template <>
struct with_id<0> {};

template <int WIDTH>
struct with_dest {
    ap_uint<WIDTH> dest;
};
template <>
struct with_dest<0> {};

template <int D, int U, int TI, int TD>
struct checked_widths {
    static_assert(D > 0, "ap_axiu<D, ...>, ap_axis<D, ...>: the data width D has to be positive");
    static_assert(U >= 0 && TI >= 0 && TD >= 0,
                  "ap_axiu<D, U, TI, TD>, ap_axis<D, U, TI, TD>: the widths of user, id and dest "
                  "have to be 0 (no such signal) or more");
};

}  // namespace ap_axi_detail

template <int D, int U, int TI, int TD>
struct ap_axiu : ap_axi_detail::checked_widths<D, U, TI, TD>,
                 ap_axi_detail::with_user<U>,
                 ap_axi_detail::with_id<TI>,
                 ap_axi_detail::with_dest<TD> {
    ap_uint<D> data;
    ap_uint<(D + 7) / 8> keep;
    ap_uint<(D + 7) / 8> strb;
    ap_uint<1> last;
};

template <int D, int U, int TI, int TD>
struct ap_axis : ap_axi_detail::checked_widths<D, U, TI, TD>,
                 ap_axi_detail::with_user<U>,
                 ap_axi_detail::with_id<TI>,
                 ap_axi_detail::with_dest<TD> {
    ap_int<D> data;
    ap_uint<(D + 7) / 8> keep;
    ap_uint<(D + 7) / 8> strb;
    ap_uint<1> last;
};

#endif  // LINELOOM_AP_AXI_SDATA_H
