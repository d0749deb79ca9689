// Runs a generated convolution on the systolic array from Python: packed NumPy arrays in and out.
//
// Compiled together with the design; -DLINELOOM_HEADER names its header, -DLINELOOM_TOP its top
// function, -DLINELOOM_FILTERS the number of its filters. -DLINELOOM_PARAMETERS is set if it reads a
// table of the filters' parameters. If it works in two phases, the first one writes
// -DLINELOOM_U_WORDS words of the type -DLINELOOM_U_WORD.
#include LINELOOM_HEADER

#include "csim_memory.hpp"

#include <cstdint>
#include <cstdio>
#include <exception>
#include <vector>

/// Convolves `frames` frames. Returns 0, or 1 with a text in `message`.
extern "C" int lineloom_matrix_conv2d(const std::uint8_t* x, const std::uint8_t* b,
                                      const std::uint8_t* p, std::uint8_t* c,
                                      const unsigned frames, char* message,
                                      const int message_size) {
  try {
    const int x_bytes = kRows * kAContainerBits / 8;
    const int b_bytes = kCols * kBContainerBits / 8;
    const int c_bytes = kCols * kCContainerBits / 8;
    const std::size_t filter_words = (LINELOOM_FILTERS + kCols - 1) / kCols;
    const std::size_t columns = (kN + kCols - 1) / kCols;  // of the weights, in words
    const std::size_t pixels = static_cast<std::size_t>(frames) * kHeight * kLineWords;
    const std::vector<AWord_t> x_words = from_memory<AWord_t>(x, pixels, x_bytes);
    const std::vector<BWord_t> b_words = from_memory<BWord_t>(b, kK * columns, b_bytes);
    std::vector<CWord_t> c_words(frames * kPositions * filter_words);
#ifdef LINELOOM_PARAMETERS
    const std::vector<Column_t> p_words = from_memory<Column_t>(p, LINELOOM_FILTERS, 16);
#define TABLE p_words.data(),
#else
    (void)p;
#define TABLE
#endif
#ifdef LINELOOM_U_WORDS
    std::vector<LINELOOM_U_WORD> u(LINELOOM_U_WORDS);
    LINELOOM_TOP(x_words.data(), u.data(), u.data(), b_words.data(), TABLE c_words.data(), frames,
                 0);
    LINELOOM_TOP(x_words.data(), u.data(), u.data(), b_words.data(), TABLE c_words.data(), 0,
                 frames);
#else
    LINELOOM_TOP(x_words.data(), b_words.data(), TABLE c_words.data(), frames);
#endif
    to_memory(c_words, c, c_bytes);
  } catch (const std::exception& error) {
    std::snprintf(message, message_size, "%s", error.what());
    return 1;
  }
  return 0;
}
