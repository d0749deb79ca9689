// thin.cpp - an object is an integer and nothing else; all is decided at compile time.
#include <ap_int.h>
#include <type_traits>
template <class T>
constexpr bool thin =
    std::is_trivial_v<T> && std::is_trivially_copyable_v<T> &&
    std::is_standard_layout_v<T>;
static_assert(thin<ap_int<8>> && thin<ap_uint<1>> && thin<ap_uint<576>>, "");
static_assert(sizeof(ap_int<1>) == 1 && sizeof(ap_int<8>) == 1, "");
static_assert(sizeof(ap_uint<32>) == 4 && sizeof(ap_uint<1024>) == 128, "");
static_assert(ap_int<8>(-128) / ap_int<8>(-1) == 128, "");
static_assert((ap_uint<12>(0xabc).range(11, 4), ap_uint<4>(7)) == 0xab7, "");
constexpr ap_uint<128> wide("0x1234567890abcdef1234567890abcdef");
static_assert(wide.range(127, 64).to_uint64() == 0x1234567890abcdef, "");
constexpr ap_uint<8> changed() {
    ap_uint<8> x = 0;
    x[3] = 1;
    x.range(7, 6) = 3;
    return ++x;
}
static_assert(changed() == 0xc9, "");
int main() {}
