// The other side of Vtop.h: included behind what Verilator made of a design, with the real class.

static Vtop* model_of(void* model) { return static_cast<Vtop*>(model); }

extern "C" {
void* lineloom_model_new(VerilatedContext* context, const char* name) {
  return new Vtop(context, name);
}
void lineloom_model_delete(void* model) { delete model_of(model); }
void lineloom_model_eval_step(void* model) { model_of(model)->eval_step(); }
void lineloom_model_eval_end_step(void* model) { model_of(model)->eval_end_step(); }
void lineloom_model_final(void* model) { model_of(model)->final(); }
bool lineloom_model_events_pending(void* model) { return model_of(model)->eventsPending(); }
uint64_t lineloom_model_next_time(void* model) { return model_of(model)->nextTimeSlot(); }
void lineloom_model_trace(void* model, VerilatedTraceBaseC* trace, int levels) {
#if VM_TRACE
  model_of(model)->trace(trace, levels);
#else
  (void)model, (void)trace, (void)levels;
#endif
}
}
