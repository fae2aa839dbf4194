package main

import (
	"fmt"
	"strings"
)

// neon3 writes a vector instruction on four floats that Go's assembler does
// not know: d = op(n, m).
func neon3(t *text, op string, m, n, d int) {
	code := map[string]int{"FADD": 0x4e20d400, "FMAX": 0x4e20f400, "FMIN": 0x4ea0f400}[op]
	t.op("WORD $%#x // %s V%d.4S, V%d.4S, V%d.4S", code|m<<16|n<<5|d, op, d, n, m)
}

// gemmNEON writes one tile. Registers:
//
//	R0 args, R19 source of the tile, R20 dst, R21 residual, R24 R25 tiles, lines left
//	R8-R13 source of each row, R1 weights, R4 row step
//	R2 terms of the piece, R3 of the segment, R14 R15 segments left
//	R22 pieces until the sums are added up, R23 there are partial sums
//
// A tile whose last vector is not full leaves its sums to the caller (keep).
func gemmNEON(t *text, tl tile) {
	sum := func(r, v int) int { return r*tl.vectors + v }
	free := func(n int) int { return tl.rows*tl.vectors + n }
	list := func(first int) string {
		var names []string
		for v := 0; v < tl.vectors; v++ {
			names = append(names, fmt.Sprintf("V%d.S4", first+v))
		}
		return "[" + strings.Join(names, ", ") + "]"
	}
	bytes := 16 * tl.vectors
	zero := func(n int) { t.op("VEOR V%d.B16, V%d.B16, V%d.B16", n, n, n) }
	arg := func(name, reg string) { t.op("MOVD gemmArgs_%s(R0), %s", name, reg) }
	addPartial := func() {
		t.op("ADD $gemmArgs_sum, R0, R5")
		for r := 0; r < tl.rows; r++ {
			t.op("VLD1.P %d(R5), %s", bytes, list(free(0)))
			for v := 0; v < tl.vectors; v++ {
				neon3(t, "FADD", free(v), sum(r, v), sum(r, v))
			}
		}
	}
	storePartial := func() {
		t.op("ADD $gemmArgs_sum, R0, R5")
		for r := 0; r < tl.rows; r++ {
			t.op("VST1.P %s, %d(R5)", list(sum(r, 0)), bytes)
		}
	}

	t.function(tl.name, "gemmArgs")
	t.op("MOVD args+0(FP), R0")
	arg("a", "R19")
	arg("c", "R20")
	arg("residual", "R21")
	arg("rowStep", "R4")
	t.label("block")
	arg("lines", "R25")
	t.label("line")
	arg("tiles", "R24")
	t.label("tile")
	for n := 0; n < tl.rows*tl.vectors; n++ {
		zero(n)
	}
	t.op("MOVD R19, R8")
	for r := 1; r < tl.rows; r++ {
		t.op("ADD R4, R%d, R%d", 7+r, 8+r)
	}
	arg("b", "R1")
	arg("resume", "R23")
	arg("every", "R22")
	arg("n0", "R14")
	arg("n1", "R15")
	t.op("CBZ R15, done")

	t.label("segment")
	arg("k", "R3")
	t.label("piece")
	t.op("SUBS $1, R22, R22")
	t.op("BLT flush")
	t.label("flushed")
	arg("piece", "R2")
	t.op("CMP R2, R3")
	t.op("CSEL LT, R3, R2, R2")
	t.op("SUB R2, R3, R3")
	t.label("term")
	t.op("VLD1.P %d(R1), %s", bytes, list(free(0)))
	for r := 0; r < tl.rows; r++ {
		x := free(tl.vectors + r%2)
		t.op("VLD1R.P 4(R%d), [V%d.S4]", 8+r, x)
		for v := 0; v < tl.vectors; v++ {
			t.op("VFMLA V%d.S4, V%d.S4, V%d.S4", x, free(v), sum(r, v))
		}
	}
	t.op("SUBS $1, R2, R2")
	t.op("BNE term")
	t.op("CBNZ R3, piece")
	advance := func(a, b string) {
		arg(a, "R5")
		for r := 0; r < tl.rows; r++ {
			t.op("ADD R5, R%d, R%d", 8+r, 8+r)
		}
		arg(b, "R5")
		t.op("ADD R5, R1, R1")
	}
	advance("a0", "b0")
	t.op("SUBS $1, R14, R14")
	t.op("BNE segment")
	arg("n0", "R14")
	advance("a1", "b1")
	t.op("SUBS $1, R15, R15")
	t.op("BNE segment")

	t.label("done")
	t.op("CBZ R23, total")
	addPartial()
	t.label("total")
	arg("keep", "R5")
	t.op("CBNZ R5, keep")

	arg("bias", "R5")
	t.op("CBZ R5, biased")
	t.op("VLD1 (R5), %s", list(free(0)))
	for r := 0; r < tl.rows; r++ {
		for v := 0; v < tl.vectors; v++ {
			neon3(t, "FADD", free(v), sum(r, v), sum(r, v))
		}
	}
	t.label("biased")

	t.op("CBZ R21, added")
	t.op("MOVD R21, R5")
	arg("residualStep", "R6")
	for r := 0; r < tl.rows; r++ {
		t.op("VLD1 (R5), %s", list(free(0)))
		for v := 0; v < tl.vectors; v++ {
			neon3(t, "FADD", free(v), sum(r, v), sum(r, v))
		}
		t.op("ADD R6, R5, R5")
	}
	t.label("added")

	arg("clamp", "R5")
	t.op("CBZ R5, clamped")
	t.op("ADD $gemmArgs_lo, R0, R5")
	t.op("VLD1R (R5), [V%d.S4]", free(0))
	t.op("ADD $gemmArgs_hi, R0, R5")
	t.op("VLD1R (R5), [V%d.S4]", free(1))
	for n := 0; n < tl.rows*tl.vectors; n++ {
		neon3(t, "FMAX", free(0), n, n)
		neon3(t, "FMIN", free(1), n, n)
	}
	t.label("clamped")

	t.op("MOVD R20, R5")
	arg("cStep", "R6")
	for r := 0; r < tl.rows; r++ {
		t.op("VST1 %s, (R5)", list(sum(r, 0)))
		t.op("ADD R6, R5, R5")
	}

	t.label("next")
	advanceTo := func(unit string) {
		for _, a := range [][2]string{{"A", "R19"}, {"C", "R20"}, {"Residual", "R21"}} {
			arg(unit+a[0], "R5")
			t.op("ADD R5, %s, %s", a[1], a[1])
		}
	}
	advanceTo("tile")
	t.op("SUBS $1, R24, R24")
	t.op("BNE tile")
	advanceTo("line")
	t.op("SUBS $1, R25, R25")
	t.op("BNE line")
	arg("blocks", "R5")
	t.op("SUBS $1, R5, R5")
	t.op("BEQ end")
	t.op("MOVD R5, gemmArgs_blocks(R0)")
	arg("blockB", "R5")
	arg("b", "R6")
	t.op("ADD R5, R6, R6")
	t.op("MOVD R6, gemmArgs_b(R0)")
	arg("a", "R19")
	arg("blockC", "R5")
	for _, array := range [][2]string{{"c", "R20"}, {"residual", "R21"}, {"bias", "R6"}} {
		arg(array[0], array[1])
		t.op("CBZ %s, no_%s", array[1], array[0])
		t.op("ADD R5, %s, %s", array[1], array[1])
		t.op("MOVD %s, gemmArgs_%s(R0)", array[1], array[0])
		t.label("no_" + array[0])
	}
	t.op("B block")
	t.label("end")
	t.op("RET")

	t.label("keep")
	storePartial()
	t.op("B next")

	t.label("flush")
	arg("every", "R22")
	t.op("SUB $1, R22, R22")
	t.op("CBZ R23, first")
	addPartial()
	t.label("first")
	t.op("MOVD $1, R23")
	storePartial()
	for n := 0; n < tl.rows*tl.vectors; n++ {
		zero(n)
	}
	t.op("B flushed")
}
