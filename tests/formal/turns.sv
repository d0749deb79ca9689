  // Inside what shares a master: each grant is to one who asked, and no one who waits is passed over
  // twice by the same other. PEERS are the readers or writers. One owner at a time goes into the FIFO,
  // which gives back what went in (fifo.sv), so one comes out.
  always @* if (known && !owners_empty)
    assume (owner != 0 && (owner & (owner - 1'b1)) == 0);
  always @* if (known) begin
    one_at_a_time: assert ((grants & (grants - 1'b1)) == 0);
    only_to_who_wants: assert ((grants & ~wants) == 0);
    no_free_turn_is_lost: assert (granted == (grants != 0));
    behind_is_the_upper_part: assert ((behind | {behind[PEERS-2:0], 1'b0}) == behind);
  end

  genvar a, b;
  generate
    for (a = 0; a < PEERS; a = a + 1) begin : waiting
      for (b = 0; b < PEERS; b = b + 1) begin : passing
        if (a != b) begin
          reg passed = 1'b0;  // b was granted while a waited
          always @(posedge ap_clk)
            if (!ap_rst_n || !wants[a] || grants[a]) passed <= 1'b0;
            else if (grants[b]) passed <= 1'b1;
          always @* if (known) begin
            // Never twice; and who passed lies before.
            assert (!passed || !grants[b]);
            assert (
              !passed || (behind[a] ? b > a || !behind[b] : b > a && !behind[b])
            );
          end
        end
      end
    end
  endgenerate
