// hls_stream.h for the lowering: hls::stream<T> as a port that the compiler recognises.
//
// A read is one volatile load, a write one volatile store, empty() and full() are volatile loads
// of a flag. LLVM neither moves nor merges volatile accesses of a stream, and the reader of the
// lowering (hls/lowering/accesses.py) knows them by their offset. An element travels as one integer
// of its bytes; a beat of an AXI4-Stream as {dest, id, user, last, strb, keep, data} without gaps.
#ifndef LINELOOM_HLS_STREAM_H
#define LINELOOM_HLS_STREAM_H

#include <ap_axi_sdata.h>

namespace hls {

namespace detail {

// Widths of the side channels of an AXI4-Stream beat; `keeps` is 0 for elements that are none.
template <class T>
struct element {
    static constexpr int data_bits = 0, users = 0, ids = 0, dests = 0;
    static constexpr int bits = 8 * int(sizeof(T));
    using integer = unsigned _BitInt(bits);
    static integer pack(const T& value) {
        integer packed = 0;  // a _BitInt may be larger than T
        __builtin_memcpy(&packed, &value, sizeof(T));
        return packed;
    }
    static T unpack(const integer packed) {
        T value;
        __builtin_memcpy(&value, &packed, sizeof(T));
        return value;
    }
};

template <int W, bool S>
struct integer_element {
    static constexpr int data_bits = 0, users = 0, ids = 0, dests = 0;
    static constexpr int bits = W;
    using integer = unsigned _BitInt(W);
    static integer pack(const ap_int_base<W, S>& value) { return value.bits(); }
    static ap_int_base<W, S> unpack(const integer raw) {
        return ap_int_base<W, S>(ap_uint<W>::from_raw(raw));
    }
};
template <int W>
struct element<ap_uint<W>> : integer_element<W, false> {};
template <int W>
struct element<ap_int<W>> : integer_element<W, true> {};

template <class Beat, class Data, int D, int U, int TI, int TD>
struct axi_element {
    static constexpr int data_bits = D, users = U, ids = TI, dests = TD;
    static constexpr int keeps = (D + 7) / 8;
    static constexpr int strb_at = D + keeps, last_at = strb_at + keeps, user_at = last_at + 1;
    static constexpr int id_at = user_at + U, dest_at = id_at + TI, bits = dest_at + TD;
    using integer = unsigned _BitInt(bits);
    static integer pack(const Beat& beat) {
        ap_uint<bits> packed = (beat.last, beat.strb, beat.keep, ap_uint<D>(beat.data));
        if constexpr (U > 0) packed |= ap_uint<bits>(beat.user) << user_at;
        if constexpr (TI > 0) packed |= ap_uint<bits>(beat.id) << id_at;
        if constexpr (TD > 0) packed |= ap_uint<bits>(beat.dest) << dest_at;
        integer raw;
        __builtin_memcpy(&raw, &packed, sizeof(raw));
        return raw;
    }
    static Beat unpack(const integer raw) {
        ap_uint<bits> packed;
        __builtin_memcpy(&packed, &raw, sizeof(raw));
        Beat beat;
        beat.data = Data(packed.range(D - 1, 0));
        beat.keep = packed.range(strb_at - 1, D);
        beat.strb = packed.range(last_at - 1, strb_at);
        beat.last = packed.range(last_at, last_at);
        if constexpr (U > 0) beat.user = packed.range(id_at - 1, user_at);
        if constexpr (TI > 0) beat.id = packed.range(dest_at - 1, id_at);
        if constexpr (TD > 0) beat.dest = packed.range(bits - 1, dest_at);
        return beat;
    }
};

template <int D, int U, int TI, int TD>
struct element<ap_axiu<D, U, TI, TD>>
    : axi_element<ap_axiu<D, U, TI, TD>, ap_uint<D>, D, U, TI, TD> {};
template <int D, int U, int TI, int TD>
struct element<ap_axis<D, U, TI, TD>>
    : axi_element<ap_axis<D, U, TI, TD>, ap_int<D>, D, U, TI, TD> {};

}  // namespace detail

template <class T, int DEPTH = 0>
class stream;

template <class T>
class stream<T, 0> {
public:
    stream() = default;
    explicit stream(const char*) {}
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;

    T read() {
        tell_width();
        return detail::element<T>::unpack(head_);
    }
    void read(T& element) { element = read(); }
    void operator>>(T& element) { element = read(); }
    bool read_nb(T& element) {
        const bool available = !empty();
        if (available) {
            element = read();
        }
        return available;
    }
    void write(const T& element) {
        tell_width();
        tail_ = detail::element<T>::pack(element);
    }
    void operator<<(const T& element) { write(element); }
    bool write_nb(const T& element) {
        const bool room = !full();
        if (room) {
            write(element);
        }
        return room;
    }
    bool empty() const { return empty_; }
    bool full() const { return full_; }

private:
    using integer = typename detail::element<T>::integer;

    // An access to one of these arrays at n says that a beat has a side channel of n bits, or n bits
    // of data.
    void tell_width() {
        using E = detail::element<T>;
        if constexpr (E::data_bits > 0) (void)data_[E::data_bits];
        if constexpr (E::users > 0) (void)user_[E::users];
        if constexpr (E::ids > 0) (void)id_[E::ids];
        if constexpr (E::dests > 0) (void)dest_[E::dests];
    }

    volatile char data_[1280];
    volatile char user_[256];
    volatile char id_[256];
    volatile char dest_[256];
    volatile integer head_;
    volatile integer tail_;
    volatile bool empty_;
    volatile bool full_;
};

template <class T, int DEPTH>
class stream : public stream<T, 0> {
public:
    using stream<T, 0>::stream;
};

}  // namespace hls

#endif  // LINELOOM_HLS_STREAM_H
