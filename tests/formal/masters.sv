// Rules of AXI4 that the burst adaptors keep whatever their surroundings do: what is offered stays
// until it is taken. The streams beside them keep theirs, as fifo.sv proves.
module masters #(
  parameter LONGEST = 256,
  parameter OUTSTANDING = 128
) (
  input wire ap_clk
);
  localparam WIDTH = 16, SIZE = 1, INDEX = 16;

  (* anyseq *) wire ap_rst_n, address_empty, data_full, data_empty, ARREADY, RVALID, AWREADY, WREADY,
    BVALID, RLAST;
  (* anyseq *) wire [INDEX-1:0] address_head;
  (* anyseq *) wire [WIDTH-1:0] data_head, RDATA;
  (* anyconst *) wire [63:0] base;

  wire read_take, write_take, data_take, data_put, ARVALID, RREADY, AWVALID, WVALID, WLAST, BREADY;
  wire read_idle, write_idle;
  wire [63:0] ARADDR, AWADDR;
  wire [7:0] ARLEN, AWLEN;
  wire [WIDTH-1:0] WDATA, data_tail;

  f_burst_read #(
    .WIDTH(WIDTH), .SIZE(SIZE), .INDEX(INDEX), .LONGEST(LONGEST), .OUTSTANDING(OUTSTANDING)
  ) reads (
    .ap_clk(ap_clk), .ap_rst_n(ap_rst_n), .base(base), .idle(read_idle),
    .address_head(address_head), .address_empty(address_empty), .address_take(read_take),
    .data_tail(data_tail), .data_full(data_full), .data_put(data_put), .ARVALID(ARVALID),
    .ARREADY(ARREADY), .ARADDR(ARADDR), .ARLEN(ARLEN), .RVALID(RVALID), .RREADY(RREADY),
    .RDATA(RDATA), .RLAST(RLAST)
  );
  f_burst_write #(
    .WIDTH(WIDTH), .SIZE(SIZE), .INDEX(INDEX), .LONGEST(LONGEST), .OUTSTANDING(OUTSTANDING)
  ) writes (
    .ap_clk(ap_clk), .ap_rst_n(ap_rst_n), .base(base), .idle(write_idle),
    .address_head(address_head), .address_empty(address_empty), .address_take(write_take),
    .data_head(data_head), .data_empty(data_empty), .data_take(data_take), .AWVALID(AWVALID),
    .AWREADY(AWREADY), .AWADDR(AWADDR), .AWLEN(AWLEN), .WVALID(WVALID), .WREADY(WREADY),
    .WDATA(WDATA), .WLAST(WLAST), .BVALID(BVALID), .BREADY(BREADY)
  );

  reg running = 1'b0;
  reg live = 1'b0, ar = 1'b0, aw = 1'b0, w = 1'b0, waits = 1'b0;
  reg [71:0] ar_was, aw_was;
  reg [WIDTH:0] w_was;
  reg [WIDTH-1:0] head_was;
  always @(posedge ap_clk) begin
    running <= 1'b1;
    ar <= ap_rst_n && ARVALID && !ARREADY;
    aw <= ap_rst_n && AWVALID && !AWREADY;
    w <= ap_rst_n && WVALID && !WREADY;
    waits <= ap_rst_n && !data_empty && !data_take;
    ar_was <= {ARADDR, ARLEN};
    aw_was <= {AWADDR, AWLEN};
    w_was <= {WDATA, WLAST};
    head_was <= data_head;
  end
  // The stream that the words come from keeps its own rule.
  always @* if (waits) assume (!data_empty && data_head == head_was);
  always @* if (!running) assume (!ap_rst_n);

  always @* if (running) begin
    if (ar) read_address_stays: assert (ARVALID && {ARADDR, ARLEN} == ar_was);
    if (aw) write_address_stays: assert (AWVALID && {AWADDR, AWLEN} == aw_was);
    if (w) word_stays: assert (WVALID && {WDATA, WLAST} == w_was);
    no_word_is_lost: assert (!(RVALID && RREADY && data_full));
  end
endmodule
