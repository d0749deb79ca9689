"""Names of designs become C++ functions, Verilog modules, files and folders."""

from __future__ import annotations

import re

from hls.checks import reject

__all__ = ["require_name"]

# Keywords of C++17, Verilog 2005, VHDL 2008 and SystemVerilog, and what the generated sources use
# of others. A process of ours, such as pool, must not share its name with the top function, by
# which HLS tools find it.
_WORDS = (
    "alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const "
    "const_cast constexpr continue decltype default delete do double dynamic_cast else enum "
    "explicit export extern false float for friend goto if inline int long mutable namespace new "
    "noexcept not not_eq nullptr operator or or_eq private protected public register "
    "reinterpret_cast return short signed sizeof static static_assert static_cast struct switch "
    "template this thread_local throw true try typedef typeid typename union unsigned using "
    "virtual void volatile wchar_t while xor xor_eq "
    "always assign automatic begin buf bufif0 bufif1 casex casez cell cmos config deassign "
    "defparam design disable edge end endcase endconfig endfunction endgenerate endmodule "
    "endprimitive endspecify endtable endtask event force forever fork function generate genvar "
    "highz0 highz1 ifnone incdir include initial inout input instance integer join large liblist "
    "library localparam macromodule medium module nand negedge nmos nor noshowcancelled notif0 "
    "notif1 output parameter pmos posedge primitive pull0 pull1 pulldown pullup "
    "pulsestyle_ondetect pulsestyle_onevent rcmos real realtime reg release repeat rnmos rpmos "
    "rtran rtranif0 rtranif1 scalared showcancelled small specify specparam strong0 strong1 "
    "supply0 supply1 table task time tran tranif0 tranif1 tri tri0 tri1 triand trior trireg use "
    "uwire vectored wait wand weak0 weak1 wire wor xnor "
    "abs access after alias all architecture array assert assume assume_guarantee attribute block "
    "body buffer bus component configuration constant context cover disconnect downto elsif entity "
    "exit fairness file generic group guarded impure in is label linkage literal loop map mod next "
    "null of on open others out package port postponed procedure process property pure range "
    "record reject rem report restrict restrict_guarantee rol ror select sequence severity shared "
    "signal sla sll sra srl strong subtype then to transport type unaffected units until variable "
    "vmode vprop vunit when with "
    "accept_on always_comb always_ff always_latch before bind bins binsof bit byte chandle "
    "checker clocking constraint covergroup coverpoint cross dist endchecker endclass endclocking "
    "endgroup endinterface endpackage endprogram endproperty endsequence eventually expect "
    "extends final first_match foreach forkjoin global iff ignore_bins illegal_bins implements "
    "implies import interconnect interface intersect join_any join_none let local logic longint "
    "matches modport nettype nexttime packed priority program rand randc randcase randsequence "
    "ref reject_on s_always s_eventually s_nexttime s_until s_until_with shortint shortreal soft "
    "solve string super sync_accept_on sync_reject_on tagged throughout timeprecision timeunit "
    "unique unique0 until_with untyped var wait_order weak wildcard within "
    "ap_axis ap_axiu ap_int ap_uint errno hls main offsetof stderr stdin stdout std "
    "add_up average cut_image cut_of cut_patches factor_of feed_a feed_b fetch finish finish_sum "
    "in_ring inside legal_frames load_a load_b load_image load_p load_x lower_of multiply next_of "
    "of_array of_reducer padding_word partial_word pool pool_slide receive reduce round_half_even "
    "rounded rows_of send slide smaller step store_c store_patches store_u walk_image walk_patches "
    "words_of words_to_read"
)
_RESERVED = frozenset(_WORDS.split())


def require_name(owner: str, name: object) -> None:
    """Reject a name that is no plain identifier of at most 40 characters."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        rule = "is not a lower-case identifier of 1 to 40 characters"
        raise reject(owner, f"name={name!r}", rule, "use one like conv1")
    if name in _RESERVED or "__" in name or name.endswith("_"):
        rule = "is reserved by C++, Verilog, VHDL or the generated sources"
        raise reject(owner, f"name={name!r}", rule, f"use one like {name.strip('_')}1")
