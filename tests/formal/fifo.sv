  // Rules of a stream, put before the end of templates/rtl/fifo.v.j2. Reset comes first, then all may
  // happen in any cycle, resets too.
  reg running = 1'b0;
  always @(posedge ap_clk) running <= 1'b1;
  always @* if (!running) assume (!ap_rst_n);

  // Words inside, counted at the ports alone.
  reg [BITS:0] inside;
  always @(posedge ap_clk)
    if (!ap_rst_n) inside <= 0;
    else inside <= inside + (put && !full) - (take && !empty);

  // One word that the solver chooses as it goes in, and how many come out before it.
  (* anyseq *) wire choose;
  reg followed;
  reg [WIDTH-1:0] word;
  reg [BITS:0] ahead;
  always @(posedge ap_clk) begin
    if (!ap_rst_n) followed <= 1'b0;
    else if (!followed) followed <= choose && put && !full;
    else if (take && !empty && ahead == 0) followed <= 1'b0;
    if (!followed) begin
      word <= tail;
      ahead <= inside - (take && !empty);
    end else if (take && !empty) begin
      ahead <= ahead - 1'b1;
    end
  end

  // A word that waited, as VALID and its payload must.
  reg waited;
  reg [WIDTH-1:0] before;
  always @(posedge ap_clk) begin
    waited <= ap_rst_n && !empty && !take;
    before <= head;
  end

  always @* if (running) begin
    never_overflows: assert (inside <= DEPTH);
    nothing_lost_or_doubled: assert (empty == (inside == 0) && full == (inside == DEPTH));
    if (followed) begin
      stays_inside: assert (ahead < inside);
      if (ahead == 0) comes_in_order_and_whole: assert (head == word);
    end
    if (waited) valid_and_payload_stay: assert (!empty && head == before);
  end

  // What the induction needs to know of the inside: where words lie.
  wire [BITS+1:0] at = first + ahead, behind = first + count;
  wire [BITS-1:0] place = at < DEPTH ? at : at - DEPTH;
  always @* if (running) begin
    counted: assert (count == inside);
    first_in_range: assert (first < DEPTH);
    free_follows: assert (free == (behind < DEPTH ? behind : behind - DEPTH));
    if (followed) lies_in_place: assert (cells[place] == word);
  end
