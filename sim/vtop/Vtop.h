// Stand-in for the class that Verilator makes of a design.
//
// Mains written against a verilated class (cocotb's, and fast.cpp) include this header instead of
// the real one, so that they are compiled once and linked to any design; model.cpp has the rest.
#ifndef LINELOOM_VTOP_H_
#define LINELOOM_VTOP_H_

#include <cstdint>

#include "verilated.h"

extern "C" {
void* lineloom_model_new(VerilatedContext* context, const char* name);
void lineloom_model_delete(void* model);
void lineloom_model_eval_step(void* model);
void lineloom_model_eval_end_step(void* model);
void lineloom_model_final(void* model);
bool lineloom_model_events_pending(void* model);
uint64_t lineloom_model_next_time(void* model);
void lineloom_model_trace(void* model, VerilatedTraceBaseC* trace, int levels);
}

class Vtop {
 public:
  explicit Vtop(const char* name) : Vtop(Verilated::threadContextp(), name) {}
  Vtop(VerilatedContext* context, const char* name) : model_(lineloom_model_new(context, name)) {}
  ~Vtop() { lineloom_model_delete(model_); }
  Vtop(const Vtop&) = delete;
  Vtop& operator=(const Vtop&) = delete;

  void eval_step() { lineloom_model_eval_step(model_); }
  void eval_end_step() { lineloom_model_eval_end_step(model_); }
  void final() { lineloom_model_final(model_); }
  bool eventsPending() { return lineloom_model_events_pending(model_); }
  uint64_t nextTimeSlot() { return lineloom_model_next_time(model_); }
  void trace(VerilatedTraceBaseC* trace, int levels) {
    lineloom_model_trace(model_, trace, levels);
  }

 private:
  void* model_;
};

#endif  // LINELOOM_VTOP_H_
