// Drives a verilated design without any Python in a cycle; sim/fast.py calls it.
//
// A cycle: the drivers set the design's inputs, the logic settles, everybody looks, the clock rises.
#include <algorithm>
#include <deque>
#include <memory>

#include "Vtop.h"
#include "fast.hpp"
#include "fast_axi.hpp"
#include "fast_axis.hpp"
#include "fast_dma.hpp"

#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

/// What $time is, which no design of ours asks for.
double sc_time_stamp() { return 0; }

namespace lineloom {

constexpr uint32_t kCtrl = 0x00, kIsr = 0x0c;
constexpr int kSettleCycles = 64;  // after a call, for what should not come any more
constexpr int kAccessCycles = 1000;

class Bench {
  /// What starts the kernel, and what says that it is done.
  enum class Control { kRegisters, kWires, kNone };
  const Control control_;

 public:
  Bench(uint64_t seed, double stalls, int latency, const char* control, const char* slave,
        const char* waves)
      : control_(control == std::string("ap_ctrl_hs")     ? Control::kWires
                 : control == std::string("ap_ctrl_none") ? Control::kNone
                                                          : Control::kRegisters),
        seed_(seed * 1000),
        stalls_(stalls),
        latency_(latency) {
    context_.randReset(2);
    context_.randSeed(int(seed % 0x7ffffffe) + 1);
    context_.traceEverOn(waves != nullptr);
    model_ = std::make_unique<Vtop>(&context_, "");
#if VM_TRACE
    if (waves) {
      trace_ = std::make_unique<VerilatedVcdC>();
      model_->trace(trace_.get(), 99);
      trace_->open(waves);
    }
#endif
    clock_ = signal("ap_clk");
    reset_ = signal("ap_rst_n");
    done_ = signal(control_ == Control::kRegisters ? "interrupt" : "ap_done");
    start_ = signal("ap_start");
    ready_ = signal("ap_ready");
    if (*slave) registers_ = std::make_unique<Registers>(context_, slave);
  }
  ~Bench() {
    model_->final();
#if VM_TRACE
    if (trace_) trace_->close();
#endif
  }

  bool found() const {
    if (registers_ && !registers_->found()) return false;
    if (control_ == Control::kRegisters && !registers_) return false;
    if (control_ == Control::kWires && !(start_ && ready_)) return false;
    return clock_ && reset_ && (done_ || control_ == Control::kNone);
  }
  Signal signal(const std::string& name) { return Signal(context_, "TOP", name); }
  VerilatedContext& context() { return context_; }
  Pauses pauses() { return Pauses(seed_ += 10, stalls_); }
  uint64_t next_seed() { return seed_ += 10; }
  double stalls() const { return stalls_; }
  int latency() const { return latency_; }

  void reset() {
    reset_.set(uint64_t(0));
    start_.set(uint64_t(0));
    for (int i = 0; i < 10; ++i) tick();
    reset_.set(uint64_t(1));
    for (int i = 0; i < 4; ++i) tick();
  }

  bool write(uint32_t offset, uint32_t word) {
    if (!registers_) return false;
    registers_->write(offset, word);
    return access();
  }
  bool read(uint32_t offset, uint32_t& word) {
    if (!registers_) return false;
    registers_->read(offset);
    const bool done = access();
    word = registers_->answer();
    return done;
  }

  /// Start the kernel and run until it is done and everything is out; false: it hangs.
  bool call(int64_t patience) {
    started = done = -1;
    progress_ = cycle;
    starting_ = true;
    if (control_ == Control::kRegisters && !write(kCtrl, 1)) return false;
    if (control_ == Control::kWires) start_.set(uint64_t(1));
    while (done < 0 || !complete()) {
      if (cycle - progress_ > patience) return false;
      tick();
    }
    for (int i = 0; i < kSettleCycles; ++i) tick();
    if (control_ != Control::kRegisters) return true;
    uint32_t control = 0;
    if (!write(kIsr, 1) || !read(kCtrl, control)) return false;
    if ((control & 6) != 6) complaints.add(cycle, "CTRL does not say done and idle after a call");
    return true;
  }

  /// Run until a transfer ends, the interrupt rises, or `cycles` have passed.
  void step(int64_t cycles) {
    const bool before = done_.high();
    const int64_t until = cycle + cycles;
    const int running = transfers();
    while (cycle < until && transfers() == running && (before || !done_.high())) tick();
  }
  bool interrupt() const { return done_.high(); }
  /// Cycles since anything moved on a data port.
  int64_t quiet() const { return cycle - progress_; }

  Memory memory;
  Bandwidth bandwidth;
  std::vector<std::unique_ptr<Source>> sources;
  std::vector<std::unique_ptr<Sink>> sinks;
  std::vector<std::unique_ptr<Slave>> slaves;
  std::vector<std::unique_ptr<Mm2s>> mm2s;
  std::vector<std::unique_ptr<S2mm>> s2mm;
  std::vector<std::pair<Signal, uint64_t>> gauges;
  std::vector<lineloom::Tap> taps;
  Complaints complaints;
  int64_t cycle = 0, started = -1, done = -1;

 private:
  void tick() {
    bandwidth.refill();
    for (auto& source : sources) source->drive(cycle);
    for (auto& sink : sinks) sink->drive();
    for (auto& slave : slaves) slave->drive(cycle);
    for (auto& mover : mm2s) mover->drive(cycle);
    for (auto& mover : s2mm) mover->drive(cycle);
    if (registers_) registers_->drive();
    edge(0);
    bool moved = false;
    if (reset_.high()) {
      for (auto& source : sources) moved |= source->sample(cycle);
      for (auto& sink : sinks) moved |= sink->sample(cycle, complaints);
      for (auto& slave : slaves) moved |= slave->sample(cycle, complaints);
      for (auto& mover : mm2s) moved |= mover->sample();
      for (auto& mover : s2mm) moved |= mover->sample(cycle, complaints);
      const bool written = registers_ && registers_->sample(cycle, complaints);
      if (starting_ && (written || control_ != Control::kRegisters)) {
        starting_ = false;
        started = cycle;
        for (auto& source : sources) source->begin(cycle + latency_);
      }
      const bool over = control_ == Control::kNone ? fed() && complete() : done_.high();
      if (started >= 0 && done < 0 && over) done = cycle, moved = true;
      if (control_ == Control::kWires && start_.high() && ready_.high()) starts_ = true;
      for (auto& gauge : gauges) gauge.second = std::max(gauge.second, gauge.first.value());
      for (auto& tap : taps) tap.sample(cycle);
    }
    if (moved) progress_ = cycle;
    edge(1);
    // The wire goes down behind the edge at which the kernel took it.
    if (starts_) start_.set(uint64_t(0)), starts_ = false;
    ++cycle;
  }

  void edge(uint64_t level) {
    clock_.set(level);
    model_->eval_step();
#if VM_TRACE
    if (trace_) trace_->dump(uint64_t(10 * cycle + 5 * level));
#endif
  }

  bool access() {
    for (int i = 0; registers_->busy(); ++i) {
      if (i > kAccessCycles) return false;
      tick();
    }
    return true;
  }

  int transfers() const {
    int running = 0;
    for (auto& mover : mm2s) running += mover->progress == kRunning;
    for (auto& mover : s2mm) running += mover->progress == kRunning;
    return running;
  }

  bool fed() const {
    for (auto& source : sources) {
      if (!source->complete()) return false;
    }
    return true;
  }

  bool complete() const {
    for (auto& sink : sinks) {
      if (!sink->complete()) return false;
    }
    for (auto& slave : slaves) {
      if (!slave->idle()) return false;
    }
    return true;
  }

  VerilatedContext context_;
  std::unique_ptr<Vtop> model_;
#if VM_TRACE
  std::unique_ptr<VerilatedVcdC> trace_;
#endif
  std::unique_ptr<Registers> registers_;
  Signal clock_, reset_, done_, start_, ready_;
  uint64_t seed_;
  double stalls_;
  int latency_;
  int64_t progress_ = 0;
  bool starting_ = false, starts_ = false;
};

}  // namespace lineloom

using lineloom::Bench;

static Bench& bench_of(void* bench) { return *static_cast<Bench*>(bench); }

template <typename Driver>
static int added(std::vector<std::unique_ptr<Driver>>& drivers, std::unique_ptr<Driver> driver) {
  if (!driver->found()) return -1;
  drivers.push_back(std::move(driver));
  return int(drivers.size()) - 1;
}

extern "C" {
/// A bench on a model of its own; null if the design lacks clock, reset or what starts it.
///
/// `control` is s_axilite, ap_ctrl_hs or ap_ctrl_none; `slave` names the registers' port, or is "".
void* lineloom_open(uint64_t seed, double stalls, int latency, const char* control,
                    const char* slave, const char* waves) {
  auto bench = std::make_unique<Bench>(seed, stalls, latency, control, slave, waves);
  return bench->found() ? bench.release() : nullptr;
}
void lineloom_close(void* bench) { delete &bench_of(bench); }
void lineloom_reset(void* bench) { bench_of(bench).reset(); }

/// Indices of drivers for ports of these names; -1: there is no such port.
int lineloom_source(void* bench, const char* port) {
  Bench& b = bench_of(bench);
  return added(b.sources, std::make_unique<lineloom::Source>(b.context(), port, b.bandwidth, b.pauses()));
}
int lineloom_sink(void* bench, const char* port) {
  Bench& b = bench_of(bench);
  return added(b.sinks, std::make_unique<lineloom::Sink>(b.context(), port, b.bandwidth, b.pauses()));
}
int lineloom_slave(void* bench, const char* port) {
  Bench& b = bench_of(bench);
  return added(b.slaves, std::make_unique<lineloom::Slave>(b.context(), port, b.memory,
                                                           b.bandwidth, b.latency(),
                                                           b.next_seed(), b.stalls()));
}
/// Note when a port reads what, from now on.
void lineloom_watch(void* bench, int slave) { bench_of(bench).slaves[slave]->watched = true; }
/// Index of a gauge of the fullest that a FIFO gets.
int lineloom_gauge(void* bench, const char* scope) {
  Bench& b = bench_of(bench);
  lineloom::Signal count(b.context(), scope, "count");
  if (!count) return -1;
  b.gauges.emplace_back(count, 0);
  return int(b.gauges.size()) - 1;
}

/// Index of a tap of the words that go into a FIFO; -1: the model does not show them.
int lineloom_tap(void* bench, const char* scope) {
  Bench& b = bench_of(bench);
  const lineloom::Tap tap(b.context(), scope);
  if (!tap) return -1;
  b.taps.push_back(tap);
  return int(b.taps.size()) - 1;
}

void lineloom_memory(void* bench, uint64_t base, uint8_t* bytes, uint64_t size) {
  bench_of(bench).memory = {base, bytes, size, false};
}
/// What memory moves in a cycle for all ports of the design, streams too; 0 is without limit.
void lineloom_bandwidth(void* bench, double bytes) { bench_of(bench).bandwidth.limit(bytes); }
/// Memory that is frozen answers nothing.
void lineloom_freeze(void* bench, int frozen) { bench_of(bench).memory.frozen = frozen != 0; }
/// What a port may touch from now on, besides what it might already, in words of so many bytes or
/// as wide as itself.
void lineloom_region(void* bench, int slave, uint64_t address, uint64_t size, int writable,
                     uint64_t word) {
  bench_of(bench).slaves[slave]->regions.push_back({address, size, writable != 0, word});
}
void lineloom_feed(void* bench, int source, const uint8_t* bytes, int64_t beats) {
  bench_of(bench).sources[source]->feed(bytes, beats);
}
void lineloom_expect(void* bench, int sink, int64_t beats) {
  bench_of(bench).sinks[sink]->expect(beats);
}
/// Values of a side channel of the beats that were fed; 0: there is no such signal.
int lineloom_side(void* bench, int source, const char* name, const uint8_t* bytes) {
  return bench_of(bench).sources[source]->side(name, bytes);
}
/// Keep a side channel of an output beside its data; 0: there is no such signal.
int lineloom_keep(void* bench, int sink, const char* name) {
  return bench_of(bench).sinks[sink]->keep(name);
}
/// Set an input of the top module; 0: there is no such signal.
int lineloom_wire(void* bench, const char* name, uint64_t value) {
  lineloom::Signal signal = bench_of(bench).signal(name);
  signal.set(value);
  return bool(signal);
}
int lineloom_read(void* bench, uint32_t offset, uint32_t* word) {
  return bench_of(bench).read(offset, *word);
}
int lineloom_write(void* bench, uint32_t offset, uint32_t word) {
  return bench_of(bench).write(offset, word);
}
/// Returns 1, or 0 if the design hangs.
int lineloom_call(void* bench, int64_t patience) {
  Bench& b = bench_of(bench);
  for (auto& slave : b.slaves) {
    slave->read_beats = slave->written_beats = 0;
    slave->asked = {};
  }
  return b.call(patience);
}

/// For a simulated board: the host steps, and DMAs move the data.
void lineloom_step(void* bench, int64_t cycles) { bench_of(bench).step(cycles); }
int lineloom_interrupt(void* bench) { return bench_of(bench).interrupt(); }
int64_t lineloom_cycle(void* bench) { return bench_of(bench).cycle; }
int64_t lineloom_quiet(void* bench) { return bench_of(bench).quiet(); }
int lineloom_mm2s(void* bench, const char* port) {
  Bench& b = bench_of(bench);
  return added(b.mm2s, std::make_unique<lineloom::Mm2s>(b.context(), port, b.memory, b.pauses()));
}
int lineloom_s2mm(void* bench, const char* port) {
  Bench& b = bench_of(bench);
  return added(b.s2mm, std::make_unique<lineloom::S2mm>(b.context(), port, b.memory, b.pauses()));
}
static lineloom::Mover& mover_of(void* bench, int outward, int index) {
  Bench& b = bench_of(bench);
  if (outward) return *b.s2mm[index];
  return *b.mm2s[index];
}
void lineloom_transfer(void* bench, int outward, int index, uint64_t address, uint64_t bytes) {
  mover_of(bench, outward, index).start(address, bytes, bench_of(bench).cycle);
}
void lineloom_abort(void* bench, int outward, int index) { mover_of(bench, outward, index).stop(); }
/// How the transfer stands; `moved` becomes the bytes so far.
int lineloom_progress(void* bench, int outward, int index, int64_t* moved) {
  *moved = mover_of(bench, outward, index).moved();
  return mover_of(bench, outward, index).progress;
}

/// Results of the last call.
void lineloom_times(void* bench, int64_t* times) {
  Bench& b = bench_of(bench);
  times[0] = b.started, times[1] = b.done, times[2] = b.cycle;
}
int64_t lineloom_source_beats(void* bench, int source, const int64_t** cycles) {
  auto& from = bench_of(bench).sources[source]->cycles;
  *cycles = from.data();
  return int64_t(from.size());
}
int64_t lineloom_sink_beats(void* bench, int sink, const int64_t** cycles, const uint8_t** data) {
  auto& from = *bench_of(bench).sinks[sink];
  *cycles = from.cycles.data();
  *data = from.data.data();
  return int64_t(from.cycles.size());
}
void lineloom_slave_beats(void* bench, int slave, int64_t* beats) {
  auto& from = *bench_of(bench).slaves[slave];
  beats[0] = from.read_beats, beats[1] = from.written_beats;
}
/// Cycle and address of each burst that a watched port read in the last call, and how many there are.
int64_t lineloom_asked(void* bench, int slave, const int64_t** cycles, const uint64_t** addresses) {
  const auto& from = bench_of(bench).slaves[slave]->asked;
  *cycles = from.cycles.data();
  *addresses = from.addresses.data();
  return int64_t(from.cycles.size());
}
uint64_t lineloom_mark(void* bench, int gauge) { return bench_of(bench).gauges[gauge].second; }
/// The words that went into a FIFO, each in whole bytes, and how many bytes they are.
int64_t lineloom_tapped(void* bench, int tap, const uint8_t** data) {
  const auto& bytes = bench_of(bench).taps[tap].bytes;
  *data = bytes.data();
  return int64_t(bytes.size());
}
/// The cycles in which they went in, and how many words they are.
int64_t lineloom_tapped_cycles(void* bench, int tap, const int64_t** cycles) {
  const auto& from = bench_of(bench).taps[tap].cycles;
  *cycles = from.data();
  return int64_t(from.size());
}
const char* lineloom_complaints(void* bench) { return bench_of(bench).complaints.all().c_str(); }
/// A signal of the design; -1: there is none of that name.
int64_t lineloom_value(void* bench, const char* scope, const char* name) {
  const lineloom::Signal signal(bench_of(bench).context(), scope, name);
  return signal ? int64_t(signal.value()) : -1;
}
}
