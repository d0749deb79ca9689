// A bit of a ROM of up to 256 words as Vivado makes it: a LUT6 for 64 words, joined by MUXF7 and
// MUXF8. Yosys' own way, multiplexers that ABC then covers, takes up to four times the LUTs.
//
// Yosys' memory_libmap has cut the ROM into bits by roms.txt. Doing that here, by a function over
// INIT, takes Yosys a millisecond a bit: a minute for the weights of a small layer.
(* techmap_celltype = "$__LINELOOM_ROM_" *)
module rom(PORT_R_ADDR, PORT_R_RD_DATA);
  parameter OPTION_ABITS = 6;
  parameter INIT = 0;

  input [OPTION_ABITS-1:0] PORT_R_ADDR;
  output PORT_R_RD_DATA;

  localparam BANKS = 1 << (OPTION_ABITS - 6);
  wire [BANKS-1:0] part;

  genvar k;
  generate
    for (k = 0; k < BANKS; k = k + 1) begin : banks
      LUT6 #(.INIT(INIT[64*k +: 64])) lut (
        .I0(PORT_R_ADDR[0]), .I1(PORT_R_ADDR[1]), .I2(PORT_R_ADDR[2]), .I3(PORT_R_ADDR[3]),
        .I4(PORT_R_ADDR[4]), .I5(PORT_R_ADDR[5]), .O(part[k]));
    end
    if (BANKS == 1)
      assign PORT_R_RD_DATA = part[0];
    else begin : wide
      wire low;
      MUXF7 first (.I0(part[0]), .I1(part[1]), .S(PORT_R_ADDR[6]), .O(low));
      if (BANKS == 2)
        assign PORT_R_RD_DATA = low;
      else begin : wider
        wire high;
        MUXF7 second (.I0(part[2]), .I1(part[3]), .S(PORT_R_ADDR[6]), .O(high));
        MUXF8 both (.I0(low), .I1(high), .S(PORT_R_ADDR[7]), .O(PORT_R_RD_DATA));
      end
    end
  endgenerate
endmodule
