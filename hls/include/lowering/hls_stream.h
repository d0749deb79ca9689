// hls_stream.h for the lowering: hls::stream<T> as a port that the compiler recognises.
//
// A read is one volatile load, a write one volatile store, empty() and full() are volatile loads
// of a flag. LLVM neither moves nor merges volatile accesses of a stream, and the reader of the
// lowering (hls/lowering/reader.py) knows them by their offset. An element travels as one integer
// of its bytes; a beat of an AXI4-Stream as {last, strb, keep, data} without gaps.
#ifndef LINELOOM_HLS_STREAM_H
#define LINELOOM_HLS_STREAM_H

#include <ap_axi_sdata.h>

namespace hls {

namespace detail {

template <class T>
struct element {
    static constexpr int data_bytes = 0;  // no AXI4-Stream beat
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

template <int D>
struct element<ap_axiu<D, 0, 0, 0>> {
    static constexpr int keeps = (D + 7) / 8;
    static constexpr int data_bytes = keeps;
    static constexpr int bits = D + 2 * keeps + 1;
    using integer = unsigned _BitInt(bits);
    static integer pack(const ap_axiu<D, 0, 0, 0>& beat) {
        const ap_uint<bits> packed = (beat.last, beat.strb, beat.keep, beat.data);
        integer raw;
        __builtin_memcpy(&raw, &packed, sizeof(raw));
        return raw;
    }
    static ap_axiu<D, 0, 0, 0> unpack(const integer raw) {
        ap_uint<bits> packed;
        __builtin_memcpy(&packed, &raw, sizeof(raw));
        ap_axiu<D, 0, 0, 0> beat;
        beat.data = packed.range(D - 1, 0);
        beat.keep = packed.range(D + keeps - 1, D);
        beat.strb = packed.range(D + 2 * keeps - 1, D + keeps);
        beat.last = packed.range(D + 2 * keeps, D + 2 * keeps);
        return beat;
    }
};

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

    // The integers below are as wide as memory needs them; an access at byte n of this array says
    // that a beat has n bytes of data.
    void tell_width() {
        if (detail::element<T>::data_bytes != 0) {
            (void)width_[detail::element<T>::data_bytes];
        }
    }

    volatile char width_[144];
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
