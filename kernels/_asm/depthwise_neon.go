package main

func depthwiseARM64(t *text) {
	t.begin()
	for _, d := range depthwiseRows {
		depthwiseRowNEON(t, d)
	}
	depthwiseAnyNEON(t)
}

// depthwiseNEON writes a kernel as x86.depthwise does. Registers:
//
//	R0 args, R1 tile, R2 tiles left, R3 source and R4 dst of the tile, R15 outputs
//	R5 offset of the group, R20 of the last, R6 its weights
//	R7 rows left, R8 source of the row, R9 its weights, R10 source of the column
//	R11 column step, R12 R13 R14 for the window, R16 free
//	sums of the outputs first, then what window needs
func depthwiseNEON(t *text, name string, outputs int, window func()) {
	arg := func(name, reg string) { t.op("MOVD depthwiseArgs_%s(R0), %s", name, reg) }
	field := func(name, reg string) { t.op("MOVD depthwiseTile_%s(R1), %s", name, reg) }
	t.function(name, "depthwiseArgs")
	t.op("MOVD args+0(FP), R0")
	t.op("ADD $depthwiseArgs_tile, R0, R1")
	arg("tiles", "R2")
	arg("srcCol", "R11")
	arg("last", "R20")

	t.label("tile")
	arg("src", "R3")
	field("src", "R16")
	t.op("ADD R16, R3, R3")
	arg("dst", "R4")
	field("dst", "R16")
	t.op("ADD R16, R4, R4")
	field("outputs", "R15")
	arg("weights", "R6")
	t.op("MOVD $0, R5")

	t.label("group")
	arg("bias", "R16")
	t.op("CBZ R16, unbiased")
	t.op("ADD R5, R16, R16")
	t.op("VLD1 (R16), [V0.S4]")
	t.op("B biased")
	t.label("unbiased")
	t.op("VEOR V0.B16, V0.B16, V0.B16")
	t.label("biased")
	for r := 1; r < outputs; r++ {
		t.op("VMOV V0.B16, V%d.B16", r)
	}
	arg("rows", "R7")
	t.op("ADD R5, R3, R8")
	t.op("MOVD R6, R9")
	field("end", "R13")
	t.op("CBZ R13, summed")
	t.op("CBZ R7, summed")
	window()
	t.label("summed")

	// more runs through the outputs of the tile, step apart from R16 on.
	more := func(step, end string, f func(r int)) {
		arg(step, "R10")
		for r := range outputs {
			f(r)
			if r < outputs-1 {
				t.op("ADD R10, R16, R16")
				t.op("CMP $%d, R15", r+1)
				t.op("BEQ %s", end)
			}
		}
		t.label(end)
	}
	arg("residual", "R16")
	t.op("CBZ R16, added")
	field("residual", "R10")
	t.op("ADD R10, R16, R16")
	t.op("ADD R5, R16, R16")
	more("residualStep", "added", func(r int) {
		t.op("VLD1 (R16), [V%d.S4]", outputs)
		neon3(t, "FADD", outputs, r, r)
	})
	arg("clamp", "R16")
	t.op("CBZ R16, clamped")
	t.op("ADD $depthwiseArgs_lo, R0, R16")
	t.op("VLD1R (R16), [V%d.S4]", outputs)
	t.op("ADD $depthwiseArgs_hi, R0, R16")
	t.op("VLD1R (R16), [V%d.S4]", outputs+1)
	for r := range outputs {
		neon3(t, "FMAX", outputs, r, r)
		neon3(t, "FMIN", outputs+1, r, r)
	}
	t.label("clamped")
	t.op("ADD R5, R4, R16")
	more("dstStep", "stored", func(r int) { t.op("VST1 [V%d.S4], (R16)", r) })

	// The last group may overlap the one before.
	t.op("CMP R20, R5")
	t.op("BEQ next")
	arg("weightGroup", "R16")
	t.op("ADD R16, R6, R6")
	t.op("ADD $16, R5, R5")
	t.op("CMP R20, R5")
	t.op("CSEL GT, R20, R5, R5")
	t.op("B group")
	t.label("next")
	t.op("ADD $depthwiseTile__size, R1, R1")
	t.op("SUBS $1, R2, R2")
	t.op("BNE tile")
	t.op("RET")
}

// depthwiseRowNEON writes the kernel of one window. More registers:
//
//	R12 R13 first column and the one after the last
func depthwiseRowNEON(t *text, d depthwiseRow) {
	column := d.outputs + d.taps
	depthwiseNEON(t, d.name("NEON"), d.outputs, func() {
		t.op("MOVD depthwiseTile_first(R1), R12")
		t.op("MOVD depthwiseArgs_srcRow(R0), R14")
		t.label("row")
		for tap := range d.taps {
			t.op("VLD1.P 16(R9), [V%d.S4]", d.outputs+tap)
		}
		t.op("MOVD R8, R10")
		t.op("CBNZ R12, skip")
		for j := range d.columns() {
			if j < d.taps {
				t.label("column%d", j)
			}
			t.op("VLD1 (R10), [V%d.S4]", column)
			d.uses(j, func(output, tap int) {
				t.op("VFMLA V%d.S4, V%d.S4, V%d.S4", column, d.outputs+tap, output)
			})
			if j < d.columns()-1 {
				t.op("ADD R11, R10, R10")
				t.op("CMP $%d, R13", j+1)
				t.op("BEQ end")
			}
		}
		t.label("end")
		t.op("ADD R14, R8, R8")
		t.op("SUBS $1, R7, R7")
		t.op("BNE row")
		t.op("B summed")
		t.label("skip")
		for j := 1; j < d.taps-1; j++ {
			t.op("CMP $%d, R12", j)
			t.op("BEQ column%d", j)
		}
		t.op("B column%d", d.taps-1)
	})
}

// depthwiseAnyNEON writes the kernel of any window: its taps are the same for
// all outputs of a tile. More registers:
//
//	R12 output step, R14 taps left, R17 weights and R19 source of the tap
func depthwiseAnyNEON(t *text) {
	weight, tap := depthwiseOutputs, depthwiseOutputs+1
	depthwiseNEON(t, "depthwiseNEON", depthwiseOutputs, func() {
		t.op("MOVD depthwiseArgs_srcStep(R0), R12")
		t.op("MOVD depthwiseTile_weights(R1), R16")
		t.op("ADD R16, R9, R9")
		t.label("row")
		t.op("MOVD R8, R10")
		t.op("MOVD R9, R17")
		t.op("MOVD R13, R14")
		t.label("tap")
		t.op("VLD1.P 16(R17), [V%d.S4]", weight)
		t.op("MOVD R10, R19")
		for r := range depthwiseOutputs {
			t.op("VLD1 (R19), [V%d.S4]", tap)
			t.op("VFMLA V%d.S4, V%d.S4, V%d.S4", tap, weight, r)
			if r < depthwiseOutputs-1 {
				t.op("ADD R12, R19, R19")
				t.op("CMP $%d, R15", r+1)
				t.op("BEQ done")
			}
		}
		t.label("done")
		t.op("ADD R11, R10, R10")
		t.op("SUBS $1, R14, R14")
		t.op("BNE tap")
		t.op("MOVD depthwiseArgs_srcRow(R0), R16")
		t.op("ADD R16, R8, R8")
		t.op("MOVD depthwiseArgs_weightRow(R0), R16")
		t.op("ADD R16, R9, R9")
		t.op("SUBS $1, R7, R7")
		t.op("BNE row")
	})
}
