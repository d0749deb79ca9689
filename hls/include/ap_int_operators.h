// ap_int_operators.h - the binary operators of ap_int, ap_uint and references to their parts,
// with each other and with native integers.
//
// Promise: + - * / % & | ^ give the exact mathematical value in a type wide enough for it
// (ap_int_base::RType), comparisons compare the mathematical values whatever the signedness,
// and shifts keep the type of the left operand: a negative amount shifts the other way, an
// amount of the width or more gives zero, or the sign in a signed right shift. Division rounds
// towards zero and the remainder has the dividend's sign; dividing by zero is undefined.
//
// Source: AMD UG1399, "Arbitrary Precision Data Types" (Binary arithmetic, bitwise logical,
// shift and relational operators).
#ifndef LINELOOM_AP_INT_OPERATORS_H
#define LINELOOM_AP_INT_OPERATORS_H

#include "ap_int_proxy.h"

namespace ap_detail {

// A bit computes like a bool unless the other operand is an integer or a range. What is left
// out here takes the implicit conversions to native integers, where there are any.
template <class L, class R>
constexpr bool can_compute() {
    constexpr kind left = kind_of<L>;
    constexpr kind right = kind_of<R>;
    if (left == kind::other || right == kind::other) {
        return false;
    }
    if (left == kind::concat || right == kind::concat) {
        const kind partner = left == kind::concat ? right : left;
        return partner != kind::native && partner != kind::bit;
    }
    return left == kind::integer || left == kind::range || right == kind::integer ||
           right == kind::range;
}

template <class L, class R>
constexpr bool can_compare() {
    return can_compute<L, R>() || (kind_of<L> == kind::concat && kind_of<R> == kind::native) ||
           (kind_of<L> == kind::native && kind_of<R> == kind::concat);
}

// A native integer is shifted by the native operator and stays native.
template <class L, class R>
constexpr bool can_shift() {
    return kind_of<R> != kind::other && kind_of<L> != kind::native &&
           (kind_of<L> == kind::concat || can_compute<L, R>());
}

template <class L, class R>
using result =
    typename ap_int_base<operand<L>::width, operand<L>::is_signed>::template RType<
        operand<R>::width, operand<R>::is_signed>;

template <class L, class R>
using if_compute = std::enable_if_t<can_compute<L, R>(), result<L, R>>;
template <class L, class R>
using if_compare = std::enable_if_t<can_compare<L, R>(), bool>;
template <class L, class R>
using if_shift = std::enable_if_t<can_shift<L, R>(), sized_as<L>>;

// The operand's value in the raw integer of the type As, or, with Extra, in a wider one.
template <class As, int Extra = 0, class T>
constexpr raw_t<As::width + Extra, As::is_signed> widened(const T& x) {
    return static_cast<raw_t<As::width + Extra, As::is_signed>>(operand<T>::get(x));
}

template <class L, class R>
constexpr void require_same_quotient_everywhere() {
    static_assert(kind_of<L> != kind::native || kind_of<R> != kind::integer,
                  "native / ap_int, native % ap_int: the vendor's header cuts the result to the "
                  "width of the divisor; write ap_int<32>(n) / x (the width of n) instead");
}

// `value` times 2**amount (Left), or divided by it and rounded down.
template <class Value, bool Left, int N>
constexpr Value shifted(const Value& value, unsigned _BitInt(N) amount) {
    constexpr int width = Value::width;
    const bool over = amount >= static_cast<unsigned>(width);
    using Raw = raw_t<width, Value::is_signed>;
    if constexpr (Left) {
        using Bits = raw_t<width, false>;
        const Bits bits = over ? Bits(0) : static_cast<Bits>(value.bits() << amount);
        return Value::from_raw(static_cast<Raw>(bits));
    } else {
        const Raw rest = static_cast<Raw>(value.raw() < 0 ? -1 : 0);
        return Value::from_raw(over ? rest : static_cast<Raw>(value.raw() >> amount));
    }
}

template <bool Left, class L, class R>
constexpr sized_as<L> shift(const L& left, const R& right) {
    using Amount = operand<R>;
    using Magnitude = raw_t<Amount::width, false>;
    const sized_as<L> value = sized_as<L>::from_raw(operand<L>::get(left));
    const auto amount = Amount::get(right);
    if constexpr (Amount::is_signed) {
        if (amount < 0) {
            const Magnitude magnitude =
                static_cast<Magnitude>(Magnitude(0) - static_cast<Magnitude>(amount));
            return shifted<sized_as<L>, !Left, Amount::width>(value, magnitude);
        }
    }
    return shifted<sized_as<L>, Left, Amount::width>(value, static_cast<Magnitude>(amount));
}

}  // namespace ap_detail

// ---- arithmetic and bitwise operators ---------------------------------------------------------

#define LINELOOM_AP_OPERATOR(OP, RESULT)                                                     \
    template <class L, class R>                                                              \
    constexpr typename ap_detail::if_compute<L, R>::RESULT operator OP(const L& left,        \
                                                                       const R& right) {     \
        using Result = typename ap_detail::result<L, R>::RESULT;                             \
        return Result::from_raw(static_cast<ap_detail::raw_t<Result::width,                  \
                                                             Result::is_signed>>(            \
            ap_detail::widened<Result>(left) OP ap_detail::widened<Result>(right)));         \
    }
LINELOOM_AP_OPERATOR(+, plus)
LINELOOM_AP_OPERATOR(-, minus)
LINELOOM_AP_OPERATOR(*, mult)
LINELOOM_AP_OPERATOR(&, logic)
LINELOOM_AP_OPERATOR(|, logic)
LINELOOM_AP_OPERATOR(^, logic)
#undef LINELOOM_AP_OPERATOR

// Division takes one bit more than the operands need: -128 / -1 must not overflow.
#define LINELOOM_AP_OPERATOR(OP, RESULT)                                                     \
    template <class L, class R>                                                              \
    constexpr typename ap_detail::if_compute<L, R>::RESULT operator OP(const L& left,        \
                                                                       const R& right) {     \
        ap_detail::require_same_quotient_everywhere<L, R>();                                 \
        using Result = typename ap_detail::result<L, R>::RESULT;                             \
        using Common = typename ap_detail::result<L, R>::logic;                              \
        return Result::from_raw(static_cast<ap_detail::raw_t<Result::width,                  \
                                                             Result::is_signed>>(            \
            ap_detail::widened<Common, 1>(left) OP ap_detail::widened<Common, 1>(right)));   \
    }
LINELOOM_AP_OPERATOR(/, div)
LINELOOM_AP_OPERATOR(%, mod)
#undef LINELOOM_AP_OPERATOR

// ---- shifts -----------------------------------------------------------------------------------

template <class L, class R>
constexpr ap_detail::if_shift<L, R> operator<<(const L& left, const R& right) {
    return ap_detail::shift<true>(left, right);
}
template <class L, class R>
constexpr ap_detail::if_shift<L, R> operator>>(const L& left, const R& right) {
    return ap_detail::shift<false>(left, right);
}

// ---- comparisons ------------------------------------------------------------------------------

#define LINELOOM_AP_OPERATOR(OP)                                                             \
    template <class L, class R>                                                              \
    constexpr ap_detail::if_compare<L, R> operator OP(const L& left, const R& right) {       \
        using Common = typename ap_detail::result<L, R>::logic;                              \
        return ap_detail::widened<Common>(left) OP ap_detail::widened<Common>(right);        \
    }
LINELOOM_AP_OPERATOR(==)
LINELOOM_AP_OPERATOR(!=)
LINELOOM_AP_OPERATOR(<)
LINELOOM_AP_OPERATOR(<=)
LINELOOM_AP_OPERATOR(>)
LINELOOM_AP_OPERATOR(>=)
#undef LINELOOM_AP_OPERATOR

#endif  // LINELOOM_AP_INT_OPERATORS_H
