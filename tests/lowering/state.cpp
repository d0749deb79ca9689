// State that lasts from call to call: static scalars and arrays, with initial values.
#include <ap_int.h>

unsigned state(unsigned char value, bool clear) {
  static unsigned total = 7;
  static unsigned short history[16] = {1, 2, 3, 4};
  static ap_uint<4> place = 0;
  if (clear) {
    total = 0;
  }
  total += value + history[place];
  history[place] = static_cast<unsigned short>(total);
  ++place;
  static unsigned calls = 0;
  return total * 256u + ++calls;
}
