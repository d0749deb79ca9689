// streams.cpp - streams and beats, with Lineloom's ap_int.h and with the vendor's.
#include "ap_axi_sdata.h"
#include "hls_stream.h"

#include <cstdio>
#include <stdexcept>
#include <type_traits>

typedef ap_axiu<32, 0, 0, 0> beat;

// The cast keeps ap_int's own comma operator away.
template <class T>
auto has_user(int) -> decltype(static_cast<void>(T().user), std::true_type());
template <class T>
auto has_user(...) -> std::false_type;
static_assert(!decltype(has_user<beat>(0))::value, "");
static_assert(decltype(has_user<ap_axiu<8, 1, 0, 0> >(0))::value, "");
static_assert(!std::is_copy_constructible<hls::stream<int> >::value, "");
static_assert(!std::is_copy_assignable<hls::stream<int, 4> >::value, "");
static_assert(hls::stream<int, 4>::capacity() == 4, "");

static void copy(hls::stream<beat>& from, hls::stream<beat>& to) {
    while (!from.empty()) to << from.read();
}

int main() {
    hls::stream<beat> in("in");
    hls::stream<beat, 2> out("out");
    for (int i = 0; i < 3; ++i) {
        beat b;
        b.data = 100 + i;
        b.keep = 15;
        b.strb = 15;
        b.last = i == 2;
        in.write(b);
    }
    copy(in, out);
    while (!out.empty()) {
        beat b;
        out >> b;
        std::printf("%d/%d/%d ", b.data.to_int(), b.keep.to_int(), b.last.to_int());
    }

    ap_axis<16, 2, 3, 4> s;
    s.data = -7;
    s.user = 2;
    s.id = 5;
    s.dest = 9;
    std::printf("%d %d %d %d | ", s.data.to_int(), s.user.to_int(), s.id.to_int(),
                s.dest.to_int());

    // Reads and writes interleaved, so that the ring wraps round at every size.
    hls::stream<unsigned> numbers;
    unsigned written = 0, expected = 0, errors = 0, got = 0;
    for (int round = 0; round < 200; ++round) {
        for (int i = 0; i < 7; ++i) numbers.write(written++);
        for (int i = 0; i < 5; ++i) errors += numbers.read() != expected++;
    }
    std::printf("%u %d %d ", errors, (int)numbers.size(), (int)numbers.full());
    while (numbers.read_nb(got)) errors += got != expected++;
    std::printf("%u %d %d %u | ", errors, (int)numbers.size(), (int)numbers.empty(), got);

    hls::stream<bool> flags;
    flags.write_nb(true);
    bool flag = false;
    flags.read(flag);
    std::printf("%d | ", (int)flag);

    try {
        hls::stream<int> windows("windows");
        windows.read();
    } catch (const std::runtime_error& error) {
        std::printf("%s", error.what());
    }
}
