package main

import "fmt"

// x86 is what differs between AVX2 and AVX-512.
type x86 struct {
	reg       string // register name without the number
	bytes     int    // of a register
	broadcast bool   // FMA reads and broadcasts one float from memory
}

var (
	avx512 = x86{"Z", 64, true}
	avx2   = x86{"Y", 32, false}
)

// loadTail loads the last vector of a tile, of which only the masked lanes
// exist. mask is a free register for AVX2, AVX-512 has it in K1.
func (x x86) loadTail(t *text, from, to, mask string) {
	if x.broadcast {
		t.op("VMOVUPS.Z %s, K1, %s", from, to)
	} else {
		t.op("VMASKMOVPS %s, %s, %s", from, mask, to)
	}
}

func (x x86) storeTail(t *text, from, to, mask string) {
	if x.broadcast {
		t.op("VMOVUPS %s, K1, %s", from, to)
	} else {
		t.op("VMASKMOVPS %s, %s, %s", from, mask, to)
	}
}

// loadMask fetches the mask.
func (x x86) loadMask(t *text, args, mask string) {
	if x.broadcast {
		t.op("MOVL %s_bits(DI), AX", args)
		t.op("KMOVW AX, K1")
	} else {
		t.op("VMOVUPS %s_mask(DI), %s", args, mask)
	}
}

// zero clears a register; VXORPS on 512 bits would need AVX-512DQ.
func (x x86) zero(t *text, reg string) {
	if x.broadcast {
		t.op("VPXORD %s, %s, %s", reg, reg, reg)
	} else {
		t.op("VXORPS %s, %s, %s", reg, reg, reg)
	}
}

// gemm writes one tile. Registers:
//
//	DI args, R13 source of the tile, R14 dst, R15 residual
//	SI source, BX weights, R9 R10 R11 one, three, five row steps
//	CX terms of the piece, DX terms left of the segment, R8 R12 segments left
//	vectors: rows x vectors sums, then the weights, then one broadcast (AVX2)
func (x x86) gemm(t *text, tl tile) {
	reg := func(n int) string { return fmt.Sprintf("%s%d", x.reg, n) }
	sum := func(r, v int) string { return reg(r*tl.vectors + v) }
	free := func(n int) string { return reg(tl.rows*tl.vectors + n) }
	each := func(f func(r, v int)) {
		for r := 0; r < tl.rows; r++ {
			for v := 0; v < tl.vectors; v++ {
				f(r, v)
			}
		}
	}
	partial := func(r, v int) string {
		return fmt.Sprintf("(gemmArgs_sum+%d)(DI)", (r*tl.vectors+v)*x.bytes)
	}
	last := tl.vectors - 1
	mask := free(3)

	t.function(tl.name, "gemmArgs")
	t.op("MOVQ args+0(FP), DI")
	t.op("MOVQ gemmArgs_a(DI), R13")
	t.op("MOVQ gemmArgs_c(DI), R14")
	t.op("MOVQ gemmArgs_residual(DI), R15")
	t.op("MOVQ gemmArgs_rowStep(DI), R9")
	t.op("LEAQ (R9)(R9*2), R10")
	t.op("LEAQ (R9)(R9*4), R11")

	t.label("block")
	t.op("MOVQ gemmArgs_lines(DI), AX")
	t.op("MOVQ AX, gemmArgs_linesLeft(DI)")
	t.label("line")
	t.op("MOVQ gemmArgs_tiles(DI), AX")
	t.op("MOVQ AX, gemmArgs_tilesLeft(DI)")
	t.label("tile")
	each(func(r, v int) { x.zero(t, sum(r, v)) })
	t.op("MOVQ R13, SI")
	t.op("MOVQ gemmArgs_b(DI), BX")
	t.op("MOVQ gemmArgs_resume(DI), AX")
	t.op("MOVQ AX, gemmArgs_partial(DI)")
	t.op("MOVQ gemmArgs_every(DI), AX")
	t.op("MOVQ AX, gemmArgs_left(DI)")
	t.op("MOVQ gemmArgs_n0(DI), R8")
	t.op("MOVQ gemmArgs_n1(DI), R12")
	t.op("TESTQ R12, R12")
	t.op("JZ done")

	t.label("segment")
	t.op("MOVQ gemmArgs_k(DI), DX")
	t.label("piece")
	t.op("DECQ gemmArgs_left(DI)")
	t.op("JLT flush")
	t.label("flushed")
	t.op("MOVQ gemmArgs_piece(DI), CX")
	t.op("CMPQ DX, CX")
	t.op("CMOVQLT DX, CX")
	t.op("SUBQ CX, DX")
	x.terms(t, tl)
	t.op("TESTQ DX, DX")
	t.op("JNZ piece")
	t.op("ADDQ gemmArgs_a0(DI), SI")
	t.op("ADDQ gemmArgs_b0(DI), BX")
	t.op("DECQ R8")
	t.op("JNZ segment")
	t.op("MOVQ gemmArgs_n0(DI), R8")
	t.op("ADDQ gemmArgs_a1(DI), SI")
	t.op("ADDQ gemmArgs_b1(DI), BX")
	t.op("DECQ R12")
	t.op("JNZ segment")

	t.label("done")
	t.op("CMPQ gemmArgs_partial(DI), $0")
	t.op("JEQ total")
	each(func(r, v int) { t.op("VADDPS %s, %s, %s", partial(r, v), sum(r, v), sum(r, v)) })
	t.label("total")
	t.op("CMPQ gemmArgs_keep(DI), $0")
	t.op("JNE keep")
	x.loadMask(t, "gemmArgs", mask)

	t.op("MOVQ gemmArgs_bias(DI), AX")
	t.op("TESTQ AX, AX")
	t.op("JZ biased")
	for v := 0; v < tl.vectors; v++ {
		at := fmt.Sprintf("%d(AX)", v*x.bytes)
		if v == last {
			x.loadTail(t, at, free(0), mask)
		} else {
			t.op("VMOVUPS %s, %s", at, free(0))
		}
		for r := 0; r < tl.rows; r++ {
			t.op("VADDPS %s, %s, %s", free(0), sum(r, v), sum(r, v))
		}
	}
	t.label("biased")

	t.op("TESTQ R15, R15")
	t.op("JZ added")
	t.op("MOVQ R15, AX")
	for r := 0; r < tl.rows; r++ {
		for v := 0; v < last; v++ {
			t.op("VADDPS %d(AX), %s, %s", v*x.bytes, sum(r, v), sum(r, v))
		}
		x.loadTail(t, fmt.Sprintf("%d(AX)", last*x.bytes), free(0), mask)
		t.op("VADDPS %s, %s, %s", free(0), sum(r, last), sum(r, last))
		t.op("ADDQ gemmArgs_residualStep(DI), AX")
	}
	t.label("added")

	// Of two operands of which one is NaN, max and min give the first written.
	t.op("CMPQ gemmArgs_clamp(DI), $0")
	t.op("JEQ clamped")
	t.op("VBROADCASTSS gemmArgs_lo(DI), %s", free(0))
	t.op("VBROADCASTSS gemmArgs_hi(DI), %s", free(1))
	each(func(r, v int) {
		t.op("VMAXPS %s, %s, %s", sum(r, v), free(0), sum(r, v))
		t.op("VMINPS %s, %s, %s", sum(r, v), free(1), sum(r, v))
	})
	t.label("clamped")

	t.op("MOVQ R14, AX")
	t.op("CMPQ gemmArgs_tail(DI), $0")
	t.op("JNE tail")
	for r := 0; r < tl.rows; r++ {
		for v := 0; v < tl.vectors; v++ {
			t.op("VMOVUPS %s, %d(AX)", sum(r, v), v*x.bytes)
		}
		t.op("ADDQ gemmArgs_cStep(DI), AX")
	}

	t.label("next")
	t.op("ADDQ gemmArgs_tileA(DI), R13")
	t.op("ADDQ gemmArgs_tileC(DI), R14")
	t.op("ADDQ gemmArgs_tileResidual(DI), R15")
	t.op("DECQ gemmArgs_tilesLeft(DI)")
	t.op("JNZ tile")
	t.op("ADDQ gemmArgs_lineA(DI), R13")
	t.op("ADDQ gemmArgs_lineC(DI), R14")
	t.op("ADDQ gemmArgs_lineResidual(DI), R15")
	t.op("DECQ gemmArgs_linesLeft(DI)")
	t.op("JNZ line")
	t.op("DECQ gemmArgs_blocks(DI)")
	t.op("JZ end")
	t.op("MOVQ gemmArgs_blockB(DI), AX")
	t.op("ADDQ AX, gemmArgs_b(DI)")
	t.op("MOVQ gemmArgs_a(DI), R13")
	t.op("MOVQ gemmArgs_blockC(DI), AX")
	for _, array := range [][2]string{{"c", "R14"}, {"residual", "R15"}, {"bias", "R8"}} {
		t.op("MOVQ gemmArgs_%s(DI), %s", array[0], array[1])
		t.op("TESTQ %s, %s", array[1], array[1])
		t.op("JZ no_%s", array[0])
		t.op("ADDQ AX, %s", array[1])
		t.op("MOVQ %s, gemmArgs_%s(DI)", array[1], array[0])
		t.label("no_" + array[0])
	}
	t.op("JMP block")
	t.label("end")
	t.op("VZEROUPPER")
	t.op("RET")

	t.label("tail")
	for r := 0; r < tl.rows; r++ {
		for v := 0; v < last; v++ {
			t.op("VMOVUPS %s, %d(AX)", sum(r, v), v*x.bytes)
		}
		x.storeTail(t, sum(r, last), fmt.Sprintf("%d(AX)", last*x.bytes), mask)
		t.op("ADDQ gemmArgs_cStep(DI), AX")
	}
	t.op("JMP next")

	t.label("keep")
	each(func(r, v int) { t.op("VMOVUPS %s, %s", sum(r, v), partial(r, v)) })
	t.op("JMP next")

	t.label("flush")
	t.op("MOVQ gemmArgs_every(DI), AX")
	t.op("DECQ AX")
	t.op("MOVQ AX, gemmArgs_left(DI)")
	t.op("CMPQ gemmArgs_partial(DI), $0")
	t.op("JEQ first")
	each(func(r, v int) { t.op("VADDPS %s, %s, %s", partial(r, v), sum(r, v), sum(r, v)) })
	t.label("first")
	t.op("MOVQ $1, gemmArgs_partial(DI)")
	each(func(r, v int) {
		t.op("VMOVUPS %s, %s", sum(r, v), partial(r, v))
		x.zero(t, sum(r, v))
	})
	t.op("JMP flushed")
}

// terms adds the CX products of a piece.
func (x x86) terms(t *text, tl tile) {
	reg := func(n int) string { return fmt.Sprintf("%s%d", x.reg, n) }
	rows := []string{"", "(R9*1)", "(R9*2)", "(R10*1)", "(R9*4)", "(R11*1)", "(R10*2)"}
	weights := func(v int) string { return reg(tl.rows*tl.vectors + v) }
	step := func(n int) {
		for u := 0; u < n; u++ {
			for v := 0; v < tl.vectors; v++ {
				t.op("VMOVUPS %d(BX), %s", (u*tl.vectors+v)*x.bytes, weights(v))
			}
			for r := 0; r < tl.rows; r++ {
				from := fmt.Sprintf("%d(SI)%s", 4*u, rows[r])
				fma := "VFMADD231PS.BCST " + from
				if !x.broadcast {
					t.op("VBROADCASTSS %s, %s", from, weights(tl.vectors))
					fma = "VFMADD231PS " + weights(tl.vectors)
				}
				for v := 0; v < tl.vectors; v++ {
					t.op("%s, %s, %s", fma, weights(v), reg(r*tl.vectors+v))
				}
			}
		}
		t.op("ADDQ $%d, BX", n*tl.vectors*x.bytes)
		t.op("ADDQ $%d, SI", 4*n)
	}
	unroll := 4
	if tl.vectors > 2 {
		unroll = 2
	}
	t.op("SUBQ $%d, CX", unroll)
	t.op("JLT rest")
	t.op("PCALIGN $32")
	t.label("terms")
	step(unroll)
	t.op("SUBQ $%d, CX", unroll)
	t.op("JGE terms")
	t.label("rest")
	t.op("ADDQ $%d, CX", unroll)
	t.op("JZ summed")
	t.label("term")
	step(1)
	t.op("DECQ CX")
	t.op("JNZ term")
	t.label("summed")
}
