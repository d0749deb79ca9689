// Keeps what is written to streams of words, for whoever asks which layer of a network goes wrong.
//
// Included before everything else in C-sim that is traced: our hls_stream.h then hands over each
// element that is written. A stream of anything but ap_uint is not kept.
#ifndef LINELOOM_CSIM_TRACE_HPP
#define LINELOOM_CSIM_TRACE_HPP

#include <ap_int.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// Stream -> its words so far, each in whole bytes, the lowest ones first.
inline std::map<std::string, std::vector<std::uint8_t> > lineloom_traces;

template <class T>
void lineloom_written(const std::string&, const T&) {}

template <int kBits>
void lineloom_written(const std::string& name, const ap_uint<kBits>& word) {
  std::vector<std::uint8_t>& trace = lineloom_traces[name];
  for (int at = 0; at < kBits; at += 8) {
    const int last = at + 7 < kBits ? at + 7 : kBits - 1;
    const ap_uint<8> byte = word.range(last, at);
    trace.push_back(static_cast<std::uint8_t>(byte.to_uint()));
  }
}

#define LINELOOM_TRACE(name, element) lineloom_written(name, element)

#endif  // LINELOOM_CSIM_TRACE_HPP
