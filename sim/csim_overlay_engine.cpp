// Runs a program on a generated overlay engine from Python, in the memory that Python holds.
//
// Compiled together with the engine; -DLINELOOM_HEADER names its header, -DLINELOOM_TOP its top
// function.
#include LINELOOM_HEADER

#include "csim_memory.hpp"

#include <cstdint>
#include <cstdio>
#include <exception>
#include <vector>

/// Runs `steps` instructions; counts are in words of each port. Returns 0, or 1 with a text in
/// `message`.
extern "C" int lineloom_overlay_engine(const std::uint8_t* program, const std::uint8_t* b,
                                       const std::int64_t b_count, const std::uint8_t* p,
                                       const std::int64_t p_count, std::uint8_t* tensors,
                                       const std::int64_t count, const unsigned steps,
                                       char* message, const int message_size) {
  try {
    const int word_bytes = kRows * kAContainerBits / 8;
    const std::vector<Program_t> instructions =
        from_memory<Program_t>(program, std::size_t(steps) * kRecordWords, 8);
    const std::vector<BWord_t> weights = from_memory<BWord_t>(b, b_count, word_bytes);
    const std::vector<Column_t> parameters = from_memory<Column_t>(p, p_count, 16);
    std::vector<AWord_t> words = from_memory<AWord_t>(tensors, count, word_bytes);
    LINELOOM_TOP(instructions.data(), words.data(), weights.data(), parameters.data(),
                 words.data(), steps);
    to_memory(words, tensors, word_bytes);
  } catch (const std::exception& error) {
    std::snprintf(message, message_size, "%s", error.what());
    return 1;
  }
  return 0;
}
