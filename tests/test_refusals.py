"""What the open lowering refuses: in words, and with the line of the source."""

from __future__ import annotations

from pathlib import Path

import pytest

from hls.errors import InputError
from hls.lowering import lower

HEAD = "#include <ap_int.h>\n#include <hls_stream.h>\n"
REFUSED = {
    "an unknown pragma": (
        "void f(int a) {\n#pragma HLS ALLOCATION limit=1\n(void)a; }",
        r"f\.cpp:4: #pragma HLS ALLOCATION is not supported; known are ARRAY_PARTITION",
    ),
    "a pragma's value": (
        "void f(int* a) {\nfor (int i = 0; i < 9; ++i) {\n#pragma HLS PIPELINE II=fast\n"
        "a[i] = i; } }",
        r"f\.cpp:5: #pragma HLS PIPELINE: ii=fast is not an integer",
    ),
    "a missing top": ("void g(int a) { (void)a; }", r"there is no function f; the file defines"),
    "floating point": (
        "void f(float* a) {\nfor (int i = 0; i < 9; ++i) {\n#pragma HLS PIPELINE\na[i] += 1; } }",
        r"f\.cpp:6: values of type float are not supported; use integers",
    ),
    "recursion": (
        "int g(int n) { return n < 2 ? n : g(n - 1) + g(n - 2); }\n"
        "void f(int* a, int n) { a[0] = g(n); }",
        r"f\.cpp:4: g calls itself; recursion is not supported, use a loop",
    ),
    "a loop in a pipelined loop": (
        "void f(int* a, int n) {\nfor (int i = 0; i < 9; ++i) {\n#pragma HLS PIPELINE\n"
        "int s = 0;\nfor (int j = 0; j < n; ++j) s += s * j + i;\na[i] = s; } }",
        r"f\.cpp:5: the pipelined loop of f holds a loop whose trip count is not c",
    ),
    "an allocation": (
        "#include <cstdlib>\nvoid f(int* a) {\nint* b = (int*)malloc(40);\n"
        "b[a[1]] = a[0]; a[2] = b[a[3]]; }",
        r"f\.cpp:5: memory cannot be allocated, by new or malloc or within a std::",
    ),
    "an array without a size": (
        "void f(int* a, int n) {\nint b[n];\nfor (int i = 0; i < n; ++i) b[i] = a[i];\n"
        "a[n] = b[a[0]]; }",
        r"f\.cpp:4: the size of array vla is not constant; give it the largest size",
    ),
    "a pointer to pointers": (
        "void f(int** a) { a[0][0] = 1; }",
        r"f\.cpp:3: a pointer that is kept in memory is not supported; use an index",
    ),
    "a double": (
        "void f(double x, int* a) { a[0] = (int)(x * 2); }",
        r"f\.cpp:3: f: argument x has type double, which is not supported; use integers",
    ),
    "inline assembly": (
        'void f(int* a) {\nint x = a[0];\nasm("nop" : "+r"(x));\na[1] = x; }',
        r"f\.cpp:5: inline assembly is not supported; say it in C\+\+",
    ),
    "a pointer to a function": (
        "int g(int x) { return x + 1; }\nint h(int x) { return x * 3; }\nvoid f(int* a) {\n"
        "int (*p)(int) = a[0] ? g : h;\na[1] = p(a[2]); }",
        r"f\.cpp:7: a call through a pointer, or of a virtual function, is not supported; call fun",
    ),
    "an exception": (
        "void f(int* a) {\nif (a[0]) throw 1;\na[1] = 2; }",
        r"f\.cpp:4: exceptions are not supported; return a flag",
    ),
    "a wide argument by value": (
        "void f(ap_uint<200> x, int* a) { a[0] = x.range(150, 120).to_int(); }",
        r"f\.cpp:3: argument x has more than 128 bits and is passed by value; use a stream",
    ),
    "a wide result": (
        "ap_uint<100> f(int* a) {\nreturn a[0]; }",
        r"f\.cpp:4: f returns more than an integer of 64 bits; write to a stream",
    ),
    "a wider result": (
        "ap_uint<200> f(int* a) {\nreturn a[0]; }",
        r"f\.cpp:3: a function returns more than 128 bits; write to a stream",
    ),
    "two writers of a stream": (
        "static void g(hls::stream<int>& s, int n) { s.write(n); }\n"
        "static void k(hls::stream<int>& s, int n) { s.write(n + 1); }\n"
        "static void h(hls::stream<int>& s, hls::stream<int>& o) {\n"
        "o.write(s.read() + s.read()); }\n"
        "void f(hls::stream<int>& o, int n) {\n#pragma HLS DATAFLOW\nhls::stream<int> s;\n"
        "g(s, n); k(s, n); h(s, o); }",
        r"f\.cpp:7: stream s of f must have one writing and one reading process",
    ),
    "two writers of a port": (
        "static void g(hls::stream<int>& s, int n) { s.write(n); }\n"
        "static void k(hls::stream<int>& s, int n) { s.write(n + 1); }\n"
        "void f(hls::stream<int>& o, int n) {\n#pragma HLS DATAFLOW\ng(o, n); k(o, n); }",
        r"f\.cpp:5: stream o of f is used by 2 processes; one may read it, or one may write it",
    ),
    "a stream of one function": (
        "static void g(int n, hls::stream<int>& out) {\nhls::stream<int> own;\n"
        "for (int i = 0; i < n; ++i) {\nown.write(i); out.write(own.read()); } }\n"
        "void f(int n, hls::stream<int>& out) {\ng(n, out); }",
        r"f\.cpp:4: stream own is declared in g, which is no DATAFLOW region; keep its elements ",
    ),
    "a static stream": (
        "static hls::stream<int> kept;\nvoid f(int n, hls::stream<int>& out) {\nkept.write(n);\n"
        "out.write(kept.read()); }",
        r"f\.cpp:5: stream kept is static, which is not supported; declare it in the DATAFLOW func",
    ),
    "an array of streams": (
        "static void g(hls::stream<int> s[2], int n) { s[n & 1].write(n); }\n"
        "static void h(hls::stream<int> s[2], hls::stream<int>& o, int n) {\n"
        "o.write(s[n & 1].read()); }\n"
        "void f(hls::stream<int>& o, int n) {\n#pragma HLS DATAFLOW\nhls::stream<int> s[2];\n"
        "g(s, n); h(s, o, n); }",
        r"f\.cpp:8: s is an array of streams, which is not supported; give each stream a name",
    ),
    "an array of streams as an argument": (
        "void f(hls::stream<int> s[2], int* a) {\na[0] = s[1].read(); }",
        r"f\.cpp:4: s is a volatile pointer or an array of streams, .*; leave volatile away, or ",
    ),
    "a volatile pointer": (
        "void f(volatile int* a, int n) {\na[n] = n; }",
        r"f\.cpp:4: a is a volatile pointer or an array of streams, .*; leave volatile away",
    ),
    "a pointer in two processes": (
        "static void g(hls::stream<int>& s, int* a) { s.write(a[0]); }\n"
        "static void h(hls::stream<int>& s, int* a) { a[1] = s.read(); }\n"
        "void f(int* a) {\n#pragma HLS DATAFLOW\nhls::stream<int> s;\ng(s, a); h(s, a); }",
        r"f\.cpp:4: pointer a is read by one process and written by another; give ",
    ),
    "a pragma for no argument": (
        "void f(int* a) {\n#pragma HLS INTERFACE m_axi port=b\na[0] = 1; }",
        r"f\.cpp:4: #pragma HLS INTERFACE m_axi port=b: the function has no argument b; it has a",
    ),
    "an unknown interface": (
        "void f(int* a) {\n#pragma HLS INTERFACE ap_memory port=a\na[0] = 1; }",
        r"f\.cpp:4: #pragma HLS INTERFACE ap_memory is not supported; use one of axis, s_axilite",
    ),
    "a scalar as a stream": (
        "void f(int n, int* a) {\n#pragma HLS INTERFACE axis port=n\na[0] = n; }",
        r"f\.cpp:4: n is a scalar and cannot be axis; use ap_none or s_axilite",
    ),
    "a pointer in a register": (
        "void f(int* a) {\n#pragma HLS INTERFACE s_axilite port=a\na[0] = 1; }",
        r"f\.cpp:4: a is a pointer in a register, .*; return the value, or add #pragma HLS INTERF",
    ),
    "a stream without a use": (
        "void f(hls::stream<int>& in, int* a) {\n#pragma HLS INTERFACE axis port=in\na[0] = 1; }",
        r"f\.cpp:4: stream in is neither read nor written; remove the argument",
    ),
    "a pipeline without an end": (
        "void f(hls::stream<int>& in, hls::stream<int>& out) {\nwhile (true) {\n"
        "#pragma HLS PIPELINE\nout.write(in.read() + 1); } }",
        r"f\.cpp:5: the pipelined loop of f never ends; give it a condition",
    ),
    "a wide division": (
        "void f(hls::stream<ap_uint<300>>& in, hls::stream<ap_uint<300>>& out) {\n"
        "out.write(in.read() / in.read()); }",
        r"f\.cpp:4: a division of 30\d bits by a variable is not supported; the widest has 256",
    ),
    "an allocation by new": (
        "void f(int* a) {\nint* b = new int[a[0]];\nb[a[1]] = 3;\na[2] = b[a[3]];\ndelete[] b; }",
        r"f\.cpp:4: memory cannot be allocated, by new or malloc",
    ),
    "a container": (
        "#include <vector>\nvoid f(int* a) {\nstd::vector<int> v;\nfor (int i = 0; i < a[0]; ++i)\n"
        "v.push_back(a[i]);\na[1] = v[a[2]]; }",
        r"f\.cpp:\d: memory cannot be allocated, .* within a std:: container; use ",
    ),
    "a virtual function": (
        "struct B { virtual int g(int x) = 0; };\n"
        "struct D : B { int g(int x) override { return x + 1; } };\n"
        "struct E : B { int g(int x) override { return x * 3; } };\n"
        "void f(int* a) {\nD d; E e;\nB* b = a[0] ? (B*)&d : (B*)&e;\na[1] = b->g(a[2]); }",
        r"f\.cpp:9: a call through a pointer, or of a virtual function, is not supported",
    ),
    "a pointer in a struct": (
        "struct P { int* at; int n; };\nvoid f(int* a) {\nP p[4];\nint x[9];\n"
        "for (int i = 0; i < 4; ++i) p[i].at = x + a[i];\na[0] = *p[a[7] & 3].at; }",
        r"f\.cpp:\d: a pointer that is kept in a variable, a struct or an object with virtual func",
    ),
    "mutual recursion": (
        "int h(int);\nint g(int n) { return n < 2 ? n : h(n - 1) * 3; }\n"
        "int h(int n) { return n < 3 ? n : g(n - 2) + 1; }\nvoid f(int* a, int n) {\n"
        "a[0] = g(n); }",
        r"f\.cpp:\d: [gh] calls itself; recursion is not supported, use a loop",
    ),
    "output": (
        "#include <cstdio>\nvoid f(int* a) {\na[1] = 2;\nprintf(\"%d\", a[0]); }",
        r"f\.cpp:6: hardware cannot printf; keep that to the test bench, or betwee",
    ),
    "a function without a body": (
        "int g(int);\nvoid f(int* a) {\na[0] = g(a[1]); }",
        r"f\.cpp:5: the call of g cannot be turned into hardware; its body must be in the file",
    ),
    "a table of floats": (
        "static const float k[4] = {1.f, 2.f, 3.f, 4.f};\nvoid f(int* a) {\n"
        "a[1] = (int)k[a[0] & 3]; }",
        r"f\.cpp:5: values of type float are not supported",
    ),
    "a pragma outside of functions": (
        "#pragma HLS INLINE\nvoid f(int* a) { a[0] = 1; }",
        r"f\.cpp:3: #pragma HLS INLINE stands outside of a function; put it into the one",
    ),
    "a pragma as the body of an if": (
        "void f(int* a, int n) {\nif (n > 3)\n#pragma HLS PIPELINE\na[0] = 1; }",
        r"f\.cpp:5: #pragma HLS PIPELINE stands within a statement; .* in braces",
    ),
    "a mistake in C++": (
        "void f(int* a) {\na[0] = a[1] }",
        r"f\.cpp:4:12: error: expected ';'",
    ),
    "words of several widths": (
        "struct S { int a; short b; };\nvoid f(const S* s, int* o) {\n"
        "#pragma HLS INTERFACE m_axi port=o bundle=second\n"
        "for (int i = 0; i < 9; ++i)\no[i] = s[i].a +\ns[i].b; }",
        r"f\.cpp:\d: s is accessed with different widths; use one word type, and o",
    ),
    "a burst longer than AXI4 has": (
        "void f(int* a) {\n#pragma HLS INTERFACE m_axi port=a max_write_burst_length=512\n"
        "a[0] = 1; }",
        r"f\.cpp:4: max_write_burst_length=512 is not supported; use a number from 1 to 256",
    ),
    "no bursts under way": (
        "void f(int* a) {\n#pragma HLS INTERFACE m_axi port=a num_read_outstanding=0\n"
        "a[0] = a[1]; }",
        r"f\.cpp:4: num_read_outstanding=0 is not supported; use a number from 1 to 256",
    ),
    "an offset of nothing": (
        "void f(int* a) {\n#pragma HLS INTERFACE m_axi port=a offset=off\na[0] = 1; }",
        r"f\.cpp:4: offset=off is not supported; use slave or direct",
    ),
    "a word that AXI4 does not have": (
        "void f(ap_uint<160>* a, int n) {\na[n] = a[n + 1] + 1; }",
        r"f\.cpp:4: a pointer to words of 192 bits is not supported; AXI4 has words of 8, 16",
    ),
    "an array between processes": (
        "static void g(hls::stream<int>& s, int* b) { for (int i = 0; i < 8; ++i) "
        "b[i] = s.read(); }\n"
        "static void h(int* b, hls::stream<int>& o) { for (int i = 0; i < 8; ++i) "
        "o.write(b[7 - i]); }\n"
        "void f(hls::stream<int>& s, hls::stream<int>& o) {\n#pragma HLS DATAFLOW\nint b[8];\n"
        "g(s, b); h(b, o); }",
        r"f\.cpp:5: array b of f is shared by processes, .*; send its elements thr",
    ),
    "arithmetic between processes": (
        "static void g(hls::stream<int>& s, hls::stream<int>& o, bool n) "
        "{ o.write(s.read() + n); }\n"
        "void f(hls::stream<int>& s, hls::stream<int>& o, int n) {\n#pragma HLS DATAFLOW\n"
        "g(s, o,\nn != 0); }",
        r"f\.cpp:7: icmp in the DATAFLOW function f; .* pass scalars in the types that they have",
    ),
    "static state of two processes": (
        "static void g(hls::stream<int>& s, hls::stream<int>& o) {\nstatic int n = 1;\n"
        "o.write(s.read() + ++n); }\n"
        "void f(hls::stream<int>& s, hls::stream<int>& o) {\n#pragma HLS DATAFLOW\n"
        "hls::stream<int> q;\ng(s, q);\ng(q, o); }",
        r"f\.cpp:10: processes g and g_1 share the static variable n, which calls in a DATAFLOW ",
    ),
    "a variable of two processes": (
        "static int kept[4];\n"
        "static void g(hls::stream<int>& s, hls::stream<int>& o) { o.write(kept[1] = s.read()); }\n"
        "static void h(hls::stream<int>& s, hls::stream<int>& o) { o.write(kept[1] + s.read()); }\n"
        "void f(hls::stream<int>& s, hls::stream<int>& o) {\n#pragma HLS DATAFLOW\n"
        "hls::stream<int> q;\ng(s, q);\nh(q, o); }",
        r"f\.cpp:10: processes g and h share the static variable kept, which calls in a DATAFLOW",
    ),
    "state of a function of two processes": (
        "static int next() { static int n = 5; return n++; }\n"
        "static void g(hls::stream<int>& s, hls::stream<int>& o) { o.write(next() + s.read()); }\n"
        "static void h(hls::stream<int>& s, hls::stream<int>& o) { o.write(next() * s.read()); }\n"
        "void f(hls::stream<int>& s, hls::stream<int>& o) {\n#pragma HLS DATAFLOW\n"
        "hls::stream<int> q;\ng(s, q);\nh(q, o); }",
        r"f\.cpp:10: processes g and h share the static variable n, .*; give each one of its own",
    ),
    "a pragma for no variable": (
        "void f(int* a) {\n#pragma HLS ARRAY_PARTITION variable=b complete\nint b[4];\n"
        "a[0] = b[a[1]]; }",
        r"f\.cpp:4: #pragma HLS ARRAY_PARTITION: there is no variable b here; put the pragma beh",
    ),
    "a pragma for two variables": (
        "void f(int* a) {\nint b[4], c[4];\n#pragma HLS ARRAY_PARTITION variable=b,c complete\n"
        "a[0] = b[a[1]] + c[a[2]]; }",
        r"f\.cpp:5: #pragma HLS ARRAY_PARTITION: b,c is not the name of one variable; write a pr",
    ),
    "an argument without a name": (
        "void f(int*, int n) { static int sum; sum += n; }",
        r"f\.cpp:3: f: argument 1 has no name; give it one",
    ),
    "elements moved within an array": (
        "#include <cstring>\nvoid f(int* a) {\nint b[64];\nfor (int i = 0; i < 64; ++i) "
        "b[i] = a[i];\n"
        "memmove(b + 1, b, 63 * 4);\na[a[0]] = b[a[1]]; }",
        r"f\.cpp:7: memmove within one array is not supported; move the elements in a loop",
    ),
    "a number of bytes": (
        "#include <cstring>\nvoid f(int* a, int n) {\nint b[64];\nmemcpy(b, a, n);\n"
        "a[0] = b[a[1]]; }",
        r"f\.cpp:6: it cannot be seen that memset or memcpy is of whole elements; .*, here n \* 4",
    ),
    "half an element": (
        "#include <cstring>\nvoid f(int* a, int n) {\nint b[64];\nfor (int i = 0; "
        "i < 64; ++i) b[i] = a[i];\n"
        "memset((char*)b + 4, 0, 6);\na[0] = b[a[1]]; }",
        r"f\.cpp:7: memset or memcpy covers a part of an element",
    ),
    "a comparison of pointers": (
        "void f(int* a) {\nint x[9], y[9];\nfor (int i = 0; i < 9; ++i) { x[i] = a[i]; "
        "y[i] = i; }\n"
        "a[0] = &x[a[1]] < &y[a[2]]; a[3] = x[a[4]] + y[a[5]]; }",
        r"f\.cpp:6: pointers into different arrays are compared; compare indices",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_supported_is_refused_in_words(case: str, tmp_path: Path) -> None:
    text, message = REFUSED[case]
    source = tmp_path / "f.cpp"
    source.write_text(HEAD + text)
    with pytest.raises(InputError, match=message):
        lower(source, "f")
