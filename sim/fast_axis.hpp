// AXI4-Stream: a source that feeds the design and a sink that takes from it.
#ifndef LINELOOM_FAST_AXIS_H_
#define LINELOOM_FAST_AXIS_H_

#include "fast.hpp"

namespace lineloom {

/// A side channel of an input stream with a value for each beat.
struct Side {
  Signal signal;
  const uint8_t* bytes;
};

/// Feeds a call's beats to an input stream; TLAST on the last one unless side channels are given.
class Source {
 public:
  Source(VerilatedContext& context, const std::string& port, Bandwidth& bandwidth,
         const Pauses& pauses)
      : context_(context),
        port_(port),
        bandwidth_(bandwidth),
        data_(context, "TOP", port + "_TDATA"),
        keep_(context, "TOP", port + "_TKEEP"),
        strb_(context, "TOP", port + "_TSTRB"),
        last_(context, "TOP", port + "_TLAST"),
        valid_(context, "TOP", port + "_TVALID"),
        ready_(context, "TOP", port + "_TREADY"),
        pauses_(pauses) {
    keep_.set_ones();
    strb_.set_ones();
  }

  bool found() const { return data_ && valid_ && ready_; }
  /// Hand over the beats of the next call; they stay the caller's.
  void feed(const uint8_t* bytes, int64_t beats) {
    bytes_ = bytes, beats_ = beats, next_ = 0, from_ = INT64_MAX;
    cycles.clear();
    sides_.clear();
  }
  /// Give a side channel of these beats; false: there is no such signal.
  bool side(const std::string& name, const uint8_t* bytes) {
    const Signal signal(context_, "TOP", port_ + "_" + name);
    if (signal) sides_.push_back({signal, bytes});
    return bool(signal);
  }
  bool complete() const { return next_ >= beats_; }
  void begin(int64_t cycle) { from_ = cycle; }

  /// Set the design's inputs for `cycle`.
  void drive(int64_t cycle) {
    const bool paused = pauses_.next();
    if (!offering_ && cycle >= from_ && next_ < beats_ && !paused && bandwidth_.open()) {
      offering_ = true;
      fetched_ = data_.bytes();
    }
    valid_.set(uint64_t(offering_));
    if (!offering_) return;
    data_.set(bytes_ + next_ * data_.bytes());
    for (Side& side : sides_) side.signal.set(side.bytes + next_ * side.signal.bytes());
    if (sides_.empty()) last_.set(uint64_t(next_ == beats_ - 1));
  }
  /// Look before the edge that ends `cycle`; returns whether a beat went in.
  bool sample(int64_t cycle) {
    bandwidth_.spend(fetched_);
    fetched_ = 0;
    if (!offering_ || !ready_.high()) return false;
    cycles.push_back(cycle);
    offering_ = false;
    ++next_;
    return true;
  }

  std::vector<int64_t> cycles;

 private:
  VerilatedContext& context_;
  std::string port_;
  Bandwidth& bandwidth_;
  Signal data_, keep_, strb_, last_, valid_, ready_;
  Pauses pauses_;
  std::vector<Side> sides_;
  const uint8_t* bytes_ = nullptr;
  int64_t beats_ = 0, next_ = 0, from_ = INT64_MAX;
  bool offering_ = false;
  uint32_t fetched_ = 0;
};

/// Takes beats from an output stream and checks them against the rules.
class Sink {
 public:
  Sink(VerilatedContext& context, const std::string& port, Bandwidth& bandwidth,
       const Pauses& pauses)
      : context_(context),
        name_(port),
        bandwidth_(bandwidth),
        data_(context, "TOP", port + "_TDATA"),
        keep_(context, "TOP", port + "_TKEEP"),
        strb_(context, "TOP", port + "_TSTRB"),
        last_(context, "TOP", port + "_TLAST"),
        ready_(context, "TOP", port + "_TREADY"),
        offered_(port, Signal(context, "TOP", port + "_TVALID"), ready_,
                 {data_, keep_, strb_, last_}),
        pauses_(pauses) {}

  bool found() const { return data_ && ready_; }
  void expect(int64_t beats) {
    expected_ = beats;
    data.clear();
    cycles.clear();
  }
  bool complete() const { return int64_t(cycles.size()) >= expected_; }
  /// Keep a side channel beside the data instead of checking it; false: there is no such signal.
  bool keep(const std::string& name) {
    kept_.emplace_back(context_, "TOP", name_ + "_" + name);
    return bool(kept_.back());
  }

  void drive() { ready_.set(uint64_t(!pauses_.next() && bandwidth_.open())); }
  bool sample(int64_t cycle, Complaints& complaints) {
    if (!offered_.sample(cycle, complaints)) return false;
    bandwidth_.spend(data_.bytes());
    const int64_t beat = int64_t(cycles.size());
    if (beat >= expected_) {
      complaints.add(cycle, name_ + " puts out more than " + std::to_string(expected_) + " beats");
      return false;
    }
    if (kept_.empty()) check(beat, cycle, complaints);
    data.insert(data.end(), data_.data(), data_.data() + data_.bytes());
    for (const Signal& side : kept_) data.insert(data.end(), side.data(), side.data() + side.bytes());
    cycles.push_back(cycle);
    return true;
  }

  std::vector<uint8_t> data;
  std::vector<int64_t> cycles;

 private:
  void check(int64_t beat, int64_t cycle, Complaints& complaints) const {
    if (last_ && last_.high() != (beat == expected_ - 1)) {
      complaints.add(cycle, last_.high() ? name_ + " has TLAST before the end of the packet"
                                         : name_ + " has no TLAST at the end of the packet");
    }
    if (!keep_.all_ones()) complaints.add(cycle, name_ + " has TKEEP bits at 0");
    if (!strb_.all_ones()) complaints.add(cycle, name_ + " has TSTRB bits at 0");
  }

  VerilatedContext& context_;
  std::string name_;
  Bandwidth& bandwidth_;
  Signal data_, keep_, strb_, last_, ready_;
  std::vector<Signal> kept_;
  Offered offered_;
  Pauses pauses_;
  int64_t expected_ = 0;
};

}  // namespace lineloom

#endif  // LINELOOM_FAST_AXIS_H_
