// ordinary.cpp - ap_int where C++ code has a native integer.
#include <ap_int.h>

#include <algorithm>
#include <iostream>

enum { TAPS = 9 };
int main() {
    ap_uint<4> i = 3;
    int table[16] = {0, 10, 20, 30};
    table[i] += i;
    switch (i) {
        case 3: table[0] = 1; break;
        default: table[0] = 2;
    }
    for (ap_uint<3> n = 0, m = 7; n < 5 && m > 0; n++, --m) table[0] += n;
    const ap_int<12> taps = i * TAPS;
    const ap_int<8> larger = taps > 20 ? ap_int<8>(1) : ap_int<8>(-1);
    const int as_int = i, *element = table + i;
    if (*element == as_int + 30 && i[ap_uint<2>(1)] && std::min(i, ap_uint<4>(9)) == 3) {
        table[0]++;
    }
    ap_uint<8> octet("11110000", 2);
    std::cout << table[3] << ' ' << table[0] << ' ' << taps << ' ' << -larger << ' '
              << (1 << i) << ' ' << 2.5 * i << ' ' << octet.range(7, 4) << ' ' << std::hex
              << octet << ' ' << ap_int<8>(-16) << ' ' << octet.to_string(16) << ' '
              << octet.lrotate(2).to_string(2) << ' ' << octet.reverse().to_string();
}
