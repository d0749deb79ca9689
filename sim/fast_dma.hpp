// The data movers of an AXI DMA in simple mode (PG021): memory to stream and stream to memory.
//
// Each does one transfer at a time, of any number of bytes; its registers are modelled in Python.
#ifndef LINELOOM_FAST_DMA_H_
#define LINELOOM_FAST_DMA_H_

#include <algorithm>

#include "fast.hpp"
#include "fast_axi.hpp"

namespace lineloom {

/// How a transfer stands; the values are known to sim/engine.py.
enum Progress : int { kIdle = 0, kRunning = 1, kEnded = 2, kOverrun = 3, kDecodeError = 4 };

/// What both directions share: one transfer, an address that advances, and how it stands.
class Mover {
 public:
  Mover(const Memory& memory, const Pauses& pauses) : memory_(memory), pauses_(pauses) {}

  void start(uint64_t address, uint64_t bytes, int64_t cycle) {
    address_ = address, left_ = bytes, moved_ = 0;
    from_ = cycle + kLatency + pauses_.latency();
    progress = memory_.holds(address, bytes) ? kRunning : kDecodeError;
  }
  /// What a soft reset does: whatever was under way is gone.
  void stop() { progress = kIdle; }

  int64_t moved() const { return int64_t(moved_); }
  Progress progress = kIdle;

 protected:
  static constexpr int kLatency = 16;  // cycles from the command to the first beat

  void advance(uint64_t bytes) { address_ += bytes, moved_ += bytes, left_ -= bytes; }
  uint8_t* place() const { return memory_.at(address_); }

  const Memory& memory_;
  Pauses pauses_;
  uint64_t address_ = 0, left_ = 0, moved_ = 0;
  int64_t from_ = 0;
};

/// Memory to stream: TLAST on the last beat, TKEEP for its bytes.
class Mm2s : public Mover {
 public:
  Mm2s(VerilatedContext& context, const std::string& port, const Memory& memory,
       const Pauses& pauses)
      : Mover(memory, pauses),
        data_(context, "TOP", port + "_TDATA"),
        keep_(context, "TOP", port + "_TKEEP"),
        strb_(context, "TOP", port + "_TSTRB"),
        last_(context, "TOP", port + "_TLAST"),
        valid_(context, "TOP", port + "_TVALID"),
        ready_(context, "TOP", port + "_TREADY"),
        beat_(data_.bytes()),
        mask_((data_.bytes() + 7) / 8) {}

  bool found() const { return data_ && valid_ && ready_; }

  void drive(int64_t cycle) {
    const bool paused = pauses_.next() || memory_.frozen;
    if (progress != kRunning) offering_ = false;
    else if (!offering_) offering_ = cycle >= from_ && !paused;
    valid_.set(uint64_t(offering_));
    if (!offering_) return;
    const uint64_t bytes = count();
    std::fill(beat_.begin(), beat_.end(), 0);
    std::copy(place(), place() + bytes, beat_.begin());
    std::fill(mask_.begin(), mask_.end(), 0);
    for (uint64_t i = 0; i < bytes; ++i) mask_[i / 8] |= uint8_t(1u << (i % 8));
    data_.set(beat_.data());
    keep_.set(mask_.data());
    strb_.set(mask_.data());
    last_.set(uint64_t(bytes == left_));
  }
  bool sample() {
    if (!offering_ || !ready_.high()) return false;
    offering_ = false;
    advance(count());
    if (left_ == 0) progress = kEnded;
    return true;
  }

 private:
  uint64_t count() const { return std::min<uint64_t>(left_, data_.bytes()); }

  Signal data_, keep_, strb_, last_, valid_, ready_;
  std::vector<uint8_t> beat_, mask_;
  bool offering_ = false;
};

/// Stream to memory: a packet ends with TLAST; one that is longer than the transfer is an error.
class S2mm : public Mover {
 public:
  S2mm(VerilatedContext& context, const std::string& port, const Memory& memory,
       const Pauses& pauses)
      : Mover(memory, pauses),
        data_(context, "TOP", port + "_TDATA"),
        keep_(context, "TOP", port + "_TKEEP"),
        last_(context, "TOP", port + "_TLAST"),
        ready_(context, "TOP", port + "_TREADY"),
        offered_(port, Signal(context, "TOP", port + "_TVALID"), ready_, {data_, keep_, last_}) {}

  bool found() const { return data_ && ready_; }

  void drive(int64_t cycle) {
    const bool paused = pauses_.next() || memory_.frozen;
    ready_.set(uint64_t(progress == kRunning && cycle >= from_ && !paused));
  }
  bool sample(int64_t cycle, Complaints& complaints) {
    if (!offered_.sample(cycle, complaints)) return false;
    for (uint64_t i = 0; i < data_.bytes() && progress == kRunning; ++i) {
      if (keep_ && !(keep_.data()[i / 8] >> (i % 8) & 1)) continue;
      if (left_ == 0) {
        progress = kOverrun;
      } else {
        *place() = data_.data()[i];
        advance(1);
      }
    }
    if (progress == kRunning && (!last_ || last_.high())) progress = kEnded;
    if (progress == kRunning && left_ == 0) progress = kOverrun;
    return true;
  }

 private:
  Signal data_, keep_, last_, ready_;
  Offered offered_;
};

}  // namespace lineloom

#endif  // LINELOOM_FAST_DMA_H_
