// Structs in streams and arrays, arrays of several dimensions, tables with initial values.
#include <ap_int.h>
#include <hls_stream.h>

struct Pixel {
  unsigned char red, green, blue, alpha;
};
struct Point {
  short x;
  ap_int<9> y;
};

static const short kTable[3][4] = {{1, -2, 3, -4}, {5, 6, -7, 8}, {-9, 10, 11, -12}};
static const ap_uint<5> kGray[8] = {0, 1, 3, 2, 6, 7, 5, 4};

void structs(hls::stream<Pixel>& in, hls::stream<int>& out, int count) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
  int sums[3][4];
  Point points[8];
clear:
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 4; ++c) sums[r][c] = 0;
  }
start:
  for (int i = 0; i < 8; ++i) {
    points[i].x = short(i * 3);
    points[i].y = kGray[i];
  }
fill:
  for (int i = 0; i < count; ++i) {
#pragma HLS PIPELINE
    const Pixel p = in.read();
    const ap_uint<2> row = p.red % 3, column = p.green & 3;
    sums[row][column] += kTable[row][column] * p.blue;
    Point& point = points[p.alpha & 7];
    point.x = short(point.x + p.red);
    point.y = ap_int<9>(point.y - p.green);
  }
sum:
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 4; ++c) {
      out.write(sums[r][c]);
    }
  }
show:
  for (int i = 0; i < 8; ++i) {
    out.write(points[i].x * 1000 + points[i].y.to_int());
  }
}
