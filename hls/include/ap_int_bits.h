// ap_int_bits.h - the raw integers below ap_int<W> and ap_uint<W>, and how every operand of
// theirs is seen: as a width, a signedness and a value.
//
// Promise: everything is constexpr and free of state. A function here maps to one LLVM
// instruction, or to a fixed handful of them.
//
// Source: AMD UG1399, "Arbitrary Precision Data Types" (C++ arbitrary precision integers).
#ifndef LINELOOM_AP_INT_BITS_H
#define LINELOOM_AP_INT_BITS_H

#if !defined(__clang__) || __clang_major__ < 16
#error "Lineloom's ap_int.h needs clang 16 or later (it is built on _BitInt, which g++ has in C \
only); use the clang of `pip install ziglang`: python -m ziglang c++"
#elif __cplusplus < 201703L
#error "Lineloom's ap_int.h needs -std=c++17 or later"
#endif

#include <stdexcept>
#include <string>
#include <type_traits>

template <int W, bool S>
struct ap_int_base;
template <int W>
struct ap_int;
template <int W>
struct ap_uint;
template <class Parent>
struct ap_range_ref;
template <class Parent>
struct ap_bit_ref;
template <class Left, class Right>
struct ap_concat_ref;

namespace ap_detail {

// ---- checks ---------------------------------------------------------------------------------

// Kept out of the callers, which are to stay small enough to be inlined.
[[noreturn, gnu::noinline, gnu::cold]] inline void fail_bounds(int index, int width) {
    throw std::out_of_range("ap_int: bit " + std::to_string(index) + " of an integer of " +
                            std::to_string(width) + " bits does not exist");
}
[[noreturn, gnu::noinline, gnu::cold]] inline void fail_conversion() {
    throw std::domain_error("ap_int: a NaN or an infinity has no integer value");
}

// Whether bit `index` exists is checked in simulation, whatever NDEBUG says (ziglang's -O2
// defines it). In hardware there is nobody to tell, so the lowering leaves the check out.
constexpr void check_bounds([[maybe_unused]] int index, [[maybe_unused]] int width) {
#ifndef LINELOOM_LOWERING
    if (index < 0 || index >= width) {
        fail_bounds(index, width);
    }
#endif
}

// ---- raw integers ---------------------------------------------------------------------------

// The integer in which values of the given width and signedness are computed.
template <int W, bool S>
struct raw {
    using type = _BitInt(W);
};
template <int W>
struct raw<W, false> {
    using type = unsigned _BitInt(W);
};
// A signed _BitInt has at least two bits, so -1 and 0 of ap_int<1> are computed in two.
template <>
struct raw<1, true> {
    using type = _BitInt(2);
};
template <int W, bool S>
using raw_t = typename raw<W, S>::type;

// The integer that an object keeps: as above, but always exactly W bits wide.
template <int W, bool S>
using storage_t = raw_t<W, S && (W > 1)>;

// W ones at the low end: the `length` lowest of them, 1 <= length <= W.
template <int W>
constexpr raw_t<W, false> low_mask(int length) {
    return static_cast<raw_t<W, false>>(~raw_t<W, false>(0)) >> (W - length);
}

// The W bits in opposite order: halves, quarters, ... of the next power of two change places.
template <int W>
constexpr raw_t<W, false> reversed(raw_t<W, false> bits) {
    constexpr int power = W == 1 ? 1 : 1 << (32 - __builtin_clz(static_cast<unsigned>(W - 1)));
    using Power = raw_t<power, false>;
    Power value = bits;
    Power mask = static_cast<Power>(~Power(0));
    for (int half = power / 2; half > 0; half /= 2) {
        mask = static_cast<Power>(mask ^ static_cast<Power>(mask << half));
        value = static_cast<Power>(((value >> half) & mask) | ((value << half) & ~mask));
    }
    return static_cast<raw_t<W, false>>(value >> (power - W));
}

// Bits hi..lo of `bits` at the low end; hi < lo gives them in opposite order. Inlined always:
// with constant bounds nothing but a shift and a mask is left.
template <int W>
[[gnu::always_inline]] constexpr raw_t<W, false> slice(raw_t<W, false> bits, int hi, int lo) {
    const bool backwards = hi < lo;
    const int low = backwards ? hi : lo;
    const int length = (backwards ? lo - hi : hi - lo) + 1;
    const auto part = static_cast<raw_t<W, false>>((bits >> low) & low_mask<W>(length));
    return backwards ? reversed<W>(part) >> (W - length) : part;
}

// `bits` with its bits hi..lo replaced by the lowest bits of `value`; hi < lo as in slice().
template <int W>
[[gnu::always_inline]] constexpr raw_t<W, false> with_slice(raw_t<W, false> bits, int hi, int lo,
                                                           raw_t<W, false> value) {
    using Raw = raw_t<W, false>;
    const bool backwards = hi < lo;
    const int low = backwards ? hi : lo;
    const int length = (backwards ? lo - hi : hi - lo) + 1;
    const Raw mask = low_mask<W>(length);
    const Raw part = backwards ? reversed<W>(value) >> (W - length) : value & mask;
    const Raw others = static_cast<Raw>(bits & ~static_cast<Raw>(mask << low));
    return static_cast<Raw>(others | static_cast<Raw>(part << low));
}

// The integer part of x (rounded towards zero), modulo 2**W. Throws std::domain_error for NaN and
// infinity, which have none.
template <int W>
constexpr raw_t<W, false> from_double(double x) {
    static_assert(sizeof(double) == 8, "double has to be the 64-bit IEEE 754 format");
    using Raw = raw_t<W, false>;
    const auto bits = __builtin_bit_cast(unsigned long long, x);
    const int biased = static_cast<int>((bits >> 52) & 0x7ff);
#ifndef LINELOOM_LOWERING
    if (biased == 0x7ff) {
        fail_conversion();
    }
#endif
    const int exponent = biased - 1075;  // |x| == mantissa * 2**exponent
    const unsigned long long mantissa = (bits & ((1ULL << 52) - 1)) | (1ULL << 52);
    Raw magnitude = 0;
    if (exponent >= 0 && exponent < W) {
        magnitude = static_cast<Raw>(static_cast<Raw>(mantissa) << exponent);
    } else if (exponent < 0 && exponent > -53) {
        magnitude = static_cast<Raw>(mantissa >> -exponent);
    }
    return (bits >> 63) != 0 ? static_cast<Raw>(Raw(0) - magnitude) : magnitude;
}

// ---- operands -------------------------------------------------------------------------------

enum class kind { other, native, integer, range, bit, concat };

template <class T, class... Choices>
inline constexpr bool is_one_of = (std::is_same_v<T, Choices> || ...);

template <class T>
inline constexpr bool is_native_integer =
    is_one_of<T, bool, char, signed char, unsigned char, short, unsigned short, int, unsigned,
              long, unsigned long, long long, unsigned long long>;

// An enumerator of a plain enum is an int to C, hence to us: `enum { TAPS = 9 }; x * TAPS`.
template <class T>
inline constexpr bool is_plain_enum =
    std::conjunction_v<std::is_enum<T>, std::is_convertible<T, long long>>;

template <int W, bool S>
std::true_type probe(const ap_int_base<W, S>*);
std::false_type probe(const volatile void*);
template <class T>
using is_ap = decltype(probe(static_cast<T*>(nullptr)));

// How an operand is seen: `what` it is and, unless `other`, its width, is_signed and get().
template <class T, class = void>
struct operand {
    static constexpr kind what = kind::other;
};

template <class T>
struct operand<T, std::enable_if_t<is_native_integer<T>>> {
    static constexpr kind what = kind::native;
    static constexpr int width = std::is_same_v<T, bool> ? 1 : 8 * static_cast<int>(sizeof(T));
    static constexpr bool is_signed = std::is_signed_v<T>;
    static constexpr raw_t<width, is_signed> get(T x) {
        return static_cast<raw_t<width, is_signed>>(x);
    }
};

template <class T>
struct operand<T, std::enable_if_t<is_plain_enum<T>>> : operand<decltype(+T())> {};

template <class T>
struct operand<T, std::enable_if_t<std::is_class_v<T> && is_ap<T>::value>> {
    static constexpr kind what = kind::integer;
    static constexpr int width = T::width;
    static constexpr bool is_signed = T::is_signed;
    static constexpr raw_t<width, is_signed> get(const T& x) { return x.raw(); }
};

// The references (ap_int_proxy.h) are unsigned, whatever they refer to.
template <class Ref, kind What>
struct reference_operand {
    static constexpr kind what = What;
    static constexpr int width = Ref::width;
    static constexpr bool is_signed = false;
    static constexpr raw_t<width, false> get(const Ref& x) { return x.raw(); }
};
template <class Parent>
struct operand<ap_range_ref<Parent>> : reference_operand<ap_range_ref<Parent>, kind::range> {};
template <class Parent>
struct operand<ap_bit_ref<Parent>> : reference_operand<ap_bit_ref<Parent>, kind::bit> {};
template <class Left, class Right>
struct operand<ap_concat_ref<Left, Right>>
    : reference_operand<ap_concat_ref<Left, Right>, kind::concat> {};

template <class T>
inline constexpr kind kind_of = operand<T>::what;

template <class T>
using if_operand = std::enable_if_t<kind_of<T> != kind::other>;

// ap_int<W> or ap_uint<W>.
template <int W, bool S>
using sized = std::conditional_t<S, ap_int<W>, ap_uint<W>>;

}  // namespace ap_detail

#endif  // LINELOOM_AP_INT_BITS_H
