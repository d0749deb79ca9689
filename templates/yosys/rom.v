// A ROM of up to 256 words as Vivado makes it: a LUT6 for 64 words of a bit, joined by MUXF7 and
// MUXF8. Yosys' own way, multiplexers that ABC then covers, takes up to four times the LUTs.
//
// With a register at its output, or without; anything else is left as it is.
(* techmap_celltype = "$mem_v2" *)
module rom(RD_CLK, RD_EN, RD_ARST, RD_SRST, RD_ADDR, RD_DATA, WR_CLK, WR_EN, WR_ADDR, WR_DATA);
  parameter MEMID = "";
  parameter SIZE = 1;
  parameter OFFSET = 0;
  parameter ABITS = 1;
  parameter WIDTH = 1;
  parameter INIT = 0;
  parameter RD_PORTS = 1;
  parameter RD_CLK_ENABLE = 0;
  parameter RD_CLK_POLARITY = 1;
  parameter RD_TRANSPARENCY_MASK = 0;
  parameter RD_COLLISION_X_MASK = 0;
  parameter RD_CE_OVER_SRST = 0;
  parameter RD_WIDE_CONTINUATION = 0;
  parameter RD_INIT_VALUE = 0;
  parameter RD_SRST_VALUE = 0;
  parameter RD_ARST_VALUE = 0;
  parameter WR_PORTS = 0;
  parameter WR_CLK_ENABLE = 0;
  parameter WR_CLK_POLARITY = 0;
  parameter WR_PRIORITY_MASK = 0;
  parameter WR_WIDE_CONTINUATION = 0;
  parameter _TECHMAP_CONSTVAL_RD_SRST_ = 0;
  parameter _TECHMAP_CONSTVAL_RD_ARST_ = 0;

  input RD_CLK, RD_EN, RD_ARST, RD_SRST;
  input [ABITS-1:0] RD_ADDR;
  output [WIDTH-1:0] RD_DATA;
  input WR_CLK, WR_EN, WR_ADDR, WR_DATA;

  wire _TECHMAP_FAIL_ = RD_PORTS != 1 || WR_PORTS != 0 || OFFSET != 0 || ABITS > 8 || SIZE > 256
                        || RD_CLK_POLARITY != 1 || _TECHMAP_CONSTVAL_RD_SRST_ !== 1'b0
                        || _TECHMAP_CONSTVAL_RD_ARST_ !== 1'b0;

  wire [7:0] address = RD_ADDR;
  wire [WIDTH-1:0] word;

  function [63:0] column(input integer bank, input integer position);
    integer i;
    for (i = 0; i < 64; i = i + 1)
      column[i] = 64 * bank + i < SIZE ? INIT[(64 * bank + i) * WIDTH + position] : 1'b0;
  endfunction

  genvar b, k;
  generate
    for (b = 0; b < WIDTH; b = b + 1) begin : bits
      wire [3:0] part;
      for (k = 0; k < 4; k = k + 1) begin : banks
        if (64 * k < SIZE)
          LUT6 #(.INIT(column(k, b))) lut (
            .I0(address[0]), .I1(address[1]), .I2(address[2]), .I3(address[3]), .I4(address[4]),
            .I5(address[5]), .O(part[k]));
        else
          assign part[k] = 1'b0;
      end
      if (SIZE <= 64) assign word[b] = part[0];
      else begin
        wire low, high;
        MUXF7 first (.I0(part[0]), .I1(part[1]), .S(address[6]), .O(low));
        if (SIZE <= 128) assign word[b] = low;
        else begin
          MUXF7 second (.I0(part[2]), .I1(part[3]), .S(address[6]), .O(high));
          MUXF8 both (.I0(low), .I1(high), .S(address[7]), .O(word[b]));
        end
      end
    end
    if (RD_CLK_ENABLE) begin
      reg [WIDTH-1:0] held;
      always @(posedge RD_CLK) if (RD_EN) held <= word;
      assign RD_DATA = held;
    end else
      assign RD_DATA = word;
  endgenerate
endmodule
