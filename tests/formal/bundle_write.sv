  // Inside the writes of a bundle: addresses and words stay until they are taken, and a burst is only
  // granted with all of its words.
  localparam PEERS = WRITERS;
  reg known = 1'b0, aw_waits = 1'b0, w_waits = 1'b0;
  reg [74:0] aw_was;
  reg [WIDTH+WIDTH/8:0] w_was;
  always @(posedge ap_clk) begin
    known <= known || !ap_rst_n;
    aw_waits <= ap_rst_n && AWVALID && !AWREADY;
    w_waits <= ap_rst_n && WVALID && !WREADY;
    aw_was <= {AWADDR, AWLEN, AWSIZE};
    w_was <= {WDATA, WSTRB, WLAST};
  end
  always @* if (!known) assume (!ap_rst_n);
  always @* if (known) begin
    if (aw_waits) address_stays: assert (AWVALID && {AWADDR, AWLEN, AWSIZE} == aw_was);
    if (w_waits) word_stays: assert (WVALID && {WDATA, WSTRB, WLAST} == w_was);
    a_word_comes_from_a_writer: assert ((WVALID && WREADY) == ((takes & offers) != 0));
  end

  genvar r;
  generate
    for (r = 0; r < WRITERS; r = r + 1) begin : rule
      reg [15:0] came = 16'd0;  // words that are there and promised to no burst
      reg asked = 1'b0, offered = 1'b0;
      reg [7:0] asked_length;
      reg [WIDTH:0] offer;
      always @(posedge ap_clk) begin
        asked <= ap_rst_n && asks[r] && !grants[r];
        asked_length <= lengths[8*r +: 8];
        offered <= ap_rst_n && offers[r] && !takes[r];
        offer <= {words[WIDTH*r +: WIDTH], lasts[r]};
        if (!ap_rst_n) came <= 16'd0;
        else came <= came + {15'd0, puts[r]}
                          - (grants[r] ? {8'd0, lengths[8*r +: 8]} + 16'd1 : 16'd0);
      end
      // An adaptor keeps what it offers; the FIFO before it holds a thousand words at most.
      always @* if (known && asked) assume (asks[r] && lengths[8*r +: 8] == asked_length);
      always @* if (known && offered)
        assume (offers[r] && {words[WIDTH*r +: WIDTH], lasts[r]} == offer);
      always @* if (known) assume (!puts[r] || came < 16'd1000);
      always @* if (known) begin
        assert (came == writer[r].held);
        assert (came <= 16'd1000);
      end
    end
  endgenerate
