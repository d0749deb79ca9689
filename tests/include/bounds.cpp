// bounds.cpp - what simulation catches at run time.
#include <ap_int.h>
#include <cstdio>
template <class F>
static void report(F access) {
    try {
        access();
        std::printf("nothing\n");
    } catch (const std::logic_error& error) {
        std::printf("%s\n", error.what());
    }
}
int main(int one, char**) {
    ap_uint<8> x = 0;
    report([&] { x[7 * one] = 1; });
    report([&] { x[8 * one] = 1; });
    report([&] { return x.range(9 * one, 0).to_int(); });
    report([&] { return x.range(7, -one).to_int(); });
    report([&] { return x.test(-one); });
    report([&] { x = one / 0.0; });
    report([&] { x = ap_uint<8>("0o18"); });
}
