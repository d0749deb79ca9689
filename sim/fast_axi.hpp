// AXI4: one memory behind all masters of the design, and an AXI4-Lite master for its registers.
#ifndef LINELOOM_FAST_AXI_H_
#define LINELOOM_FAST_AXI_H_

#include <deque>

#include "fast.hpp"

namespace lineloom {

/// Bytes at addresses from `base` on; they are the caller's.
struct Memory {
  uint64_t base = 0;
  uint8_t* bytes = nullptr;
  uint64_t size = 0;
  bool frozen = false;  // answers nothing

  bool holds(uint64_t address, uint64_t count) const {
    return address >= base && address - base <= size && count <= size - (address - base);
  }
  uint8_t* at(uint64_t address) const { return bytes + (address - base); }
};

/// What a port may touch.
struct Region {
  uint64_t address, size;
  bool writable;
  uint64_t word;  // bytes of the words in it, if they may be narrower than the port
};

/// The memory's side of one AXI4 port.
class Slave {
 public:
  /// Words and answers come `latency` cycles after what asks for them, or later under stalls.
  Slave(VerilatedContext& context, const std::string& port, const Memory& memory,
        Bandwidth& bandwidth, int latency, uint64_t seed, double stalls)
      : name_(port),
        memory_(memory),
        bandwidth_(bandwidth),
        latency_(latency),
        ar_(context, port, "AR", Pauses(seed + 1, stalls)),
        aw_(context, port, "AW", Pauses(seed + 2, stalls)),
        r_valid_(context, "TOP", port + "_RVALID"),
        r_ready_(context, "TOP", port + "_RREADY"),
        r_data_(context, "TOP", port + "_RDATA"),
        r_last_(context, "TOP", port + "_RLAST"),
        r_id_(context, "TOP", port + "_RID"),
        w_ready_(context, "TOP", port + "_WREADY"),
        w_data_(context, "TOP", port + "_WDATA"),
        w_strb_(context, "TOP", port + "_WSTRB"),
        w_last_(context, "TOP", port + "_WLAST"),
        w_(port + " W", Signal(context, "TOP", port + "_WVALID"), w_ready_,
           {w_data_, w_strb_, w_last_}),
        b_valid_(context, "TOP", port + "_BVALID"),
        b_ready_(context, "TOP", port + "_BREADY"),
        b_id_(context, "TOP", port + "_BID"),
        r_pauses_(seed + 3, stalls),
        w_pauses_(seed + 4, stalls),
        b_pauses_(seed + 5, stalls) {
    Signal(context, "TOP", port + "_RRESP").set(kOkay);
    Signal(context, "TOP", port + "_BRESP").set(kOkay);
  }

  bool found() const { return r_data_ || w_data_; }
  std::vector<Region> regions;
  int64_t read_beats = 0, written_beats = 0;

  /// Bursts that are read, kept while the port is watched.
  struct Asked {
    std::vector<int64_t> cycles;
    std::vector<uint64_t> addresses;
  };
  bool watched = false;
  Asked asked;

  /// Nothing is under way.
  bool idle() const { return reads_.empty() && writes_.empty() && words_.empty() && answers_.empty(); }

  void drive(int64_t cycle) {
    ar_.drive(reads_.size() < kOutstanding);
    aw_.drive(writes_.size() < kOutstanding);
    const bool shut = memory_.frozen || !bandwidth_.open();
    const bool r_paused = r_pauses_.next() || shut;
    const bool b_paused = b_pauses_.next() || memory_.frozen;
    if (!reading_ && !reads_.empty() && cycle >= reads_.front().from && !r_paused) {
      reading_ = true;
      fetched_ = r_data_.bytes();  // is paid for once all ports saw whether the memory is open
    }
    r_valid_.set(uint64_t(reading_));
    if (reading_) {
      const Burst& burst = reads_.front();
      const uint64_t place = burst.place(r_data_.bytes());
      if (memory_.holds(place, r_data_.bytes())) r_data_.set(memory_.at(place));
      r_last_.set(uint64_t(burst.beats == 1));
      r_id_.set(burst.id);
    }
    w_ready_.set(uint64_t(!w_pauses_.next() && !shut && words_.size() < kOutstanding));
    if (!answering_) answering_ = !answers_.empty() && cycle >= answers_.front().from && !b_paused;
    b_valid_.set(uint64_t(answering_));
    if (answering_) b_id_.set(answers_.front().id);
  }

  /// Look before the edge that ends `cycle`; returns whether anything moved.
  bool sample(int64_t cycle, Complaints& complaints) {
    bool moved = false;
    bandwidth_.spend(fetched_);
    fetched_ = 0;
    if (ar_.sample(cycle, complaints)) {
      moved = true;
      if (watched) {
        asked.cycles.push_back(cycle);
        asked.addresses.push_back(ar_.address.value());
      }
      accept(ar_, reads_, r_data_.bytes(), cycle + latency_ + r_pauses_.latency(), false, cycle, complaints);
    }
    if (reading_ && r_ready_.high()) {
      moved = true, reading_ = false, ++read_beats;
      if (reads_.front().advance()) reads_.pop_front();
    }
    if (aw_.sample(cycle, complaints)) {
      moved = true;
      accept(aw_, writes_, w_data_.bytes(), 0, true, cycle, complaints);
    }
    if (w_.sample(cycle, complaints)) {
      moved = true, ++written_beats;
      bandwidth_.spend(w_data_.bytes());
      Word word{{w_data_.data(), w_data_.data() + w_data_.bytes()}, {}, w_last_.high()};
      if (w_strb_) word.strobes.assign(w_strb_.data(), w_strb_.data() + w_strb_.bytes());
      words_.push_back(std::move(word));
    }
    while (!words_.empty() && !writes_.empty()) store(cycle, complaints);
    if (answering_ && b_ready_.high()) {
      moved = true, answering_ = false;
      answers_.pop_front();
    }
    return moved;
  }

 private:
  static constexpr size_t kOutstanding = 16;
  static constexpr uint64_t kOkay = 0;
  struct Burst {
    uint64_t address;
    int64_t beats;
    uint64_t id;
    int64_t from;   // first cycle in which the memory answers
    uint64_t step;  // bytes of a beat

    /// Where the word of the port lies in which the present beat does.
    uint64_t place(uint64_t word_bytes) const { return address / word_bytes * word_bytes; }
    /// Step to the next beat; returns whether the burst is over.
    bool advance() {
      address += step;
      return --beats == 0;
    }
  };
  struct Word {
    std::vector<uint8_t> bytes, strobes;
    bool last;
  };

  /// AR or AW.
  struct Addresses {
    Addresses(VerilatedContext& context, const std::string& port, const std::string& kind,
              const Pauses& pauses_of)
        : ready(context, "TOP", port + "_" + kind + "READY"),
          address(context, "TOP", port + "_" + kind + "ADDR"),
          length(context, "TOP", port + "_" + kind + "LEN"),
          size(context, "TOP", port + "_" + kind + "SIZE"),
          burst(context, "TOP", port + "_" + kind + "BURST"),
          id(context, "TOP", port + "_" + kind + "ID"),
          offered(port + " " + kind, Signal(context, "TOP", port + "_" + kind + "VALID"), ready,
                  {address, length, size, burst, id}),
          pauses(pauses_of) {}
    void drive(bool room) { ready.set(uint64_t(!pauses.next() && room)); }
    bool sample(int64_t cycle, Complaints& complaints) { return offered.sample(cycle, complaints); }
    Signal ready, address, length, size, burst, id;
    Offered offered;
    Pauses pauses;
  };

  void accept(const Addresses& from, std::deque<Burst>& to, uint64_t word_bytes, int64_t start,
              bool writes, int64_t cycle, Complaints& complaints) {
    const std::string what = name_ + (writes ? " writes" : " reads");
    const uint64_t address = from.address.value(), beats = from.length.value() + 1;
    const uint64_t step = from.size ? uint64_t(1) << from.size.value() : word_bytes;
    const uint64_t count = beats * step;
    if (from.burst && from.burst.value() != 1) complaints.add(cycle, what + " a burst that is not INCR");
    if (address % step) complaints.add(cycle, what + " at an unaligned address");
    if (address / 4096 != (address + count - 1) / 4096) {
      complaints.add(cycle, what + " a burst across a 4 KiB boundary");
    }
    bool allowed = false, fits = step == word_bytes;
    for (const Region& region : regions) {
      const bool inside = address >= region.address &&
                          address + count <= region.address + region.size &&
                          (region.writable || !writes);
      allowed |= inside;
      fits |= inside && step == region.word;
    }
    if (!fits) complaints.add(cycle, what + " words narrower than its port");
    if (!allowed) complaints.add(cycle, what + " outside its buffer");
    to.push_back({address, int64_t(beats), from.id.value(), start, step});
  }

  void store(int64_t cycle, Complaints& complaints) {
    Burst& burst = writes_.front();
    const Word& word = words_.front();
    if (word.last != (burst.beats == 1)) {
      complaints.add(cycle, name_ + " has WLAST elsewhere than at the end of the burst");
    }
    const uint64_t address = burst.place(word.bytes.size());
    if (memory_.holds(address, word.bytes.size())) {
      uint8_t* const place = memory_.at(address);
      for (size_t i = 0; i < word.bytes.size(); ++i) {
        if (word.strobes.empty() || word.strobes[i / 8] >> (i % 8) & 1) place[i] = word.bytes[i];
      }
    }
    words_.pop_front();
    if (burst.advance()) {
      answers_.push_back({0, 0, burst.id, cycle + latency_ + b_pauses_.latency(), 0});
      writes_.pop_front();
    }
  }

  std::string name_;
  const Memory& memory_;
  Bandwidth& bandwidth_;
  int latency_;
  Addresses ar_, aw_;
  Signal r_valid_, r_ready_, r_data_, r_last_, r_id_;
  Signal w_ready_, w_data_, w_strb_, w_last_;
  Offered w_;
  Signal b_valid_, b_ready_, b_id_;
  Pauses r_pauses_, w_pauses_, b_pauses_;
  std::deque<Burst> reads_, writes_, answers_;
  std::deque<Word> words_;
  bool reading_ = false, answering_ = false;
  uint32_t fetched_ = 0;
};

/// Writes and reads the registers: one access at a time.
class Registers {
 public:
  Registers(VerilatedContext& context, const std::string& port)
      : aw_valid_(context, "TOP", port + "_AWVALID"),
        aw_ready_(context, "TOP", port + "_AWREADY"),
        aw_addr_(context, "TOP", port + "_AWADDR"),
        w_valid_(context, "TOP", port + "_WVALID"),
        w_ready_(context, "TOP", port + "_WREADY"),
        w_data_(context, "TOP", port + "_WDATA"),
        w_strb_(context, "TOP", port + "_WSTRB"),
        b_ready_(context, "TOP", port + "_BREADY"),
        ar_valid_(context, "TOP", port + "_ARVALID"),
        ar_ready_(context, "TOP", port + "_ARREADY"),
        ar_addr_(context, "TOP", port + "_ARADDR"),
        r_ready_(context, "TOP", port + "_RREADY"),
        r_data_(context, "TOP", port + "_RDATA"),
        b_(port + " B", Signal(context, "TOP", port + "_BVALID"), b_ready_, {}),
        r_(port + " R", Signal(context, "TOP", port + "_RVALID"), r_ready_, {r_data_}) {}

  bool found() const { return aw_addr_ && w_data_ && ar_addr_ && r_data_; }
  void write(uint32_t offset, uint32_t word) {
    aw_addr_.set(uint64_t(offset));
    w_data_.set(uint64_t(word));
    w_strb_.set_ones();
    address_ = data_ = response_ = true;
  }
  void read(uint32_t offset) {
    ar_addr_.set(uint64_t(offset));
    asked_ = reading_ = true;
  }
  bool busy() const { return address_ || data_ || response_ || asked_ || reading_; }
  uint32_t answer() const { return answer_; }

  void drive() {
    aw_valid_.set(uint64_t(address_));
    w_valid_.set(uint64_t(data_));
    b_ready_.set(uint64_t(response_));
    ar_valid_.set(uint64_t(asked_));
    r_ready_.set(uint64_t(reading_));
  }
  /// Look before an edge; returns whether the data of a write goes in.
  bool sample(int64_t cycle, Complaints& complaints) {
    if (address_ && aw_ready_.high()) address_ = false;
    const bool written = data_ && w_ready_.high();
    if (written) data_ = false;
    if (b_.sample(cycle, complaints)) response_ = false;
    if (asked_ && ar_ready_.high()) asked_ = false;
    if (r_.sample(cycle, complaints)) {
      answer_ = uint32_t(r_data_.value());
      reading_ = false;
    }
    return written;
  }

 private:
  Signal aw_valid_, aw_ready_, aw_addr_, w_valid_, w_ready_, w_data_, w_strb_, b_ready_;
  Signal ar_valid_, ar_ready_, ar_addr_, r_ready_, r_data_;
  Offered b_, r_;
  bool address_ = false, data_ = false, response_ = false, asked_ = false, reading_ = false;
  uint32_t answer_ = 0;
};

}  // namespace lineloom

#endif  // LINELOOM_FAST_AXI_H_
