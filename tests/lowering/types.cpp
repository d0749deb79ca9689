// Native and arbitrary precision integers as arguments, with conversions between them.
#include <ap_int.h>
#include <hls_stream.h>

long long types(bool flag, char c, signed char sc, unsigned char uc, short s, unsigned short us,
                int i, unsigned u, long l, long long ll, ap_uint<1> one, ap_int<3> three,
                ap_uint<12> twelve, ap_int<33> wide, ap_uint<64> whole,
                hls::stream<ap_int<70>>& out) {
#pragma HLS INTERFACE axis port=out
  out.write(ap_int<70>(c) + sc);
  out.write(ap_int<70>(uc) - us);
  out.write(ap_int<70>(s) * i);
  out.write(flag ? ap_int<70>(l) : ap_int<70>(ll));
  out.write((ap_int<70>(whole) << 3) ^ wide);
  out.write(ap_int<70>(three) * twelve + one);
  const short narrow = static_cast<short>(i);
  const unsigned char byte = static_cast<unsigned char>(ll);
  const bool odd = (u & 1u) != 0 || !flag;
  out.write(narrow);
  out.write(byte);
  out.write(odd);
  out.write(wide.to_int());
  out.write(ap_uint<5>(twelve) + ap_int<5>(three));
  out.write(flag == odd ? -1 : 1);
  return static_cast<long long>(u) * uc - (static_cast<long long>(s) << 20) + three.to_int();
}
