// ap_cases.h - what test_include.py runs, with Lineloom's ap_int.h and with the vendor's.
//
// Each function evaluates all expressions of its kind for the given operands, and prints for each
// its name, the type of its result and the bits of the value. The text is the same for both
// headers exactly if they agree. Only what both offer is used; what the vendor's header gets
// wrong is left to exact(), at the end, whose output Python's integers judge.
#include <ap_int.h>

#include <cstddef>
#include <cstdio>
#include <type_traits>

// ---- printing ---------------------------------------------------------------------------------

template <int W, bool S>
void show(const char* name, const ap_int_base<W, S>& x) {
    std::printf("%s %c%d ", name, S ? 's' : 'u', W);
    for (int nibble = (W - 1) / 4; nibble >= 0; --nibble) {
        int digit = 0;
        for (int bit = 3; bit >= 0; --bit) {
            const int i = 4 * nibble + bit;
            digit = 2 * digit + (i < W && x[i] ? 1 : 0);
        }
        std::putchar("0123456789abcdef"[digit]);
    }
    std::putchar('\n');
}

// The width is part of the result's type, which decltype() sees and a conversion would hide.
#define SHOW(...)                                                                             \
    do {                                                                                      \
        static_assert(decltype(__VA_ARGS__)::width > 0, "");                                  \
        show(#__VA_ARGS__, __VA_ARGS__);                                                      \
    } while (0)
#define SHOW_BOOL(...) std::printf("%s %d\n", #__VA_ARGS__, (__VA_ARGS__) ? 1 : 0)
#define SHOW_INT(...) std::printf("%s %lld\n", #__VA_ARGS__, static_cast<long long>(__VA_ARGS__))

// ---- operands ---------------------------------------------------------------------------------

// A value by its 32-bit words, the most significant one first.
template <class T, std::size_t N>
T value(const unsigned (&words)[N]) {
    T x = 0;
    for (std::size_t i = 0; i < N; ++i) {
        x = x << 32;
        x = x | words[i];
    }
    return x;
}

// ---- expressions ------------------------------------------------------------------------------

// The vendor's header compares and divides wrongly if one operand is negative and the other of
// an unsigned type, so for those exact() alone speaks.
template <int W, bool S>
bool is_negative(const ap_int_base<W, S>& x) {
    return x.sign();
}
template <class N, class = std::enable_if_t<std::is_integral<N>::value> >
bool is_negative(N x) {
    return std::is_signed<N>::value && x < N(0);
}

template <int W, bool S>
constexpr bool is_signed(const ap_int_base<W, S>&) {
    return S;
}
template <class N, class = std::enable_if_t<std::is_integral<N>::value> >
constexpr bool is_signed(N) {
    return std::is_signed<N>::value;
}

template <class A, class B>
bool comparable(const A& a, const B& b) {
    return is_signed(a) == is_signed(b) || !(is_negative(a) || is_negative(b));
}

template <class A, class B>
void compare(const A& a, const B& b) {
    SHOW_BOOL(a == b);
    SHOW_BOOL(a != b);
    SHOW_BOOL(a < b);
    SHOW_BOOL(a <= b);
    SHOW_BOOL(a > b);
    SHOW_BOOL(a >= b);
}

template <class A, class B>
void assign(const A& a, const B& b) {
    A x = a;
    x += b;
    SHOW(A(x));
    x = a;
    x -= b;
    SHOW(A(x));
    x = a;
    x *= b;
    SHOW(A(x));
    x = a;
    x &= b;
    SHOW(A(x));
    x = a;
    x |= b;
    SHOW(A(x));
    x = a;
    x ^= b;
    SHOW(A(x));
    if (b != 0 && comparable(a, b)) {
        x = a;
        x /= b;
        SHOW(A(x));
        x = a;
        x %= b;
        SHOW(A(x));
    }
}

template <class A, class B>
void compute(const A& a, const B& b) {
    SHOW(a + b);
    SHOW(a - b);
    SHOW(a * b);
    SHOW(a & b);
    SHOW(a | b);
    SHOW(a ^ b);
    if (b != 0 && comparable(a, b)) {
        SHOW(a / b);
        SHOW(a % b);
    }
    SHOW(A(b));
    if (comparable(a, b)) {
        compare(a, b);
    }
    assign(a, b);
}

// Not n / a and n % a, which test_differences_from_the_vendor_header is about.
template <class A, class N>
void compute_native(const A& a, N n) {
    compute(a, n);
    SHOW(n + a);
    SHOW(n - a);
    SHOW(n * a);
    SHOW(n & a);
    SHOW(n | a);
    SHOW(n ^ a);
    if (comparable(n, a)) {
        compare(n, a);
    }
}

template <class A>
void unary(const A& a) {
    SHOW(-a);
    SHOW(+a);
    SHOW(~a);
    SHOW_BOOL(!a);
    A x = a;
    SHOW(A(++x));
    SHOW(A(x++));
    SHOW(A(x));
    SHOW(A(--x));
    SHOW(A(x--));
    SHOW(A(x));
    SHOW_BOOL(a.and_reduce());
    SHOW_BOOL(a.or_reduce());
    SHOW_BOOL(a.nor_reduce());
    SHOW_BOOL(a.sign());
    SHOW_BOOL(a.is_zero());
    x.b_not();
    SHOW(A(x));
    SHOW_INT(a.length());
}

template <class A>
void to_native(const A& a) {
    SHOW_INT(a.to_char());
    SHOW_INT(a.to_schar());
    SHOW_INT(a.to_uchar());
    SHOW_INT(a.to_short());
    SHOW_INT(a.to_ushort());
    SHOW_INT(a.to_int());
    SHOW_INT(a.to_uint());
    SHOW_INT(a.to_long());
    SHOW_INT(a.to_ulong());
    SHOW_INT(a.to_int64());
    SHOW_INT(a.to_uint64());
    const int as_int = a;
    const unsigned long long as_uint64 = a;
    SHOW_INT(as_int);
    SHOW_INT(as_uint64);
    SHOW_INT(1000 << (a & 7).to_int());
    if constexpr (A::width <= 64) {
        SHOW_BOOL(a.to_bool());
        const double as_double = a;
        std::printf("double %a %a %a\n", a.to_double(), as_double, a * 0.75);
        std::printf("%s\n", a.to_string(10).c_str());
        SHOW_BOOL(a < 0.75);
        SHOW_INT(a ? 1 : 0);
    }
}

template <class A>
void from_double(double x) {
    SHOW(A(x));
    SHOW(A(static_cast<float>(x)));
}

template <class A, class N>
void shift_by(const A& a, N amount) {
    SHOW(a << amount);
    SHOW(a >> amount);
    A x = a;
    x <<= amount;
    SHOW(A(x));
    x = a;
    x >>= amount;
    SHOW(A(x));
}

template <class A>
void shifts(const A& a, int amount) {
    shift_by(a, amount);
    shift_by(a, static_cast<short>(amount));
    shift_by(a, static_cast<long long>(amount));
    shift_by(a, ap_int<12>(amount));
    shift_by(a, static_cast<unsigned>(amount < 0 ? -amount : amount));
    shift_by(a, ap_uint<11>(amount < 0 ? -amount : amount));
}

// Parts of a and b at the bounds hi and lo (hi < lo: bits in opposite order), which both have.
template <class A, class B>
void parts(const A& a, const B& b, int hi, int lo) {
    A x = a;
    SHOW(a.range(hi, lo).get());
    SHOW(x(hi, lo).get());
    SHOW(B(x.range(hi, lo)));
    SHOW_INT(x.range(hi, lo).length());
    SHOW_INT(x.range(hi, lo).to_int());
    SHOW_INT(x.range(hi, lo).to_uint64());
    const unsigned native = x.range(hi, lo);
    SHOW_INT(native);
    x.range(hi, lo) = b;
    SHOW(A(x));
    x = a;
    x(hi, lo) = -3;
    SHOW(A(x));
    x = a;
    x.range(hi, lo) = b.range(hi, lo);
    SHOW(A(x));
    x = a;
    x.range(hi, lo) = a.range(lo, hi);
    SHOW(A(x));
    x = a;
    x.range() = b;
    SHOW(A(x));

    x = a;
    SHOW_BOOL(a[hi]);
    SHOW_BOOL(x[hi]);
    SHOW_BOOL(x.test(lo));
    SHOW_BOOL(~x[hi]);
    SHOW_INT(x[hi] + 1);
    SHOW_INT(x[hi] ^ x[lo]);
    SHOW(b + x[hi]);
    SHOW(x[hi] - b);
    SHOW_BOOL(x[hi] == b);
    SHOW_BOOL(x[hi] == 1);
    x[hi] = !x[hi];
    SHOW(A(x));
    x[hi] = 2;
    SHOW(A(x));
    x[hi] = b;
    SHOW(A(x));
    x[hi] = a[lo];
    SHOW(A(x));
    x.set(lo);
    SHOW(A(x));
    x.clear(hi);
    SHOW(A(x));
    x.invert(lo);
    SHOW(A(x));
    x.set_bit(hi, true);
    SHOW(A(x));
}

// Arithmetic with ranges. The vendor's result types are right for ranges of unsigned objects.
template <int W, class B>
void computed_ranges(const ap_uint<W>& a, const B& b, int hi, int lo) {
    ap_uint<W> x = a;
    SHOW(x.range(hi, lo) + b);
    SHOW(b - x.range(hi, lo));
    SHOW(x.range(hi, lo) * 3);
    SHOW(x.range(hi, lo) & x.range(lo, hi));
    SHOW(x.range(hi, lo) << 2);
    SHOW(5 - x.range(hi, lo));
    SHOW_BOOL(x.range(hi, lo) == b);
    SHOW_BOOL(x.range(hi, lo) < x.range(lo, hi));
    SHOW_BOOL(x.range(hi, lo) > 3);
    B y = b;
    auto part = x.range(hi, lo);
    y += part;
    SHOW(B(y));
}

template <class A, class B>
void concatenations(const A& a, const B& b, int hi, int lo) {
    constexpr int both = A::width + B::width;
    A x = a;
    B y = b;
    SHOW((x, y).get());
    SHOW(x.concat(y).get());
    SHOW(ap_uint<both>((x, y)));
    SHOW(ap_int<both + 3>((x, y, x)));
    SHOW(ap_uint<both>((x.range(hi, lo), y)));
    SHOW(ap_uint<both>((x, y.range(hi, lo))));
    SHOW(ap_uint<both>((x.range(hi, lo), y.range(hi, lo))));
    SHOW(ap_uint<both>((x[hi], y)));
    SHOW(ap_uint<both>((x, y[lo])));
    SHOW(ap_uint<2>((x[hi], y[lo])));
    SHOW((x, static_cast<signed char>(-2)));
    SHOW((static_cast<unsigned short>(513), y));
    SHOW((true, x));
    SHOW((x, y) + (y, x));
    if constexpr (both <= 64) {
        SHOW_BOOL((x, y) == (y, x));
    }
    SHOW_BOOL((x, y) == 1);
    if (!is_negative(a)) {
        SHOW_BOOL((x, y) == a);
    }
    SHOW((x, y) << 3);
    SHOW((x, y) >> 1);
    SHOW_INT((x, y).length());
    (x, y) = a * b;
    SHOW(A(x));
    SHOW(B(y));
    (y, x) = 12345;
    SHOW(A(x));
    SHOW(B(y));
    (x[hi], y.range(hi, lo)) = a;
    SHOW(A(x));
    SHOW(B(y));
    (x.range(hi, lo), y) = b;
    SHOW(A(x));
    SHOW(B(y));
}

template <class A, class B>
void exact(const A& a, const B& b) {
    SHOW(A(a));
    SHOW(B(b));
    SHOW(a + b);
    SHOW(a - b);
    SHOW(a * b);
    SHOW(a & b);
    SHOW(a | b);
    SHOW(a ^ b);
    SHOW(-a);
    SHOW(~a);
    if (b != 0) {
        SHOW(a / b);
        SHOW(a % b);
    }
    compare(a, b);
    SHOW_BOOL(a.and_reduce());
    SHOW_BOOL(a.nand_reduce());
    SHOW_BOOL(a.xor_reduce());
    SHOW_BOOL(a.xnor_reduce());
    SHOW_BOOL(a.to_bool());
    SHOW(a << b);
    SHOW(a >> b);
    std::printf("a.to_string(10) %s\n", a.to_string(10).c_str());
    std::printf("a.to_double() %a\n", a.to_double());
}
