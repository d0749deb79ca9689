// ap_int_text.h - ap_int and ap_uint from and to digits.
//
// Promise: reading takes exactly [+-][prefix]digits and throws std::invalid_argument at anything
// else; writing gives no leading zeros. (The vendor's header reads on over foreign characters,
// and its leading zeros and the case of its hexadecimal digits depend on the width.)
//
// Source: AMD UG1399, "Arbitrary Precision Data Types" (Initialization and assignment; Console
// I/O).
#ifndef LINELOOM_AP_INT_TEXT_H
#define LINELOOM_AP_INT_TEXT_H

#include "ap_int_operators.h"

namespace ap_detail {

// The radix that the letter after a leading '0' stands for, or 0.
constexpr int radix_of_prefix(char letter) {
    switch (letter) {
        case 'b':
        case 'B':
            return 2;
        case 'o':
        case 'O':
            return 8;
        case 'd':
        case 'D':
            return 10;
        case 'x':
        case 'X':
            return 16;
        default:
            return 0;
    }
}

// The value of a digit, or 99.
constexpr int digit_value(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return 99;
}

// The integer that the text spells, modulo 2**W.
template <int W>
constexpr raw_t<W, false> from_digits(const char* text, int radix) {
    const bool negative = *text == '-';
    if (*text == '-' || *text == '+') {
        ++text;
    }
    const int prefix = *text == '0' ? radix_of_prefix(text[1]) : 0;
    // In hexadecimal digits without a prefix, "0b1" and "0d1" are numbers.
    if (prefix != 0 && (radix == 0 || radix == prefix)) {
        radix = prefix;
        text += 2;
    } else if (radix == 0) {
        radix = 10;
    }
    if (radix != 2 && radix != 8 && radix != 10 && radix != 16) {
        throw std::invalid_argument("ap_int: the radix has to be 2, 8, 10 or 16");
    }
    if (*text == '\0') {
        throw std::invalid_argument("ap_int: a text without digits is no number");
    }
    // Five bits more than the value has, so that no step depends on a narrow W.
    using Wide = raw_t<W + 5, false>;
    Wide value = 0;
    for (; *text != '\0'; ++text) {
        if (digit_value(*text) >= radix) {
            throw std::invalid_argument("ap_int: a character of the text is no digit of its radix");
        }
        value = static_cast<Wide>(value * static_cast<Wide>(radix) +
                                  static_cast<Wide>(digit_value(*text)));
    }
    return static_cast<raw_t<W, false>>(negative ? static_cast<Wide>(Wide(0) - value) : value);
}

}  // namespace ap_detail

template <int W, bool S>
constexpr ap_int_base<W, S>::ap_int_base(const char* digits, int radix)
    : V(static_cast<ap_detail::storage_t<W, S>>(ap_detail::from_digits<W>(digits, radix))) {}

// Decimal digits always carry the sign. In radix 8 and 16 `sign` writes -5 as "-0x5" and its
// absence as the W bits of the object, which binary digits always are.
template <int W, bool S>
std::string ap_int_base<W, S>::to_string(int radix, bool sign) const {
    if (radix != 2 && radix != 8 && radix != 10 && radix != 16) {
        throw std::invalid_argument("ap_int::to_string: the radix has to be 2, 8, 10 or 16");
    }
    const bool minus = this->sign() && (radix == 10 || (radix != 2 && sign));
    using Wide = ap_detail::raw_t<W + 5, false>;
    Wide rest = minus ? static_cast<Wide>(Wide(0) - static_cast<Wide>(raw())) : Wide(bits());
    std::string text;
    do {
        text.insert(text.begin(), "0123456789abcdef"[static_cast<int>(
                                      rest % static_cast<Wide>(radix))]);
        rest = static_cast<Wide>(rest / static_cast<Wide>(radix));
    } while (rest != 0);
    const char* const prefix = radix == 2 ? "0b" : radix == 8 ? "0o" : radix == 16 ? "0x" : "";
    return (minus ? "-" : "") + (prefix + text);
}

// To a std::ostream (any class with its flags), in the radix that its flags name. A template, so
// that only programs which print pay for <iostream>.
template <class Stream, int W, bool S,
          class Flags = decltype(std::declval<Stream&>().flags() & Stream::basefield)>
Stream& operator<<(Stream& stream, const ap_int_base<W, S>& x) {
    const Flags base = stream.flags() & Stream::basefield;
    stream << x.to_string(base == Stream::hex ? 16 : base == Stream::oct ? 8 : 10).c_str();
    return stream;
}
template <class Stream, class Parent,
          class Flags = decltype(std::declval<Stream&>().flags() & Stream::basefield)>
Stream& operator<<(Stream& stream, const ap_range_ref<Parent>& x) {
    return stream << x.get();
}

#endif  // LINELOOM_AP_INT_TEXT_H
