  // Inside the reads of a bundle: an address stays until it is taken, and no more words are asked
  // for than there is room for, so that none can ever wait on the port.
  localparam PEERS = READERS;
  reg known = 1'b0, waits = 1'b0;
  reg [74:0] was;
  always @(posedge ap_clk) begin
    known <= known || !ap_rst_n;
    waits <= ap_rst_n && ARVALID && !ARREADY;
    was <= {ARADDR, ARLEN, ARSIZE};
  end
  always @* if (!known) assume (!ap_rst_n);
  always @* if (known) begin
    if (waits) address_stays: assert (ARVALID && {ARADDR, ARLEN, ARSIZE} == was);
    a_word_goes_to_a_reader: assert ((RVALID && RREADY) == ((brings & ready) != 0));
  end

  genvar r;
  generate
    for (r = 0; r < READERS; r = r + 1) begin : rule
      reg [15:0] room_taken = 16'd0;
      reg asked = 1'b0;
      reg [7:0] asked_length;
      always @(posedge ap_clk) begin
        asked <= ap_rst_n && asks[r] && !grants[r];
        asked_length <= lengths[8*r +: 8];
        if (!ap_rst_n) room_taken <= 16'd0;
        else room_taken <= room_taken + (grants[r] ? {8'd0, lengths[8*r +: 8]} + 16'd1 : 16'd0)
                                      - {15'd0, takes[r]};
      end
      // Only words that were asked for can leave the FIFO; an adaptor keeps what it offers.
      always @* if (known) assume (!takes[r] || room_taken != 16'd0);
      always @* if (known && asked) assume (asks[r] && lengths[8*r +: 8] == asked_length);
      always @* if (known) begin
        assert (room_taken == reader[r].owed);
        assert (room_taken <= ROOMS[16*r +: 16]);
      end
    end
  endgenerate
