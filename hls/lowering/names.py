"""Names of the program in Verilog: what a language or our own modules reserve gets a suffix."""

from __future__ import annotations

__all__ = ["is_word", "legal_name"]

_VERILOG = """
always and assign automatic begin buf bufif0 bufif1 case casex casez cell cmos config deassign
default defparam design disable edge else end endcase endconfig endfunction endgenerate endmodule
endprimitive endspecify endtable endtask event for force forever fork function generate genvar
highz0 highz1 if ifnone incdir include initial inout input instance integer join large liblist
library localparam macromodule medium module nand negedge nmos nor noshowcancelled not notif0
notif1 or output parameter pmos posedge primitive pull0 pull1 pulldown pullup pulsestyle_ondetect
pulsestyle_onevent rcmos real realtime reg release repeat rnmos rpmos rtran rtranif0 rtranif1
scalared showcancelled signed small specify specparam strong0 strong1 supply0 supply1 table task
time tran tranif0 tranif1 tri tri0 tri1 triand trior trireg unsigned use uwire vectored wait wand
weak0 weak1 while wire wor xnor xor
"""
_SYSTEM_VERILOG = """
accept_on alias always_comb always_ff always_latch assert assume before bind bins binsof bit break
byte chandle checker class clocking const constraint context continue cover covergroup coverpoint
cross dist do endchecker endclass endclocking endgroup endinterface endpackage endprogram
endproperty endsequence enum eventually expect export extends extern final first_match foreach
forkjoin global iff ignore_bins illegal_bins implements implies import inside int interconnect
interface intersect join_any join_none let local logic longint matches modport nettype new
nexttime null package packed priority program property protected pure rand randc randcase
randsequence ref reject_on restrict return s_always s_eventually s_nexttime s_until s_until_with
sequence shortint shortreal soft solve static string strong struct super sync_accept_on
sync_reject_on tagged this throughout timeprecision timeunit type typedef union unique unique0
until until_with untyped var virtual void wait_order weak wildcard with within
"""
_VHDL = """
abs access after all architecture array attribute block body buffer bus component configuration
constant disconnect downto elsif entity exit file generic group guarded impure in inertial is
label linkage loop map mod next nor null of on open others out port postponed procedure process
pure range record register reject rem report return rol ror select severity shared signal sla sll
sra srl subtype then to transport type unaffected units until use variable when xnor
"""
_OURS = """
ap_clk ap_done ap_idle ap_ready ap_return ap_rst_n ap_start begins control done finished idle
interrupt running start state fifo burst_read burst_write
bundle_read bundle_write
"""
_RESERVED = frozenset(f"{_VERILOG} {_SYSTEM_VERILOG} {_VHDL} {_OURS}".split())


def legal_name(name: str) -> str:
    """`name`, or `name`_r as Vitis does it, if it could not stand by itself."""
    return f"{name}_r" if name.lower() in _RESERVED else name


def is_word(name: str) -> bool:
    """Whether Verilog or SystemVerilog reserves a name."""
    return name in f"{_VERILOG} {_SYSTEM_VERILOG}".split()
