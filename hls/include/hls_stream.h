// hls_stream.h - hls::stream<T>, the first-in first-out channel between processes, for
// simulation in C++.
//
// Promise: elements come out in the order in which they went in, and none is lost: in C
// simulation a stream is unbounded, as in Vitis, whatever its depth in hardware. A read from an
// empty stream, which would hang in hardware, is a std::runtime_error that names the stream.
// Nothing is ever printed; data left over is for the test bench to ask for (size()).
// A stream is not thread-safe: in C simulation processes run one after the other.
// With the macro LINELOOM_TRACE(name, element), it is handed each element that is written.
//
// Source: AMD UG1399, "HLS Stream Library".
#ifndef LINELOOM_HLS_STREAM_H
#define LINELOOM_HLS_STREAM_H

#ifdef LINELOOM_LOWERING
#error "hls_stream.h: the variant for lowering to hardware does not exist yet; compile without \
-DLINELOOM_LOWERING to simulate"
#else

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace hls {

// DEPTH is the number of elements that the FIFO in hardware holds; 0 leaves it to the tool.
template <class T, int DEPTH = 0>
class stream;

// Functions take a `stream<T>&`, which any stream<T, DEPTH> is.
template <class T>
class stream<T, 0> {
public:
    stream() : stream("unnamed") {}
    explicit stream(const char* name) : name_(name) {}
    explicit stream(const std::string& name) : name_(name) {}
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;

    // The oldest element, which is taken out. Throws std::runtime_error on an empty stream.
    T read() {
        if (empty()) {
            fail_empty();
        }
        return take();
    }
    void read(T& element) { element = read(); }
    void operator>>(T& element) { element = read(); }

    // Whether there was an element to read; without one, `element` becomes T().
    bool read_nb(T& element) {
        const bool available = !empty();
        element = available ? take() : T();
        return available;
    }

    void write(const T& element) {
        if (size_ == capacity_) {
            grow();
        }
        elements_[(first_ + size_) & (capacity_ - 1)] = element;
        ++size_;
#ifdef LINELOOM_TRACE
        LINELOOM_TRACE(name_, element);
#endif
    }
    void operator<<(const T& element) { write(element); }

    // Always succeeds, because the stream is unbounded.
    bool write_nb(const T& element) {
        write(element);
        return true;
    }

    bool empty() const { return size_ == 0; }
    bool full() const { return false; }
    std::size_t size() const { return size_; }

private:
    T take() {
        T element = std::move(elements_[first_]);
        first_ = (first_ + 1) & (capacity_ - 1);
        --size_;
        return element;
    }

    // Doubles the ring, so that a write costs constant time on average. The capacity stays a
    // power of two, so that wrapping round is a mask.
    void grow() {
        const std::size_t larger = capacity_ == 0 ? 16 : 2 * capacity_;
        std::unique_ptr<T[]> moved(new T[larger]);
        for (std::size_t i = 0; i < size_; ++i) {
            moved[i] = std::move(elements_[(first_ + i) & (capacity_ - 1)]);
        }
        elements_ = std::move(moved);
        first_ = 0;
        capacity_ = larger;
    }

    // Kept out of read(), which is to stay small enough to be inlined.
    [[noreturn]] __attribute__((noinline, cold)) void fail_empty() const {
        throw std::runtime_error("hls::stream '" + name_ +
                                 "' is read while empty: its reader expects more elements than "
                                 "its writer wrote before; compare the loop bounds of the two");
    }

    std::string name_;
    std::unique_ptr<T[]> elements_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

template <class T, int DEPTH>
class stream : public stream<T, 0> {
    static_assert(DEPTH > 0, "hls::stream<T, DEPTH>: DEPTH has to be at least 1");

public:
    using stream<T, 0>::stream;

    // The elements that the FIFO in hardware holds; in C simulation there is no limit.
    static constexpr std::size_t capacity() { return DEPTH; }
};

}  // namespace hls

#endif  // LINELOOM_LOWERING

#endif  // LINELOOM_HLS_STREAM_H
