  // Inside the burst reader: no burst is longer, and no more are under way, than was allowed.
  reg known = 1'b0;
  always @(posedge ap_clk) known <= known || !ap_rst_n;
  // The memory ends bursts that it was asked for.
  always @* if (known && bursts == 9'd0) assume (!(arrives && RLAST));
  always @* if (known) begin
    a_burst_has_beats: assert (!grows || (beats != 9'd0 && beats <= MOST_BEATS));
    no_burst_is_longer: assert (!ARVALID || {1'b0, ARLEN} < MOST_BEATS);
    no_more_under_way: assert (OUTSTANDING == 0 || bursts <= MOST_BURSTS);
  end
