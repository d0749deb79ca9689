// Runs a generated GEMM from Python: packed NumPy matrices in, a packed NumPy matrix out.
//
// Compiled together with the design; -DLINELOOM_HEADER names its header, -DLINELOOM_TOP its top
// function, and -DLINELOOM_PARAMETERS is set if it reads a table of the columns' parameters.
#include LINELOOM_HEADER

#include "csim_memory.hpp"

#include <cstdint>
#include <cstdio>
#include <exception>
#include <vector>

namespace {

std::size_t words_a_row(const unsigned size, const int lanes) { return (size + lanes - 1) / lanes; }

}  // namespace

/// C = A . B. Returns 0, or 1 with a text in `message`.
extern "C" int lineloom_gemm(const std::uint8_t* a, const std::uint8_t* b, const std::uint8_t* p,
                             std::uint8_t* c, const unsigned m, const unsigned k, const unsigned n,
                             char* message, const int message_size) {
  try {
    const int a_bytes = kRows * kAContainerBits / 8;
    const int b_bytes = kCols * kBContainerBits / 8;
    const int c_bytes = kCols * kCContainerBits / 8;
    const std::size_t b_row = words_a_row(n, kCols);
    const std::vector<AWord_t> a_words = from_memory<AWord_t>(a, m * words_a_row(k, kRows), a_bytes);
    const std::vector<BWord_t> b_words = from_memory<BWord_t>(b, k * b_row, b_bytes);
    std::vector<CWord_t> c_words = from_memory<CWord_t>(c, m * b_row, c_bytes);
#ifdef LINELOOM_PARAMETERS
    const std::vector<Column_t> p_words = from_memory<Column_t>(p, n, 16);
    LINELOOM_TOP(a_words.data(), b_words.data(), p_words.data(), c_words.data(), m, k, n);
#else
    (void)p;
    LINELOOM_TOP(a_words.data(), b_words.data(), c_words.data(), m, k, n);
#endif
    to_memory(c_words, c, c_bytes);
  } catch (const std::exception& error) {
    std::snprintf(message, message_size, "%s", error.what());
    return 1;
  }
  return 0;
}
