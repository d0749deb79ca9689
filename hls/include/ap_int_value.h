// ap_int_value.h - the classes ap_int<W> and ap_uint<W>: construction, conversion, bits.
//
// Promise: an object is one exact-width integer and nothing else. It is trivially copyable,
// its default constructor leaves the value open (statics are zero), and all else is constexpr.
// Conversion to a narrower type wraps modulo 2**W, as does conversion from a native integer.
// A bit or range out of bounds is a std::out_of_range.
//
// Source: AMD UG1399, "Arbitrary Precision Data Types" (C++ arbitrary precision integers).
#ifndef LINELOOM_AP_INT_VALUE_H
#define LINELOOM_AP_INT_VALUE_H

#include "ap_int_bits.h"

template <int W, bool S>
struct ap_int_base {
    static_assert(W >= 1, "ap_int<W>, ap_uint<W>: the width W has to be at least 1");
    static_assert(W <= 32768, "ap_int<W>, ap_uint<W>: the width W is limited to 32768 bits");

    static constexpr int width = W;
    static constexpr bool is_signed = S;

    ap_detail::storage_t<W, S> V;

    // Types of the results of `*this op other` (UG1399, "Class methods, operators, and data
    // members"): wide enough for every value, except for shifts, which keep the left width.
    template <int W2, bool S2>
    struct RType {
        static constexpr int common_w =
            W + (S2 && !S) > W2 + (S && !S2) ? W + (S2 && !S) : W2 + (S && !S2);
        static constexpr int mod_w = W < W2 + (S && !S2) ? W : W2 + (S && !S2);

        using mult = ap_detail::sized<W + W2, S || S2>;
        using plus = ap_detail::sized<common_w + 1, S || S2>;
        using minus = ap_detail::sized<common_w + 1, true>;
        using logic = ap_detail::sized<common_w, S || S2>;
        using div = ap_detail::sized<W + S2, S || S2>;
        using mod = ap_detail::sized<mod_w, S>;
        using arg1 = ap_detail::sized<W, S>;
    };

    // ---- construction -----------------------------------------------------------------------

    ap_int_base() = default;

    // From any native integer, ap_int, ap_uint, range, bit or concatenation.
    template <class T, class = ap_detail::if_operand<T>>
    constexpr ap_int_base(const T& x)
        : V(static_cast<ap_detail::storage_t<W, S>>(ap_detail::operand<T>::get(x))) {}

    // From the integer part of a floating point number, rounded towards zero.
    constexpr ap_int_base(double x)
        : V(static_cast<ap_detail::storage_t<W, S>>(ap_detail::from_double<W>(x))) {}
    constexpr ap_int_base(float x) : ap_int_base(static_cast<double>(x)) {}

    // From digits: [+-][0b|0o|0d|0x]digits. Radix 0 takes the prefix's, or ten without one.
    // Anything else is a std::invalid_argument (in a constant: a compile-time error).
    constexpr ap_int_base(const char* digits, int radix = 0);

    static constexpr ap_int_base from_raw(ap_detail::raw_t<W, S> bits) {
        ap_int_base x{};
        x.V = static_cast<ap_detail::storage_t<W, S>>(bits);
        return x;
    }

    // ---- conversion to native types ---------------------------------------------------------

    // The value as a _BitInt (of two bits for ap_int<1>).
    constexpr ap_detail::raw_t<W, S> raw() const {
        if constexpr (S && W == 1) {
            return V != 0 ? -1 : 0;
        } else {
            return V;
        }
    }

    // The W bits as an unsigned _BitInt.
    constexpr ap_detail::raw_t<W, false> bits() const {
        return static_cast<ap_detail::raw_t<W, false>>(V);
    }

    // As a 64-bit integer; what does not fit is cut off, like between C's own integers.
    constexpr operator std::conditional_t<S, long long, unsigned long long>() const {
        return static_cast<std::conditional_t<S, long long, unsigned long long>>(raw());
    }

    // Beyond 64 bits, truth and magnitude must not go through that integer.
    template <class T, class = std::enable_if_t<(W > 64) && ap_detail::is_one_of<T, bool, float,
                                                                                 double>>>
    constexpr operator T() const {
        return static_cast<T>(raw());
    }

    constexpr bool to_bool() const { return V != 0; }
    constexpr char to_char() const { return static_cast<char>(raw()); }
    constexpr signed char to_schar() const { return static_cast<signed char>(raw()); }
    constexpr unsigned char to_uchar() const { return static_cast<unsigned char>(raw()); }
    constexpr short to_short() const { return static_cast<short>(raw()); }
    constexpr unsigned short to_ushort() const { return static_cast<unsigned short>(raw()); }
    constexpr int to_int() const { return static_cast<int>(raw()); }
    constexpr unsigned to_uint() const { return static_cast<unsigned>(raw()); }
    constexpr long to_long() const { return static_cast<long>(raw()); }
    constexpr unsigned long to_ulong() const { return static_cast<unsigned long>(raw()); }
    constexpr long long to_int64() const { return static_cast<long long>(raw()); }
    constexpr unsigned long long to_uint64() const {
        return static_cast<unsigned long long>(raw());
    }
    constexpr float to_float() const { return static_cast<float>(raw()); }
    constexpr double to_double() const { return static_cast<double>(raw()); }

    // Decimal digits, or others after "0b", "0o" or "0x"; see ap_int_text.h.
    std::string to_string(int radix = 2, bool sign = S) const;

    // ---- bits -------------------------------------------------------------------------------

    constexpr int length() const { return W; }
    constexpr bool is_zero() const { return V == 0; }
    constexpr bool iszero() const { return V == 0; }
    constexpr bool sign() const { return S && test(W - 1); }

    constexpr bool test(int i) const {
        ap_detail::check_bounds(i, W);
        return ((bits() >> i) & 1) != 0;
    }
    constexpr bool get_bit(int i) const { return test(i); }
    constexpr void set_bit(int i, bool value) {
        ap_detail::check_bounds(i, W);
        set_slice(i, i, value);
    }
    constexpr void set(int i, bool value) { set_bit(i, value); }
    constexpr void set(int i) { set_bit(i, true); }
    constexpr void clear(int i) { set_bit(i, false); }
    constexpr void invert(int i) { set_bit(i, !test(i)); }
    constexpr void b_not() { *this = ~*this; }

    constexpr ap_int_base& reverse() {
        V = static_cast<ap_detail::storage_t<W, S>>(ap_detail::reversed<W>(bits()));
        return *this;
    }
    constexpr ap_int_base& lrotate(int n) { return rotate_left(n); }
    constexpr ap_int_base& rrotate(int n) { return rotate_left(n == 0 ? 0 : W - n); }

    constexpr bool and_reduce() const { return (~bits() & ap_detail::low_mask<W>(W)) == 0; }
    constexpr bool or_reduce() const { return V != 0; }
    constexpr bool xor_reduce() const {
        ap_detail::raw_t<W, false> folded = bits();
        for (int distance = 1; distance < W; distance *= 2) {
            folded ^= folded >> distance;
        }
        return (folded & 1) != 0;
    }
    constexpr bool nand_reduce() const { return !and_reduce(); }
    constexpr bool nor_reduce() const { return !or_reduce(); }
    constexpr bool xnor_reduce() const { return !xor_reduce(); }

    // ---- references to parts (ap_int_proxy.h) -----------------------------------------------
    // They live no longer than *this: `auto part = (a + b).range(7, 0);` dangles.

    // Bits hi..lo, both included; hi < lo refers to them in opposite order.
    constexpr ap_range_ref<ap_int_base> range(int hi, int lo) [[clang::lifetimebound]] {
        return {*this, hi, lo};
    }
    constexpr ap_range_ref<const ap_int_base> range(int hi, int lo) const
        [[clang::lifetimebound]] {
        return {*this, hi, lo};
    }
    constexpr ap_range_ref<ap_int_base> range() [[clang::lifetimebound]] {
        return {*this, W - 1, 0};
    }
    constexpr ap_range_ref<const ap_int_base> range() const [[clang::lifetimebound]] {
        return {*this, W - 1, 0};
    }
    constexpr ap_range_ref<ap_int_base> operator()(int hi, int lo) [[clang::lifetimebound]] {
        return {*this, hi, lo};
    }
    constexpr ap_range_ref<const ap_int_base> operator()(int hi, int lo) const
        [[clang::lifetimebound]] {
        return {*this, hi, lo};
    }

    constexpr ap_bit_ref<ap_int_base> operator[](int i) [[clang::lifetimebound]] {
        return {*this, i};
    }
    constexpr bool operator[](int i) const { return test(i); }
    constexpr ap_bit_ref<ap_int_base> bit(int i) [[clang::lifetimebound]] { return {*this, i}; }
    constexpr bool bit(int i) const { return test(i); }

    // {*this, low}: *this above `low`.
    template <int W2, bool S2>
    constexpr auto concat(ap_int_base<W2, S2>& low) [[clang::lifetimebound]];
    template <int W2, bool S2>
    constexpr auto concat(const ap_int_base<W2, S2>& low) const [[clang::lifetimebound]];

    // ---- unary operators --------------------------------------------------------------------

    constexpr bool operator!() const { return V == 0; }
    constexpr ap_detail::sized<W, S> operator+() const { return *this; }
    constexpr ap_detail::sized<W, S> operator~() const {
        return from_raw(static_cast<ap_detail::raw_t<W, S>>(~raw()));
    }
    // A bool counts as ap_uint<1>: it makes the type of -x one bit wider than x, and signed.
    constexpr auto operator-() const { return false - *this; }

    constexpr ap_int_base& operator++() { return *this += true; }
    constexpr ap_int_base& operator--() { return *this -= true; }
    constexpr ap_detail::sized<W, S> operator++(int) {
        const ap_detail::sized<W, S> before = *this;
        ++*this;
        return before;
    }
    constexpr ap_detail::sized<W, S> operator--(int) {
        const ap_detail::sized<W, S> before = *this;
        --*this;
        return before;
    }

    // ---- compound assignment: the full result (ap_int_operators.h), wrapped to W bits --------

    template <class T, class = ap_detail::if_operand<T>>
    constexpr ap_int_base& operator+=(const T& y) {
        return *this = *this + y;
    }
    template <class T, class = ap_detail::if_operand<T>>
    constexpr ap_int_base& operator-=(const T& y) {
        return *this = *this - y;
    }
    template <class T, class = ap_detail::if_operand<T>>
    constexpr ap_int_base& operator*=(const T& y) {
        return *this = *this * y;
    }
    template <class T, class = ap_detail::if_operand<T>>
    constexpr ap_int_base& operator/=(const T& y) {
        return *this = *this / y;
    }
    template <class T, class = ap_detail::if_operand<T>>
    constexpr ap_int_base& operator%=(const T& y) {
        return *this = *this % y;
    }
    template <class T, class = ap_detail::if_operand<T>>
    constexpr ap_int_base& operator&=(const T& y) {
        return *this = *this & y;
    }
    template <class T, class = ap_detail::if_operand<T>>
    constexpr ap_int_base& operator|=(const T& y) {
        return *this = *this | y;
    }
    template <class T, class = ap_detail::if_operand<T>>
    constexpr ap_int_base& operator^=(const T& y) {
        return *this = *this ^ y;
    }
    template <class T, class = ap_detail::if_operand<T>>
    constexpr ap_int_base& operator<<=(const T& y) {
        return *this = *this << y;
    }
    template <class T, class = ap_detail::if_operand<T>>
    constexpr ap_int_base& operator>>=(const T& y) {
        return *this = *this >> y;
    }

private:
    friend ap_range_ref<ap_int_base>;

    constexpr void set_slice(int hi, int lo, ap_detail::raw_t<W, false> value) {
        V = static_cast<ap_detail::storage_t<W, S>>(
            ap_detail::with_slice<W>(bits(), hi, lo, value));
    }

    constexpr ap_int_base& rotate_left(int n) {
        ap_detail::check_bounds(n, W);
        if (n != 0) {
            V = static_cast<ap_detail::storage_t<W, S>>((bits() << n) | (bits() >> (W - n)));
        }
        return *this;
    }
};

// A signed integer of exactly W bits.
template <int W>
struct ap_int : ap_int_base<W, true> {
    using Base = ap_int_base<W, true>;
    using Base::Base;
    ap_int() = default;
    constexpr ap_int(const Base& x) : Base(x) {}
};

// An unsigned integer of exactly W bits.
template <int W>
struct ap_uint : ap_int_base<W, false> {
    using Base = ap_int_base<W, false>;
    using Base::Base;
    ap_uint() = default;
    constexpr ap_uint(const Base& x) : Base(x) {}
};

#endif  // LINELOOM_AP_INT_VALUE_H
