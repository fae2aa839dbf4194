package main

import "fmt"

// peakX86 writes the loops that measure how fast a core can multiply and add:
// peakSums sums in registers, each a chain of its own, so that the latency of an
// instruction hides behind the others.
func peakX86(t *text) {
	t.begin()
	for _, f := range []struct {
		name string
		x86
	}{{"fmaAVX512", avx512}, {"fmaAVX2", avx2}} {
		t.function(f.name, "int")
		t.op("MOVQ args+0(FP), AX")
		t.op("MOVQ (AX), CX")
		reg := func(n int) string { return fmt.Sprintf("%s%d", f.reg, n) }
		for n := range peakSums + 2 {
			f.zero(t, reg(n))
		}
		t.op("PCALIGN $32")
		t.label("loop")
		for n := range peakSums {
			t.op("VFMADD231PS %s, %s, %s", reg(peakSums), reg(peakSums+1), reg(n))
		}
		t.op("DECQ CX")
		t.op("JNZ loop")
		t.op("VZEROUPPER")
		t.op("RET")
	}
}

// peakNEON is peakX86 for arm64.
func peakNEON(t *text) {
	t.begin()
	t.function("fmaNEON", "int")
	t.op("MOVD args+0(FP), R0")
	t.op("MOVD (R0), R1")
	reg := func(n int) string { return fmt.Sprintf("V%d", n) }
	for n := range peakSumsNEON + 2 {
		t.op("VEOR %s.B16, %s.B16, %s.B16", reg(n), reg(n), reg(n))
	}
	t.label("loop")
	for n := range peakSumsNEON {
		t.op("VFMLA %s.S4, %s.S4, %s.S4", reg(peakSumsNEON), reg(peakSumsNEON+1), reg(n))
	}
	t.op("SUBS $1, R1, R1")
	t.op("BNE loop")
	t.op("RET")
}

// The number of sums: two units with a latency of 4 need 8, four units 16.
const (
	peakSums     = 12
	peakSumsNEON = 24
)
