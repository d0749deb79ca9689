
// Rules of a region: a run begins when nothing of the last one is left, and is answered when all
// processes were done and the masters are quiet; its scalars do not change meanwhile.
reg [PROCESSES-1:0] busy = 0;  // processes that were started and are not done
always @(posedge ap_clk) busy <= !ap_rst_n ? 0 : begins ? {PROCESSES{1'b1}} : busy & ~done;

reg was_reset = 0;
reg [WIDTH-1:0] told;
always @(posedge ap_clk) begin
  was_reset <= was_reset || !ap_rst_n;
  if (begins) told <= call_tail;
end

always @* begin
  assume ((done & ~busy) == 0);
  if (!was_reset) assume (!ap_rst_n);
  if (was_reset && ap_rst_n) begin
    // What ties the rules to the registers, for the induction
    assert (running ? finished == ~busy : busy == 0);
    if (running) assert (scalars == told);
    if (begins) assert (busy == 0);
    if (!back_empty) assert ((busy & ~done) == 0 && quiet);
  end
end
