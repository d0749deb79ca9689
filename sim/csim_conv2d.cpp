// Runs a generated convolution from Python: NumPy bytes in, NumPy bytes out.
//
// Compiled together with the design; -DLINELOOM_HEADER names its header, -DLINELOOM_TOP its top
// function, and -DLINELOOM_LOAD is set if it takes its parameters at run time.
#include LINELOOM_HEADER

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>

namespace {

const int kInputBytes = kSimd * kInputContainerBits / 8;
const int kOutputBytes = kPe * kOutputContainerBits / 8;
const int kInputBeats = kHeight * kWidth * kInChannels / kSimd;

/// `bytes` of little-endian memory as one word; elements lie in lane order, as DMA moves them.
template <typename Data>
Data from_memory(const std::uint8_t* memory, const int bytes) {
  Data data = 0;
  for (int at = 0; at < bytes; at += 8) {
    const int count = bytes - at < 8 ? bytes - at : 8;
    std::uint64_t chunk = 0;
    std::memcpy(&chunk, memory + at, count);
    data.range(8 * (at + count) - 1, 8 * at) = ap_uint<64>(chunk);
  }
  return data;
}

template <typename Data>
void to_memory(const Data& data, std::uint8_t* memory, const int bytes) {
  for (int at = 0; at < bytes; at += 8) {
    const int count = bytes - at < 8 ? bytes - at : 8;
    const ap_uint<64> part = data.range(8 * (at + count) - 1, 8 * at);
    const std::uint64_t chunk = part.to_uint64();
    std::memcpy(memory + at, &chunk, count);
  }
}

int fail(char* message, const int size, const char* text) {
  std::snprintf(message, size, "%s", text);
  return 1;
}

}  // namespace

#ifdef LINELOOM_TRACE
/// The bytes that all calls wrote to a stream, and how many.
extern "C" long long lineloom_trace(const char* stream, const std::uint8_t** bytes) {
  const std::vector<std::uint8_t>& trace = lineloom_traces[stream];
  *bytes = trace.data();
  return static_cast<long long>(trace.size());
}
/// Forgets them.
extern "C" void lineloom_forget(void) { lineloom_traces.clear(); }
#endif

/// Output beats of one frame.
extern "C" int lineloom_output_bytes(void) {
  return LINELOOM_OUTPUT_BEATS * kOutputBytes;
}

/// Loads `parameter_words` parameters if there are any, then convolves `frames` frames from `in`
/// to `out`. Returns 0, or 1 with a text in `message`.
extern "C" int lineloom_conv2d(const std::uint8_t* in, std::uint8_t* out, const unsigned frames,
                               const std::uint32_t* parameters, const int parameter_words,
                               char* message, const int message_size) {
  try {
    hls::stream<InputBeat_t> input("in");
    hls::stream<OutputBeat_t> output("out");
    const std::size_t input_beats = std::size_t(frames) * kInputBeats;
    for (std::size_t i = 0; i < input_beats; ++i) {
      InputBeat_t beat = InputBeat_t();
      beat.data = from_memory<ap_uint<8 * kInputBytes> >(in + i * kInputBytes, kInputBytes);
      beat.keep = -1;
      beat.strb = -1;
      beat.last = i + 1 == input_beats;
      input.write(beat);
    }
#ifdef LINELOOM_LOAD
    hls::stream<ParameterBeat_t> words("parameters");
    for (int i = 0; i < parameter_words; ++i) {
      ParameterBeat_t beat = ParameterBeat_t();
      beat.data = parameters[i];
      beat.last = i + 1 == parameter_words;
      words.write(beat);
    }
    LINELOOM_TOP(input, output, words, frames, parameter_words > 0);
    if (!words.empty()) {
      return fail(message, message_size, "parameters were left unread");
    }
#else
    (void)parameters;
    (void)parameter_words;
    LINELOOM_TOP(input, output, frames);
#endif
    if (!input.empty()) {
      return fail(message, message_size, "input beats were left unread");
    }
    const std::size_t output_beats = std::size_t(frames) * LINELOOM_OUTPUT_BEATS;
    for (std::size_t i = 0; i < output_beats; ++i) {
      const OutputBeat_t beat = output.read();
      if (bool(beat.last) != (i + 1 == output_beats)) {
        return fail(message, message_size, "TLAST is not on the last output beat");
      }
      to_memory(beat.data, out + i * kOutputBytes, kOutputBytes);
    }
    if (!output.empty()) {
      return fail(message, message_size, "more output beats than the shape has");
    }
  } catch (const std::exception& error) {
    return fail(message, message_size, error.what());
  }
  return 0;
}
