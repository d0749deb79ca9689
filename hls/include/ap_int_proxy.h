// ap_int_proxy.h - references to parts of an ap_int: x.range(hi, lo), x[i] and (x, y).
//
// Promise: reading one gives an unsigned value, assigning to one changes exactly the bits it
// names, and with constant bounds each compiles to a shift and a mask. A part of a const object
// can be read only. There is no compound assignment to a part and no reduction of a range: the
// vendor's headers give them other meanings than the words say (they change the whole object,
// and miss the top bit), so here they do not compile; go through a variable of its own.
//
// Source: AMD UG1399, "Arbitrary Precision Data Types" (Concatenation; Bit selection; Range
// selection).
#ifndef LINELOOM_AP_INT_PROXY_H
#define LINELOOM_AP_INT_PROXY_H

#include "ap_int_value.h"

namespace ap_detail {

// Implicit conversion of a part to a 64-bit integer. Without one, a part that may be wider
// than that has to be converted to an ap_uint first: it would lose its upper bits.
template <class Ref, bool Narrow>
struct as_native {};
template <class Ref>
struct as_native<Ref, true> {
    constexpr operator unsigned long long() const {
        return static_cast<unsigned long long>(static_cast<const Ref&>(*this).raw());
    }
};

}  // namespace ap_detail

// ---- x.range(hi, lo) and x(hi, lo) ------------------------------------------------------------

// Its bounds are values, so its type is as wide as Parent; length() tells the true width.
template <class Parent>
struct ap_range_ref {
    static constexpr int width = Parent::width;

    constexpr ap_range_ref(Parent& parent, int hi, int lo) : parent_(parent), hi_(hi), lo_(lo) {
        ap_detail::check_bounds(hi, width);
        ap_detail::check_bounds(lo, width);
    }
    constexpr ap_range_ref(const ap_range_ref&) = default;

    template <class T, class = ap_detail::if_operand<T>>
    constexpr ap_range_ref& operator=(const T& value) {
        assign(static_cast<ap_detail::raw_t<width, false>>(ap_detail::operand<T>::get(value)));
        return *this;
    }
    constexpr ap_range_ref& operator=(const ap_range_ref& other) {
        assign(other.raw());
        return *this;
    }

    constexpr int length() const { return hi_ < lo_ ? lo_ - hi_ + 1 : hi_ - lo_ + 1; }
    constexpr ap_detail::raw_t<width, false> raw() const {
        return ap_detail::slice<width>(parent_.bits(), hi_, lo_);
    }
    constexpr ap_uint<width> get() const { return ap_uint<width>::from_raw(raw()); }

    // As a 64-bit integer: of a longer range, the lowest 64 bits.
    constexpr operator unsigned long long() const { return to_uint64(); }
    // Beyond 64 bits, truth and magnitude must not go through that integer.
    template <class T,
              class = std::enable_if_t<(width > 64) && ap_detail::is_one_of<T, bool, float,
                                                                            double>>>
    constexpr operator T() const {
        return static_cast<T>(raw());
    }

    constexpr int to_int() const { return static_cast<int>(raw()); }
    constexpr unsigned to_uint() const { return static_cast<unsigned>(raw()); }
    constexpr long to_long() const { return static_cast<long>(raw()); }
    constexpr unsigned long to_ulong() const { return static_cast<unsigned long>(raw()); }
    constexpr long long to_int64() const { return static_cast<long long>(raw()); }
    constexpr unsigned long long to_uint64() const {
        return static_cast<unsigned long long>(raw());
    }
    std::string to_string(int radix = 2) const { return get().to_string(radix); }

    constexpr unsigned long long operator~() const {
        static_assert(width <= 64, "~x.range(): x is wider than 64 bits; convert the range to "
                                   "an ap_uint of its width first");
        return ~to_uint64();
    }
    constexpr unsigned long long operator-() const {
        static_assert(width <= 64, "-x.range(): x is wider than 64 bits; convert the range to "
                                   "an ap_uint of its width first");
        return -to_uint64();
    }

    constexpr void assign(ap_detail::raw_t<width, false> value) const {
        static_assert(!std::is_const_v<Parent>, "a range of a const object cannot be assigned");
        parent_.set_slice(hi_, lo_, value);
    }

private:
    Parent& parent_;
    int hi_;
    int lo_;
};

// ---- x[i] -------------------------------------------------------------------------------------

// A bit computes like a bool, with native integers and other bits too.
template <class Parent>
struct ap_bit_ref {
    static constexpr int width = 1;

    constexpr ap_bit_ref(Parent& parent, int index) : parent_(parent), index_(index) {
        ap_detail::check_bounds(index, Parent::width);
    }
    constexpr ap_bit_ref(const ap_bit_ref&) = default;

    // Any value but zero sets the bit.
    template <class T, class = ap_detail::if_operand<T>>
    constexpr ap_bit_ref& operator=(const T& value) {
        parent_.set_bit(index_, ap_detail::operand<T>::get(value) != 0);
        return *this;
    }
    constexpr ap_bit_ref& operator=(const ap_bit_ref& other) {
        parent_.set_bit(index_, other.get());
        return *this;
    }

    constexpr int length() const { return 1; }
    constexpr bool get() const { return parent_.test(index_); }
    constexpr ap_detail::raw_t<1, false> raw() const { return get() ? 1 : 0; }
    constexpr operator bool() const { return get(); }
    constexpr bool to_bool() const { return get(); }
    constexpr bool operator~() const { return !get(); }

    constexpr void assign(ap_detail::raw_t<1, false> value) const {
        parent_.set_bit(index_, value != 0);
    }

private:
    Parent& parent_;
    int index_;
};

// ---- (x, y) -----------------------------------------------------------------------------------

// Left above Right; each is one of the references of this file.
template <class Left, class Right>
struct ap_concat_ref
    : ap_detail::as_native<ap_concat_ref<Left, Right>, (Left::width + Right::width <= 64)> {
    static constexpr int width = Left::width + Right::width;

    constexpr ap_concat_ref(Left left, Right right) : left_(left), right_(right) {}
    constexpr ap_concat_ref(const ap_concat_ref&) = default;

    template <class T, class = ap_detail::if_operand<T>>
    constexpr ap_concat_ref& operator=(const T& value) {
        assign(static_cast<ap_detail::raw_t<width, false>>(ap_detail::operand<T>::get(value)));
        return *this;
    }
    constexpr ap_concat_ref& operator=(const ap_concat_ref& other) {
        assign(other.raw());
        return *this;
    }

    constexpr int length() const { return left_.length() + right_.length(); }
    constexpr ap_detail::raw_t<width, false> raw() const {
        using Raw = ap_detail::raw_t<width, false>;
        return static_cast<Raw>(static_cast<Raw>(left_.raw()) << right_.length()) |
               static_cast<Raw>(right_.raw());
    }
    constexpr ap_uint<width> get() const { return ap_uint<width>::from_raw(raw()); }

    constexpr void assign(ap_detail::raw_t<width, false> value) const {
        left_.assign(
            static_cast<ap_detail::raw_t<Left::width, false>>(value >> right_.length()));
        right_.assign(static_cast<ap_detail::raw_t<Right::width, false>>(value));
    }

private:
    Left left_;
    Right right_;
};

namespace ap_detail {

// The reference that stands for an operand of a concatenation.
template <int W, bool S>
constexpr ap_range_ref<ap_int_base<W, S>> part(ap_int_base<W, S>& x) {
    return x.range();
}
template <int W, bool S>
constexpr ap_range_ref<const ap_int_base<W, S>> part(const ap_int_base<W, S>& x) {
    return x.range();
}
template <class Parent>
constexpr ap_range_ref<Parent> part(const ap_range_ref<Parent>& x) {
    return x;
}
template <class Parent>
constexpr ap_bit_ref<Parent> part(const ap_bit_ref<Parent>& x) {
    return x;
}
template <class Left, class Right>
constexpr ap_concat_ref<Left, Right> part(const ap_concat_ref<Left, Right>& x) {
    return x;
}

template <class T>
inline constexpr bool is_part = kind_of<T> != kind::other && kind_of<T> != kind::native;

template <class L, class R>
constexpr auto concatenated(const L& left, const R& right) {
    return ap_concat_ref<L, R>(left, right);
}

template <class T>
using sized_as = sized<operand<T>::width, operand<T>::is_signed>;

}  // namespace ap_detail

// Of two parts: a reference, which can be assigned if both can.
template <class L, class R, class Left = std::decay_t<L>, class Right = std::decay_t<R>,
          std::enable_if_t<ap_detail::is_part<Left> && ap_detail::is_part<Right>, int> = 0>
constexpr auto operator,(L&& left, R&& right) {
    return ap_detail::concatenated(ap_detail::part(left), ap_detail::part(right));
}

// With a native integer of N bits: a value.
template <class L, class R,
          std::enable_if_t<ap_detail::is_part<L> && ap_detail::kind_of<R> ==
                                                        ap_detail::kind::native,
                           int> = 0>
constexpr auto operator,(const L& left, const R& right) {
    const ap_detail::sized_as<R> low = right;
    return (left, low).get();
}
template <class L, class R,
          std::enable_if_t<ap_detail::kind_of<L> == ap_detail::kind::native &&
                               ap_detail::is_part<R>,
                           int> = 0>
constexpr auto operator,(const L& left, const R& right) {
    const ap_detail::sized_as<L> high = left;
    return (high, right).get();
}

template <int W, bool S>
template <int W2, bool S2>
constexpr auto ap_int_base<W, S>::concat(ap_int_base<W2, S2>& low) {
    return (*this, low);
}
template <int W, bool S>
template <int W2, bool S2>
constexpr auto ap_int_base<W, S>::concat(const ap_int_base<W2, S2>& low) const {
    return (*this, low);
}

#endif  // LINELOOM_AP_INT_PROXY_H
