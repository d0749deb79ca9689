// What every verilated model includes first; compiled once for all of them.
#include "verilated.h"
#include "verilated_dpi.h"
#include "verilated_syms.h"
#if __has_include("verilated_vcd_c.h")
#include "verilated_vcd_c.h"
#endif
