// Functions: by value and by reference, templates, arrays as arguments, lambdas.
#include <ap_int.h>
#include <hls_stream.h>

template <int N>
static int dot(const int (&a)[N], const short (&b)[N]) {
#pragma HLS INLINE
  int sum = 0;
  for (int i = 0; i < N; ++i) {
#pragma HLS UNROLL
    sum += a[i] * b[i];
  }
  return sum;
}
static void swap_if(bool when, int& a, int& b) {
#pragma HLS INLINE off
  if (when) {
    const int t = a;
    a = b;
    b = t;
  }
}
static int clamp(int value, int low, int high) {
  return value < low ? low : value > high ? high : value;
}
static void sort(int values[6]) {
  for (int i = 0; i < 6; ++i) {
    for (int j = 0; j + 1 < 6; ++j) swap_if(values[j] > values[j + 1], values[j], values[j + 1]);
  }
}

void functions(hls::stream<int>& in, hls::stream<int>& out, int times) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
  const short weights[6] = {3, -1, 4, 1, -5, 9};
  const auto scaled = [times](int v) { return v * times; };
each:
  for (int n = 0; n < times; ++n) {
    int values[6];
    for (int i = 0; i < 6; ++i) values[i] = clamp(in.read() >> 8, -1000000, 1000000);
    out.write(dot(values, weights));
    sort(values);
    for (int i = 0; i < 6; ++i) out.write(scaled(values[i]) + n);
  }
}
