// A stand-in with the ports and the protocol of NNgen's accelerators: it inverts the bits of eight
// words. The first byte of its input makes it misbehave: 1 never ends, 2 leaves the last word as it
// is, 3 writes a word more, 4 says a wrong size of its words.
module nngen (
    input CLK,
    input RESETN,
    output reg irq,
    output reg [31:0] maxi_awaddr,
    output [7:0] maxi_awlen,
    output [2:0] maxi_awsize,
    output [1:0] maxi_awburst,
    output reg maxi_awvalid,
    input maxi_awready,
    output reg [31:0] maxi_wdata,
    output [3:0] maxi_wstrb,
    output maxi_wlast,
    output reg maxi_wvalid,
    input maxi_wready,
    input [1:0] maxi_bresp,
    input maxi_bvalid,
    output maxi_bready,
    output reg [31:0] maxi_araddr,
    output [7:0] maxi_arlen,
    output [2:0] maxi_arsize,
    output [1:0] maxi_arburst,
    output reg maxi_arvalid,
    input maxi_arready,
    input [31:0] maxi_rdata,
    input [1:0] maxi_rresp,
    input maxi_rlast,
    input maxi_rvalid,
    output maxi_rready,
    input [31:0] saxi_awaddr,
    input [3:0] saxi_awcache,
    input [2:0] saxi_awprot,
    input saxi_awvalid,
    output saxi_awready,
    input [31:0] saxi_wdata,
    input [3:0] saxi_wstrb,
    input saxi_wvalid,
    output saxi_wready,
    output [1:0] saxi_bresp,
    output reg saxi_bvalid,
    input saxi_bready,
    input [31:0] saxi_araddr,
    input [3:0] saxi_arcache,
    input [2:0] saxi_arprot,
    input saxi_arvalid,
    output saxi_arready,
    output [31:0] saxi_rdata,
    output [1:0] saxi_rresp,
    output saxi_rvalid,
    input saxi_rready
);
  localparam WORDS = 8, OUTPUT = 64;

  assign maxi_awlen = 8'd0;
  assign maxi_awsize = fault == 8'd4 ? 3'd1 : 3'd2;
  assign maxi_awburst = 2'd1;
  assign maxi_wstrb = 4'hf;
  assign maxi_wlast = 1'b1;
  assign maxi_bready = 1'b1;
  assign maxi_arlen = 8'd0;
  assign maxi_arsize = 3'd2;
  assign maxi_arburst = 2'd1;
  assign maxi_rready = 1'b1;
  assign saxi_bresp = 2'd0;
  assign saxi_rresp = 2'd0;
  assign saxi_rdata = 32'd0;
  assign saxi_arready = 1'b1;
  assign saxi_rvalid = 1'b0;
  // Address and data of a register go in together.
  wire write = saxi_awvalid && saxi_wvalid && !saxi_bvalid;
  assign saxi_awready = write;
  assign saxi_wready = write;

  reg [31:0] scratch;
  reg enabled;
  reg [7:0] fault;
  reg [7:0] number;
  wire last = number == (fault == 8'd3 ? WORDS : WORDS - 1);

  always @(posedge CLK) begin
    if (saxi_bvalid && saxi_bready) saxi_bvalid <= 1'b0;
    if (write) begin
      saxi_bvalid <= 1'b1;
      if (saxi_awaddr == 32'd132) scratch <= saxi_wdata;
      if (saxi_awaddr == 32'd40) enabled <= saxi_wdata[0];
      if (saxi_awaddr == 32'd16) begin
        maxi_arvalid <= scratch == 32'd4096;
        maxi_araddr <= 32'd0;
        number <= 8'd0;
      end
    end
    if (maxi_arvalid && maxi_arready) maxi_arvalid <= 1'b0;
    if (maxi_rvalid) begin
      if (number == 8'd0) fault <= maxi_rdata[7:0];
      maxi_awvalid <= 1'b1;
      maxi_awaddr <= maxi_araddr + OUTPUT;
      maxi_wvalid <= 1'b1;
      maxi_wdata <= fault == 8'd2 && number == WORDS - 1 ? maxi_rdata : ~maxi_rdata;
    end
    if (maxi_awvalid && maxi_awready) maxi_awvalid <= 1'b0;
    if (maxi_wvalid && maxi_wready) maxi_wvalid <= 1'b0;
    if (maxi_bvalid && fault != 8'd1) begin
      number <= number + 8'd1;
      maxi_araddr <= maxi_araddr + 32'd4;
      maxi_arvalid <= !last;
      irq <= enabled && last;
    end
    if (!RESETN) begin
      irq <= 1'b0;
      saxi_bvalid <= 1'b0;
      maxi_arvalid <= 1'b0;
      maxi_awvalid <= 1'b0;
      maxi_wvalid <= 1'b0;
      enabled <= 1'b0;
      fault <= 8'd0;
    end
  end
endmodule
