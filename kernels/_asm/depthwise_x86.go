package main

import "fmt"

func depthwiseAMD64(t *text) {
	t.begin()
	for _, isa := range []struct {
		name string
		x    x86
	}{{"AVX512", avx512}, {"AVX2", avx2}} {
		for _, d := range depthwiseRows {
			isa.x.depthwiseRow(t, d, d.name(isa.name))
		}
		isa.x.depthwiseAny(t, "depthwise"+isa.name)
	}
}

// A depthwise kernel is three loops: tiles, groups of channels that fill a
// register, rows of the window. Registers:
//
//	AX args, CX tile, SI source and DI dst of the tile
//	R13 offset of the group, BX its weights
//	R8 rows left, R10 source of the row, R11 its weights, R12 source of the column
//	sums of the outputs first, then what window needs
//
// window(t, reg) adds the rows.
func (x x86) depthwise(t *text, name string, outputs int, setup, window func()) {
	reg := func(n int) string { return fmt.Sprintf("%s%d", x.reg, n) }
	lo, hi := reg(outputs), reg(outputs+1)
	t.function(name, "depthwiseArgs")
	t.op("MOVQ args+0(FP), AX")
	t.op("LEAQ depthwiseArgs_tile(AX), CX")
	setup()

	t.label("tile")
	t.op("MOVQ depthwiseArgs_src(AX), SI")
	t.op("ADDQ depthwiseTile_src(CX), SI")
	t.op("MOVQ depthwiseArgs_dst(AX), DI")
	t.op("ADDQ depthwiseTile_dst(CX), DI")
	t.op("MOVQ depthwiseArgs_weights(AX), BX")
	t.op("XORQ R13, R13")

	t.label("group")
	t.op("MOVQ depthwiseArgs_bias(AX), R12")
	t.op("TESTQ R12, R12")
	t.op("JZ unbiased")
	t.op("VMOVUPS (R12)(R13*1), %s", reg(0))
	t.op("JMP biased")
	t.label("unbiased")
	x.zero(t, reg(0))
	t.label("biased")
	for r := 1; r < outputs; r++ {
		t.op("VMOVAPS %s, %s", reg(0), reg(r))
	}
	t.op("MOVQ depthwiseArgs_rows(AX), R8")
	t.op("LEAQ (SI)(R13*1), R10")
	t.op("MOVQ BX, R11")
	t.op("CMPQ depthwiseTile_end(CX), $0")
	t.op("JEQ summed")
	t.op("TESTQ R8, R8")
	t.op("JZ summed")
	window()
	t.label("summed")

	t.op("MOVQ depthwiseTile_outputs(CX), R8")
	t.op("MOVQ depthwiseArgs_residual(AX), R12")
	t.op("TESTQ R12, R12")
	t.op("JZ added")
	t.op("ADDQ depthwiseTile_residual(CX), R12")
	t.op("ADDQ R13, R12")
	for r := range outputs {
		t.op("VADDPS (R12), %s, %s", reg(r), reg(r))
		if r < outputs-1 {
			t.op("ADDQ depthwiseArgs_residualStep(AX), R12")
			t.op("CMPQ R8, $%d", r+1)
			t.op("JEQ added")
		}
	}
	t.label("added")

	// Of two operands of which one is NaN, max and min give the first written.
	t.op("CMPQ depthwiseArgs_clamp(AX), $0")
	t.op("JEQ clamped")
	t.op("VBROADCASTSS depthwiseArgs_lo(AX), %s", lo)
	t.op("VBROADCASTSS depthwiseArgs_hi(AX), %s", hi)
	for r := range outputs {
		t.op("VMAXPS %s, %s, %s", reg(r), lo, reg(r))
		t.op("VMINPS %s, %s, %s", reg(r), hi, reg(r))
	}
	t.label("clamped")

	t.op("LEAQ (DI)(R13*1), R12")
	for r := range outputs {
		t.op("VMOVUPS %s, (R12)", reg(r))
		if r < outputs-1 {
			t.op("ADDQ depthwiseArgs_dstStep(AX), R12")
			t.op("CMPQ R8, $%d", r+1)
			t.op("JEQ stored")
		}
	}
	t.label("stored")

	// The last group may overlap the one before.
	t.op("MOVQ depthwiseArgs_last(AX), R12")
	t.op("CMPQ R13, R12")
	t.op("JEQ next")
	t.op("ADDQ depthwiseArgs_weightGroup(AX), BX")
	t.op("ADDQ $%d, R13", x.bytes)
	t.op("CMPQ R13, R12")
	t.op("CMOVQGT R12, R13")
	t.op("JMP group")
	t.label("next")
	t.op("ADDQ $depthwiseTile__size, CX")
	t.op("DECQ depthwiseArgs_tiles(AX)")
	t.op("JNZ tile")
	t.op("VZEROUPPER")
	t.op("RET")
}

// depthwiseRow writes the kernel of one window. A tile at the border starts at
// a later column or ends at an earlier one. More registers:
//
//	R14 R15 first and last column but one, R9 column step
func (x x86) depthwiseRow(t *text, d depthwiseRow, name string) {
	reg := func(n int) string { return fmt.Sprintf("%s%d", x.reg, n) }
	weight := func(tap int) string { return reg(d.outputs + tap) }
	column := reg(d.outputs + d.taps)
	setup := func() { t.op("MOVQ depthwiseArgs_srcCol(AX), R9") }
	x.depthwise(t, name, d.outputs, setup, func() {
		t.op("MOVQ depthwiseTile_first(CX), R14")
		t.op("MOVQ depthwiseTile_end(CX), R15")
		t.label("row")
		for tap := range d.taps {
			t.op("VMOVUPS %d(R11), %s", tap*x.bytes, weight(tap))
		}
		t.op("MOVQ R10, R12")
		t.op("TESTQ R14, R14")
		t.op("JNZ skip")
		for j := range d.columns() {
			if j < d.taps {
				t.label("column%d", j)
			}
			n := 0
			d.uses(j, func(int, int) { n++ })
			from := "(R12)"
			if n > 1 {
				t.op("VMOVUPS (R12), %s", column)
				from = column
			}
			d.uses(j, func(output, tap int) {
				t.op("VFMADD231PS %s, %s, %s", from, weight(tap), reg(output))
			})
			if j < d.columns()-1 {
				t.op("ADDQ R9, R12")
				t.op("CMPQ R15, $%d", j+1)
				t.op("JEQ end")
			}
		}
		t.label("end")
		t.op("ADDQ depthwiseArgs_srcRow(AX), R10")
		t.op("ADDQ $%d, R11", d.taps*x.bytes)
		t.op("DECQ R8")
		t.op("JNZ row")
		t.op("JMP summed")
		t.label("skip")
		for j := 1; j < d.taps-1; j++ {
			t.op("CMPQ R14, $%d", j)
			t.op("JEQ column%d", j)
		}
		t.op("JMP column%d", d.taps-1)
	})
}

// depthwiseAny writes the kernel of any window: its taps are the same for all
// outputs of a tile. More registers:
//
//	R9 R14 R15 one, three, five outputs further, DX taps left
func (x x86) depthwiseAny(t *text, name string) {
	reg := func(n int) string { return fmt.Sprintf("%s%d", x.reg, n) }
	weight := reg(depthwiseOutputs)
	at := [depthwiseOutputs]string{"", "(R9*1)", "(R9*2)", "(R14*1)", "(R9*4)", "(R15*1)", "(R14*2)"}
	setup := func() {
		t.op("MOVQ depthwiseArgs_srcStep(AX), R9")
		t.op("LEAQ (R9)(R9*2), R14")
		t.op("LEAQ (R9)(R9*4), R15")
	}
	x.depthwise(t, name, depthwiseOutputs, setup, func() {
		t.op("ADDQ depthwiseTile_weights(CX), R11")
		t.label("row")
		t.op("MOVQ R10, R12")
		t.op("MOVQ depthwiseTile_end(CX), DX")
		t.op("MOVQ R11, SI")
		t.label("tap")
		t.op("VMOVUPS (SI), %s", weight)
		for r := range depthwiseOutputs {
			t.op("VFMADD231PS (R12)%s, %s, %s", at[r], weight, reg(r))
			if r < depthwiseOutputs-1 {
				t.op("CMPQ depthwiseTile_outputs(CX), $%d", r+1)
				t.op("JEQ done")
			}
		}
		t.label("done")
		t.op("ADDQ depthwiseArgs_srcCol(AX), R12")
		t.op("ADDQ $%d, SI", x.bytes)
		t.op("DECQ DX")
		t.op("JNZ tap")
		t.op("ADDQ depthwiseArgs_srcRow(AX), R10")
		t.op("ADDQ depthwiseArgs_weightRow(AX), R11")
		t.op("DECQ R8")
		t.op("JNZ row")
		t.op("MOVQ depthwiseArgs_src(AX), SI")
		t.op("ADDQ depthwiseTile_src(CX), SI")
	})
}
