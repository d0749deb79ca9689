// Runs a user's top function natively: what sim/native.py feeds and reads.
//
// Compiled with -DLINELOOM_SOURCE (the C++ file) and -DLINELOOM_TOP. The types of the arguments are
// deduced from the function, so nobody has to declare them. `describe` prints them as JSON; `run
// IN OUT` makes the calls of the file IN, in the same process, so that static variables last.
#include LINELOOM_SOURCE

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <ap_axi_sdata.h>
#include <ap_int.h>
#include <hls_stream.h>

namespace lineloom {

using Bytes = std::vector<std::uint8_t>;

// ---- values as little-endian bytes --------------------------------------------------------------

template <class T>
struct Value {
    static_assert(std::is_trivially_copyable<T>::value,
                  "arguments and elements have to be integers or structs of them");
    static constexpr bool is_integer = std::is_integral<T>::value;
    static constexpr bool is_signed = std::is_signed<T>::value;
    static constexpr int bits = std::is_same<T, bool>::value ? 1 : 8 * int(sizeof(T));
    static constexpr int bytes = int(sizeof(T));
    static void get(const T& value, std::uint8_t* to) { std::memcpy(to, &value, sizeof(T)); }
    static T set(const std::uint8_t* from) {
        T value;
        std::memcpy(&value, from, sizeof(T));
        return value;
    }
};

template <int W, bool S>
struct Value<ap_int_base<W, S>> {
    static constexpr bool is_integer = true;
    static constexpr bool is_signed = S;
    static constexpr int bits = W;
    static constexpr int bytes = (W + 7) / 8;
    static void get(const ap_int_base<W, S>& value, std::uint8_t* to) {
        const unsigned _BitInt(8 * bytes) whole = value.bits();
        std::memcpy(to, &whole, bytes);
    }
    static ap_int_base<W, S> set(const std::uint8_t* from) {
        unsigned _BitInt(8 * bytes) whole = 0;
        std::memcpy(&whole, from, bytes);
        return ap_int_base<W, S>(ap_uint<8 * bytes>::from_raw(whole));
    }
};
template <int W>
struct Value<ap_uint<W>> : Value<ap_int_base<W, false>> {};
template <int W>
struct Value<ap_int<W>> : Value<ap_int_base<W, true>> {};

// ---- beats of a stream: the data, then each side channel ----------------------------------------

template <class T>
struct Beat {
    static std::string describe() { return ""; }
    template <class Visit>
    static void visit(T& beat, Visit&& visit) {
        visit("TDATA", beat);
    }
};

template <class T, int U, int I, int D>
struct AxiBeat {
    template <class Visit>
    static void visit(T& beat, Visit&& visit) {
        visit("TDATA", beat.data);
        visit("TKEEP", beat.keep);
        visit("TSTRB", beat.strb);
        visit("TLAST", beat.last);
        if constexpr (U > 0) visit("TUSER", beat.user);
        if constexpr (I > 0) visit("TID", beat.id);
        if constexpr (D > 0) visit("TDEST", beat.dest);
    }
};
template <int W, int U, int I, int D>
struct Beat<ap_axiu<W, U, I, D>> : AxiBeat<ap_axiu<W, U, I, D>, U, I, D> {};
template <int W, int U, int I, int D>
struct Beat<ap_axis<W, U, I, D>> : AxiBeat<ap_axis<W, U, I, D>, U, I, D> {};

template <class Field>
using Plain = typename std::remove_cv<typename std::remove_reference<Field>::type>::type;

// ---- the files of Python --------------------------------------------------------------------------

class Input {
public:
    explicit Input(const char* name) {
        std::ifstream file(name, std::ios::binary);
        bytes_.assign(std::istreambuf_iterator<char>(file), {});
    }
    const std::uint8_t* take(std::size_t count) {
        if (count > bytes_.size() - at_) throw std::runtime_error("the input file is too short");
        at_ += count;
        return bytes_.data() + at_ - count;
    }
    std::int64_t number() {
        std::int64_t value;
        std::memcpy(&value, take(8), 8);
        return value;
    }

private:
    Bytes bytes_;
    std::size_t at_ = 0;
};

class Output {
public:
    std::uint8_t* add(std::size_t count) {
        bytes_.resize(bytes_.size() + count);
        return bytes_.data() + bytes_.size() - count;
    }
    void number(std::int64_t value) { std::memcpy(add(8), &value, 8); }
    void save(const char* name) const {
        std::ofstream(name, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes_.data()), std::streamsize(bytes_.size()));
    }

private:
    Bytes bytes_;
};

template <class T>
std::string described(const char* kind) {
    using V = Value<T>;
    return std::string("\"kind\": \"") + kind + "\", \"bits\": " + std::to_string(V::bits) +
           ", \"bytes\": " + std::to_string(V::bytes) + ", \"signed\": " +
           (V::is_signed ? "true" : "false") + ", \"integer\": " + (V::is_integer ? "true" : "false");
}

// ---- arguments: what each kind takes from Python, hands to the function and gives back ------------

template <class T>
struct Scalar {
    T value{};
    static std::string describe() { return described<T>("scalar"); }
    void load(Input& in) { value = Value<T>::set(in.take(Value<T>::bytes)); }
    void save(Output&) {}
};

// A buffer between guards: nothing of the function may reach beyond it.
template <class T>
struct Buffer {
    static constexpr std::size_t kGuard = 4096;
    static constexpr std::uint8_t kGuardByte = 0xa5;
    std::unique_ptr<std::uint8_t[]> held;
    std::size_t size = 0;

    static std::string describe() {
        // In memory an element has a whole C++ object, padding included.
        std::string text = described<T>("pointer");
        return text + ", \"element_bytes\": " + std::to_string(sizeof(T));
    }
    std::uint8_t* begin() {
        const auto at = reinterpret_cast<std::uintptr_t>(held.get()) + kGuard;
        return held.get() + kGuard + (64 - at % 64) % 64;
    }
    void load(Input& in) {
        size = std::size_t(in.number());
        held.reset(new std::uint8_t[size + 2 * kGuard + 64]);
        std::memset(held.get(), kGuardByte, size + 2 * kGuard + 64);
        std::memcpy(begin(), in.take(size), size);
    }
    void save(Output& out) {
        for (std::size_t i = 0; i < size + 2 * kGuard; ++i) {
            const bool outside = i < kGuard || i >= kGuard + size;
            if (outside && begin()[std::ptrdiff_t(i) - std::ptrdiff_t(kGuard)] != kGuardByte) {
                throw std::runtime_error("it writes outside of an array argument");
            }
        }
        std::memcpy(out.add(size), begin(), size);
    }
};

template <class S, class T>
struct Stream {
    S stream;
    static std::string describe() {
        std::string text = described<T>("stream");
        std::string sides;
        T beat{};
        Beat<T>::visit(beat, [&](const char* name, auto& field) {
            using Field = Plain<decltype(field)>;
            if (std::string(name) == "TDATA") {
                text = described<Field>("stream");
            } else {
                sides += (sides.empty() ? "" : ", ") + std::string("\"") + name +
                         "\": " + std::to_string(Value<Field>::bits);
            }
        });
        return text + ", \"sides\": {" + sides + "}";
    }
    // Beats that were left over stay in front.
    void load(Input& in) {
        for (std::int64_t left = in.number(); left > 0; --left) {
            T beat{};
            Beat<T>::visit(beat, [&](const char*, auto& field) {
                using V = Value<Plain<decltype(field)>>;
                field = V::set(in.take(V::bytes));
            });
            stream.write(beat);
        }
        reads = in.number() != 0;
    }
    void save(Output& out) {
        out.number(std::int64_t(stream.size()));
        while (!reads && !stream.empty()) {
            T beat = stream.read();
            Beat<T>::visit(beat, [&](const char*, auto& field) {
                using V = Value<Plain<decltype(field)>>;
                V::get(field, out.add(V::bytes));
            });
        }
    }
    bool reads = false;  // the function reads it, so that what is left stays
};

template <class A>
struct Argument : Scalar<Plain<A>> {
    A pass() { return this->value; }
};
template <class T>
struct Argument<T*> : Buffer<Plain<T>> {
    T* pass() { return reinterpret_cast<T*>(this->begin()); }
};
template <class T>
struct Argument<T&> : Buffer<Plain<T>> {
    T& pass() { return *reinterpret_cast<T*>(this->begin()); }
};
template <class T, int DEPTH>
struct Argument<hls::stream<T, DEPTH>&> : Stream<hls::stream<T, DEPTH>, T> {
    hls::stream<T, DEPTH>& pass() { return this->stream; }
};

// ---- the function ---------------------------------------------------------------------------------

template <class F>
struct Kernel;

template <class R, class... A>
struct Kernel<R (*)(A...)> {
    static std::string describe() {
        std::string text;
        ((text += (text.empty() ? "{" : ", {") + Argument<A>::describe() + "}"), ...);
        std::string result = "null";
        if constexpr (!std::is_void<R>::value) result = "{" + described<Plain<R>>("return") + "}";
        return "{\"arguments\": [" + text + "], \"return\": " + result + "}";
    }

    static void run(R (*function)(A...), Input& in, Output& out) {
        std::tuple<Argument<A>...> arguments;
        for (std::int64_t call = 0, calls = in.number(); call < calls; ++call) {
            std::apply([&](auto&... each) { (each.load(in), ...); }, arguments);
            if constexpr (std::is_void<R>::value) {
                std::apply([&](auto&... each) { function(each.pass()...); }, arguments);
            } else {
                using V = Value<Plain<R>>;
                const R result = std::apply(
                    [&](auto&... each) -> R { return function(each.pass()...); }, arguments);
                V::get(result, out.add(V::bytes));
            }
            std::apply([&](auto&... each) { (each.save(out), ...); }, arguments);
        }
    }
};

}  // namespace lineloom

int main(int count, char** words) {
    using Top = lineloom::Kernel<decltype(&LINELOOM_TOP)>;
    if (count < 4) {
        std::puts(Top::describe().c_str());
        return 0;
    }
    try {
        lineloom::Input in(words[2]);
        lineloom::Output out;
        Top::run(&LINELOOM_TOP, in, out);
        out.save(words[3]);
    } catch (const std::exception& error) {
        std::printf("%s\n", error.what());
        return 3;
    }
    return 0;
}
