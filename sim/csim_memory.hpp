// Memory of a design as NumPy has it: words of C-sim to bytes and back.
#ifndef LINELOOM_CSIM_MEMORY_HPP
#define LINELOOM_CSIM_MEMORY_HPP

#include <ap_int.h>

#include <cstddef>
#include <cstdint>
#include <vector>

/// `count` words of memory; elements lie in lane order, little-endian.
template <typename Word>
std::vector<Word> from_memory(const std::uint8_t* memory, const std::size_t count, const int bytes) {
  std::vector<Word> words(count);
  for (std::size_t i = 0; i < count; ++i) {
    words[i] = 0;
    for (int at = 0; at < bytes; ++at) {
      words[i].range(8 * at + 7, 8 * at) = memory[i * bytes + at];
    }
  }
  return words;
}

/// The bytes of `words`, as `from_memory` reads them.
template <typename Word>
void to_memory(const std::vector<Word>& words, std::uint8_t* memory, const int bytes) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (int at = 0; at < bytes; ++at) {
      memory[i * bytes + at] = static_cast<std::uint8_t>(
          ap_uint<8>(words[i].range(8 * at + 7, 8 * at)).to_uint());
    }
  }
}

#endif  // LINELOOM_CSIM_MEMORY_HPP
