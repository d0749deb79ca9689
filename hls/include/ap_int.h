// ap_int.h - ap_int<W> and ap_uint<W>, the arbitrary precision integers of Vivado and Vitis HLS,
// for simulation in C++ and as input of an open compiler: no vendor tool is involved.
//
// Promise: the values and result types of the vendor's headers (held to them by
// tests/test_include.py) at the cost of the integer alone: each object is one clang _BitInt(W),
// so that optimised LLVM IR holds integers of exactly W bits. What is not supported does not
// compile; nothing silently means something else.
//
// Source: AMD UG1399, "Arbitrary Precision Data Types".
#ifndef LINELOOM_AP_INT_H
#define LINELOOM_AP_INT_H

#include "ap_int_bits.h"       // raw integers, and how operands are seen
#include "ap_int_value.h"      // the classes
#include "ap_int_proxy.h"      // x.range(hi, lo), x[i], (x, y)
#include "ap_int_operators.h"  // x + y and the like
#include "ap_int_text.h"       // from and to digits

#endif  // LINELOOM_AP_INT_H
