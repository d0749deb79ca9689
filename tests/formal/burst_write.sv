  // Inside the burst writer: words leave after the address of their burst was taken, as many as it
  // said, whatever is under way; the addresses of two bursts may be ahead of their words.
  reg known = 1'b0;
  reg [9:0] owed;  // beats of addresses that were taken, which have not left
  always @(posedge ap_clk) begin
    known <= known || !ap_rst_n;
    if (!ap_rst_n) owed <= 10'd0;
    else owed <= owed + (told ? {2'd0, AWLEN} + 10'd1 : 10'd0) - {9'd0, sent};
  end
  wire [9:0] of_this = sends ? {2'd0, left} + 10'd1 : 10'd0;
  wire [9:0] of_next = follows ? {2'd0, follower} + 10'd1 : 10'd0;
  // The memory answers bursts that it got.
  always @* if (known && answers == 8'd0) assume (!answered);
  always @* if (known) begin
    a_burst_has_beats: assert (!grows || (beats != 9'd0 && beats <= MOST_BEATS));
    no_burst_is_longer: assert (!AWVALID || {1'b0, AWLEN} < MOST_BEATS);
    no_more_under_way: assert (answers <= MOST_BURSTS);
    words_follow_their_address: assert (!WVALID || owed != 10'd0);
    all_owed_is_known: assert (owed == of_this + of_next);
    a_place_is_kept_for_an_address: assert (!(AWVALID && follows));
    next_comes_after_this: assert (sends || !follows);
  end
