// Cells with registers or memory inside, reduced to the paths through them, one cell each.

(* techmap_celltype = "DSP48E1 DSP48E2" *)
module dsp(A, B, C, D, ACIN, BCIN, PCIN, P, PCOUT);
  parameter AREG = 1;
  parameter BREG = 1;
  parameter CREG = 1;
  parameter DREG = 1;
  parameter ADREG = 1;
  parameter MREG = 1;
  parameter PREG = 1;
  input [29:0] A, ACIN;
  input [17:0] B, BCIN;
  input [47:0] C, PCIN;
  input [26:0] D;
  output [47:0] P, PCOUT;

  localparam A_PASSES = AREG == 0 && MREG == 0 && ADREG == 0;
  localparam B_PASSES = BREG == 0 && MREG == 0;
  localparam D_PASSES = DREG == 0 && MREG == 0 && ADREG == 0;
  wire through = ^{A_PASSES ? A : 30'd0, A_PASSES ? ACIN : 30'd0, B_PASSES ? B : 18'd0,
                   B_PASSES ? BCIN : 18'd0, D_PASSES ? D : 27'd0, CREG == 0 ? C : 48'd0, PCIN};
  assign P = PREG == 0 ? {48{through}} : 48'd0;
  assign PCOUT = P;
endmodule

(* techmap_celltype = "RAM32M RAM64M RAM32M16 RAM64M8" *)
module many(ADDRA, ADDRB, ADDRC, ADDRD, ADDRE, ADDRF, ADDRG, ADDRH,
            DOA, DOB, DOC, DOD, DOE, DOF, DOG, DOH);
  input [5:0] ADDRA, ADDRB, ADDRC, ADDRD, ADDRE, ADDRF, ADDRG, ADDRH;
  output [1:0] DOA, DOB, DOC, DOD, DOE, DOF, DOG, DOH;

  assign DOA = {2{^ADDRA}};
  assign DOB = {2{^ADDRB}};
  assign DOC = {2{^ADDRC}};
  assign DOD = {2{^ADDRD}};
  assign DOE = {2{^ADDRE}};
  assign DOF = {2{^ADDRF}};
  assign DOG = {2{^ADDRG}};
  assign DOH = {2{^ADDRH}};
endmodule

(* techmap_celltype = "RAM64X1S RAM128X1S RAM64X1D" *)
module scalar(A0, A1, A2, A3, A4, A5, A6, DPRA0, DPRA1, DPRA2, DPRA3, DPRA4, DPRA5, O, SPO, DPO);
  input A0, A1, A2, A3, A4, A5, A6, DPRA0, DPRA1, DPRA2, DPRA3, DPRA4, DPRA5;
  output O, SPO, DPO;

  assign O = ^{A0, A1, A2, A3, A4, A5, A6};
  assign SPO = O;
  assign DPO = ^{DPRA0, DPRA1, DPRA2, DPRA3, DPRA4, DPRA5};
endmodule

(* techmap_celltype = "RAM256X1S RAM512X1S RAM128X1D RAM256X1D" *)
module vector(A, DPRA, O, SPO, DPO);
  input [8:0] A, DPRA;
  output O, SPO, DPO;

  assign O = ^A;
  assign SPO = O;
  assign DPO = ^DPRA;
endmodule
