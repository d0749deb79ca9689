// What the drivers of a verilated model share: signals by name, seeded pauses, complaints.
#ifndef LINELOOM_FAST_H_
#define LINELOOM_FAST_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "verilated.h"
#include "verilated_syms.h"

namespace lineloom {

/// A signal of the model, of any width, as its bytes (least significant first).
class Signal {
 public:
  Signal() = default;
  Signal(VerilatedContext& context, const std::string& scope, const std::string& name) {
    const VerilatedScope* const found = context.scopeFind(scope.c_str());
    VerilatedVar* const variable = found ? found->varFind(name.c_str()) : nullptr;
    if (variable) {
      data_ = static_cast<uint8_t*>(variable->datap());
      bits_ = variable->entBits();
    }
  }

  explicit operator bool() const { return data_ != nullptr; }
  uint32_t bytes() const { return (bits_ + 7) / 8; }
  const uint8_t* data() const { return data_; }
  bool high() const { return data_ && (*data_ & 1); }

  /// The low 64 bits; 0 for a signal that is not there.
  uint64_t value() const {
    uint64_t result = 0;
    if (data_) std::memcpy(&result, data_, bytes() < 8 ? bytes() : 8);
    return result;
  }
  void set(const void* source) {
    if (data_) std::memcpy(data_, source, bytes());
  }
  void set(uint64_t number) {
    if (data_) std::memcpy(data_, &number, bytes() < 8 ? bytes() : 8);
  }
  void set_ones() {
    for (uint32_t bit = 0; bit < bits_; ++bit) data_[bit / 8] |= uint8_t(1u << (bit % 8));
  }
  bool all_ones() const {
    for (uint32_t bit = 0; bit < bits_; ++bit) {
      if (!(data_[bit / 8] >> (bit % 8) & 1)) return false;
    }
    return true;
  }

 private:
  uint8_t* data_ = nullptr;
  uint32_t bits_ = 0;
};

/// The words that go into a FIFO.
class Tap {
 public:
  Tap(VerilatedContext& context, const std::string& scope)
      : tail_(context, scope, "tail"), put_(context, scope, "put"), full_(context, scope, "full") {}
  explicit operator bool() const { return tail_ && put_ && full_; }
  void sample(int64_t cycle) {
    if (put_.high() && !full_.high()) {
      bytes.insert(bytes.end(), tail_.data(), tail_.data() + tail_.bytes());
      cycles.push_back(cycle);
    }
  }

  std::vector<uint8_t> bytes;
  std::vector<int64_t> cycles;

 private:
  Signal tail_, put_, full_;
};

/// SplitMix64: small, seeded, the same on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  double share() { return double(next() >> 11) / 9007199254740992.0; }

 private:
  uint64_t state_;
};

/// Pauses of one port: a share of all cycles, mostly single ones and now and then up to 32.
class Pauses {
 public:
  Pauses(uint64_t seed, double share) : random_(seed), share_(share) {}

  /// Whether the port pauses in the next cycle.
  bool next() {
    if (share_ <= 0) return false;
    if (left_ > 0) return --left_, true;
    const double mean = 1 + (kLongest - 1) / 2.0 / kOneLongIn;
    if (random_.share() >= share_ / (mean * (1 - share_) + share_)) return false;
    left_ = random_.next() % kOneLongIn ? 0 : int(random_.next() % kLongest);
    return true;
  }
  /// Cycles that the memory takes longer than at best.
  int latency() { return share_ <= 0 ? 0 : int(random_.next() % kLongest); }

 private:
  static constexpr int kLongest = 32;
  static constexpr int kOneLongIn = 8;
  Random random_;
  double share_;
  int left_ = 0;
};

/// What the memory moves in a cycle, for all ports together: beats are let through until it is in
/// debt, and then none until that is paid. So each port that wants to gets an equal share of beats.
class Bandwidth {
 public:
  /// 0: no limit.
  void limit(double bytes_per_cycle) { rate_ = credit_ = bytes_per_cycle; }
  /// A cycle begins; what the last one did not use is lost.
  void refill() { credit_ = credit_ + rate_ < rate_ ? credit_ + rate_ : rate_; }
  bool open() const { return rate_ <= 0 || credit_ > 0; }
  void spend(uint32_t bytes) {
    if (rate_ > 0) credit_ -= bytes;
  }

 private:
  double rate_ = 0, credit_ = 0;
};

/// Broken rules, the first of each text with its cycle.
class Complaints {
 public:
  void add(int64_t cycle, const std::string& text) {
    for (const std::string& known : texts_) {
      if (known == text) return;
    }
    texts_.push_back(text);
    if (texts_.size() <= 20) all_ += "cycle " + std::to_string(cycle) + ": " + text + "\n";
  }
  const std::string& all() const { return all_; }

 private:
  std::vector<std::string> texts_;
  std::string all_;
};

/// A channel that the design drives: VALID stays, with its payload, until READY.
class Offered {
 public:
  Offered(std::string name, Signal valid, Signal ready, std::vector<Signal> payload)
      : name_(std::move(name)), valid_(valid), ready_(ready), payload_(std::move(payload)) {}

  /// Look at the channel before a clock edge; returns whether a transfer takes place.
  bool sample(int64_t cycle, Complaints& complaints) {
    const bool valid = valid_.high();
    if (waiting_ && !valid) complaints.add(cycle, name_ + " drops VALID before READY");
    if (waiting_ && valid && changed()) {
      complaints.add(cycle, name_ + " changes its payload while it waits for READY");
    }
    const bool moves = valid && ready_.high();
    waiting_ = valid && !moves;
    if (waiting_) keep();
    return moves;
  }

 private:
  bool changed() const {
    const uint8_t* at = kept_.data();
    for (const Signal& signal : payload_) {
      if (signal && std::memcmp(at, signal.data(), signal.bytes()) != 0) return true;
      at += signal.bytes();
    }
    return false;
  }
  void keep() {
    kept_.clear();
    for (const Signal& signal : payload_) {
      kept_.insert(kept_.end(), signal.data(), signal.data() + signal.bytes());
    }
  }

  std::string name_;
  Signal valid_, ready_;
  std::vector<Signal> payload_;
  std::vector<uint8_t> kept_;
  bool waiting_ = false;
};

}  // namespace lineloom

#endif  // LINELOOM_FAST_H_
