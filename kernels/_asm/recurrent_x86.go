package main

import (
	"fmt"
	"math"
)

// recurrentAMD64 writes the steps of LSTM and GRU for tiles of samples.
func recurrentAMD64(t *text) {
	t.begin()
	avx512.recurrentConstants(t)
	avx2.recurrentConstants(t)
	for _, tl := range recurrentTiles() {
		tl.write(t)
	}
}

// recurrentStubs declares them and writes a switch over each family.
func recurrentStubs(t *text) {
	t.line("//go:build !purego\n\npackage rnn")
	for _, tl := range recurrentTiles() {
		t.line("\n//go:noescape\nfunc %s(args *tileArgs)", tl.name())
		if tl.rows < tl.x.recurrentRows() {
			continue
		}
		t.line("\n// %s runs the tile of so many samples.\nfunc %s(args *tileArgs, samples int) {\nswitch samples {", tl.family(), tl.family())
		for tl.rows = 1; tl.rows <= tl.x.recurrentRows(); tl.rows++ {
			t.line("case %d:\n%s(args)", tl.rows, tl.name())
		}
		t.line("}\n}")
	}
}

// A recurrentTile advances rows samples by one step. Its vectors are the gates
// of as many units as a register has lanes, so that the sums of a sample's gates
// meet in registers.
type recurrentTile struct {
	x     x86
	cell  string
	gates int
	rows  int
}

func recurrentTiles() []recurrentTile {
	var all []recurrentTile
	for _, x := range []x86{avx512, avx2} {
		for _, cell := range []recurrentTile{{x: x, cell: "lstm", gates: 4}, {x: x, cell: "gru", gates: 3}} {
			for cell.rows = 1; cell.rows <= x.recurrentRows(); cell.rows++ {
				all = append(all, cell)
			}
		}
	}
	return all
}

// recurrentRows is how many samples leave four registers beside the sums of four gates.
func (x x86) recurrentRows() int {
	if x.broadcast {
		return 7
	}
	return 3
}

func (tl recurrentTile) family() string {
	if tl.x.broadcast {
		return tl.cell + "AVX512"
	}
	return tl.cell + "AVX2"
}

func (tl recurrentTile) name() string { return fmt.Sprintf("%s_%d", tl.family(), tl.rows) }

func (tl recurrentTile) sum(row, gate int) string {
	return fmt.Sprintf("%s%d", tl.x.reg, row*tl.gates+gate)
}

func (tl recurrentTile) free(n int) string { return fmt.Sprintf("%s%d", tl.x.reg, tl.rows*tl.gates+n) }

// write writes one tile. Registers:
//
//	DI args, AX constants
//	SI state, BX weights, R9 R10 R11 one, three, five rows of states
//	CX terms of the piece, DX terms left
//	R8 projections, R13 state h after, R12 R15 state c before and after (LSTM)
//	or state h before and bias (GRU)
//	vectors: rows x gates sums, then the weights and the broadcast states
func (tl recurrentTile) write(t *text) {
	each := func(f func(sum string, at int)) {
		for i := range tl.rows * tl.gates {
			f(tl.sum(0, i), i*tl.x.bytes)
		}
	}
	t.function(tl.name(), "tileArgs")
	t.op("MOVQ args+0(FP), DI")
	t.op("MOVQ tileArgs_weights(DI), BX")
	t.op("MOVQ tileArgs_row(DI), R9")
	t.op("LEAQ (R9)(R9*2), R10")
	t.op("LEAQ (R9)(R9*4), R11")
	t.op("LEAQ recurrent%s<>(SB), AX", tl.x.reg)

	t.label("block")
	t.op("MOVQ tileArgs_walk(DI), SI")
	t.op("MOVQ tileArgs_terms(DI), DX")
	t.op("MOVQ $0, tileArgs_partial(DI)")
	t.label("piece")
	each(func(sum string, _ int) { tl.x.zero(t, sum) })
	t.op("MOVQ tileArgs_piece(DI), CX")
	t.op("CMPQ DX, CX")
	t.op("CMOVQLT DX, CX")
	t.op("SUBQ CX, DX")
	t.op("CMPQ tileArgs_down(DI), $0")
	t.op("JNE down")
	tl.terms(t, "up", 1)
	t.op("JMP summed")
	t.label("down")
	tl.terms(t, "down", -1)
	t.label("summed")
	t.op("CMPQ tileArgs_partial(DI), $0")
	t.op("JEQ added")
	each(func(sum string, at int) { t.op("VADDPS (tileArgs_sums+%d)(DI), %s, %s", at, sum, sum) })
	t.label("added")
	t.op("TESTQ DX, DX")
	t.op("JZ total")
	t.op("MOVQ $1, tileArgs_partial(DI)")
	each(func(sum string, at int) { t.op("VMOVUPS %s, (tileArgs_sums+%d)(DI)", sum, at) })
	t.op("JMP piece")

	// The pointers of args stay where they are, as the garbage collector may see
	// them; what moves is their distance.
	t.label("total")
	t.op("MOVQ tileArgs_z(DI), R8")
	t.op("ADDQ tileArgs_zAt(DI), R8")
	t.op("MOVQ tileArgs_at(DI), CX")
	fields := []string{"nextH", "R13", "c", "R12", "nextC", "R15"}
	if tl.cell == "gru" {
		fields = []string{"nextH", "R13", "h", "R12", "bias", "R15"}
	}
	for i := 0; i < len(fields); i += 2 {
		t.op("MOVQ tileArgs_%s(DI), %s", fields[i], fields[i+1])
		t.op("ADDQ CX, %s", fields[i+1])
	}
	for row := range tl.rows {
		if tl.cell == "lstm" {
			tl.lstm(t, row)
		} else {
			tl.gru(t, row)
		}
		t.op("ADDQ tileArgs_zRow(DI), R8")
		t.op("ADDQ R9, R12")
		t.op("ADDQ R9, R13")
		if tl.cell == "lstm" {
			t.op("ADDQ R9, R15")
		}
	}
	t.op("MOVQ tileArgs_zBlock(DI), CX")
	t.op("ADDQ CX, tileArgs_zAt(DI)")
	t.op("MOVQ tileArgs_block(DI), CX")
	t.op("ADDQ CX, tileArgs_at(DI)")
	t.op("DECQ tileArgs_blocks(DI)")
	t.op("JNZ block")
	t.op("VZEROUPPER")
	t.op("RET")
}

// terms adds CX products from BX and SI on, upwards or downwards.
func (tl recurrentTile) terms(t *text, name string, sign int) {
	rows := []string{"", "(R9*1)", "(R9*2)", "(R10*1)", "(R9*4)", "(R11*1)", "(R10*2)"}
	width := tl.gates * tl.x.bytes
	step := func(n int) {
		for u := range n {
			at := func(gate int) string { return fmt.Sprintf("%d(BX)", sign*u*width+gate*tl.x.bytes) }
			state := func(row int) string { return fmt.Sprintf("%d(SI)%s", sign*4*u, rows[row]) }
			if tl.rows <= 3 { // few enough to hold their states in registers
				for row := range tl.rows {
					t.op("VBROADCASTSS %s, %s", state(row), tl.free(row))
				}
				for gate := range tl.gates {
					w := at(gate)
					if tl.rows > 1 {
						w = tl.free(tl.rows)
						t.op("VMOVUPS %s, %s", at(gate), w)
					}
					for row := range tl.rows {
						t.op("VFMADD231PS %s, %s, %s", w, tl.free(row), tl.sum(row, gate))
					}
				}
				continue
			}
			for gate := range tl.gates {
				t.op("VMOVUPS %s, %s", at(gate), tl.free(gate))
			}
			for row := range tl.rows {
				for gate := range tl.gates {
					t.op("VFMADD231PS.BCST %s, %s, %s", state(row), tl.free(gate), tl.sum(row, gate))
				}
			}
		}
		t.op("ADDQ $%d, BX", sign*n*width)
		t.op("ADDQ $%d, SI", sign*n*4)
	}
	unroll := 2
	if tl.rows < 3 {
		unroll = 4
	}
	t.op("SUBQ $%d, CX", unroll)
	t.op("JLT %sRest", name)
	t.op("PCALIGN $32")
	t.label("%sTerms", name)
	step(unroll)
	t.op("SUBQ $%d, CX", unroll)
	t.op("JGE %sTerms", name)
	t.label("%sRest", name)
	t.op("ADDQ $%d, CX", unroll)
	t.op("JZ %sEnd", name)
	t.label("%sTerm", name)
	step(1)
	t.op("DECQ CX")
	t.op("JNZ %sTerm", name)
	t.label("%sEnd", name)
}

// lstm finishes one sample: from its sums of i, f, g and o to the states.
func (tl recurrentTile) lstm(t *text, row int) {
	i, f, g, o := tl.sum(row, 0), tl.sum(row, 1), tl.sum(row, 2), tl.sum(row, 3)
	a, b, c := tl.free(0), tl.free(1), tl.free(2)
	for gate, r := range []string{i, f, g, o} {
		t.op("VADDPS %d(R8), %s, %s", gate*tl.x.bytes, r, r)
	}
	tl.x.sigmoidDivisor(t, i, a, b)
	tl.x.sigmoidDivisor(t, f, a, b)
	tl.x.sigmoidDivisor(t, o, a, b)
	tl.x.tanhFraction(t, g, a, b, c)
	t.op("VMULPS %s, %s, %s", i, c, c)
	t.op("VDIVPS %s, %s, %s", c, b, b) // i·g
	t.op("VMOVUPS (R12), %s", a)
	t.op("VDIVPS %s, %s, %s", f, a, a) // f·c
	t.op("VADDPS %s, %s, %s", a, b, b)
	t.op("VMOVUPS %s, (R15)", b)
	tl.x.tanhFraction(t, b, a, i, f)
	t.op("VMULPS %s, %s, %s", o, f, f)
	t.op("VDIVPS %s, %s, %s", f, i, i) // o·tanh(c)
	t.op("VMOVUPS %s, (R13)", i)
}

// gru finishes one sample: from its sums of z, r and k to the state.
func (tl recurrentTile) gru(t *text, row int) {
	z, r, k := tl.sum(row, 0), tl.sum(row, 1), tl.sum(row, 2)
	a, b, c := tl.free(0), tl.free(1), tl.free(2)
	t.op("VADDPS (R8), %s, %s", z, z)
	t.op("VADDPS %d(R8), %s, %s", tl.x.bytes, r, r)
	t.op("VADDPS (R15), %s, %s", k, k)
	tl.x.sigmoidDivisor(t, z, a, b)
	tl.x.sigmoidDivisor(t, r, a, b)
	t.op("VDIVPS %s, %s, %s", r, k, k)
	t.op("VADDPS %d(R8), %s, %s", 2*tl.x.bytes, k, k)
	tl.x.tanhFraction(t, k, a, b, c)
	t.op("VDIVPS %s, %s, %s", c, b, b)
	t.op("VMOVUPS (R12), %s", a)
	t.op("VSUBPS %s, %s, %s", b, a, a)
	t.op("VDIVPS %s, %s, %s", z, a, a)
	t.op("VADDPS %s, %s, %s", b, a, a) // k + z·(h - k)
	t.op("VMOVUPS %s, (R13)", a)
}

// The numbers of sigmoid and tanh. 2^f for |f| <= 1/2 is a polynomial of degree
// 5 (relative error 9.2e-8). tanh is the fraction of Eigen and TensorFlow.
var (
	powerOf2        = []float32{1, 0.69314698, 0.24022242, 0.055507338, 0.0096715143, 0.0013264729}
	tanhNumerator   = []float32{4.89352455891786e-03, 6.37261928875436e-04, 1.48572235717979e-05, 5.12229709037114e-08, -8.60467152213735e-11, 2.00018790482477e-13, -2.76076847742355e-16}
	tanhDenominator = []float32{4.89352518554385e-03, 2.26843463243900e-03, 1.18534705686654e-04, 1.19825839466702e-06}
)

const (
	minusLog2E = float32(-math.Log2E)
	powerLimit = float32(126)                 // sigmoid of more than 87 is 1, of less 1e-38 at least
	rounder    = float32(3 << 22)             // a sum with it is rounded to an integer
	tanhLimit  = float32(7.90531110763549805) // where tanh rounds to 1
)

func recurrentNumbers() []float32 {
	all := []float32{minusLog2E, -powerLimit, powerLimit, rounder, -tanhLimit, tanhLimit}
	return append(append(append(all, powerOf2...), tanhNumerator...), tanhDenominator...)
}

// recurrentConstants declares the numbers, for AVX2 repeated over a register.
func (x x86) recurrentConstants(t *text) {
	t.line("")
	n := x.constantBytes() / 4
	for i, v := range recurrentNumbers() {
		for j := range n {
			t.line("DATA recurrent%s<>+%d(SB)/4, $%#08x // %g", x.reg, 4*(n*i+j), math.Float32bits(v), v)
		}
	}
	t.line("GLOBL recurrent%s<>(SB), RODATA|NOPTR, $%d", x.reg, x.constantBytes()*len(recurrentNumbers()))
}

func (x x86) constantBytes() int {
	if x.broadcast {
		return 4
	}
	return x.bytes
}

// with writes an instruction whose first operand is a number.
func (x x86) with(t *text, op string, number float32, rest string) {
	for i, v := range recurrentNumbers() {
		if v == number {
			if x.broadcast {
				op += ".BCST"
			}
			t.op("%s %d(AX), %s", op, i*x.constantBytes(), rest)
			return
		}
	}
	panic(number)
}

// get loads a number.
func (x x86) get(t *text, number float32, to string) {
	for i, v := range recurrentNumbers() {
		if v == number {
			op := "VMOVUPS"
			if x.broadcast {
				op = "VBROADCASTSS"
			}
			t.op("%s %d(AX), %s", op, i*x.constantBytes(), to)
			return
		}
	}
	panic(number)
}

// limit clamps v to ±limit; NaN, which both instructions give if it is their
// first operand, stays.
func (x x86) limit(t *text, limit float32, v, free string) {
	x.get(t, -limit, free)
	t.op("VMAXPS %s, %s, %s", v, free, v)
	x.get(t, limit, free)
	t.op("VMINPS %s, %s, %s", v, free, v)
}

// horner computes the polynomial of v with coefficients c.
func (x x86) horner(t *text, v, to string, c []float32) {
	x.get(t, c[len(c)-1], to)
	for i := len(c) - 2; i >= 0; i-- {
		x.with(t, "VFMADD213PS", c[i], v+", "+to)
	}
}

// sigmoidDivisor replaces v by 1 + e^-v, the divisor of sigmoid(v).
func (x x86) sigmoidDivisor(t *text, v, a, b string) {
	x.with(t, "VMULPS", minusLog2E, v+", "+v)
	x.limit(t, powerLimit, v, a)
	x.with(t, "VADDPS", rounder, v+", "+a)
	x.with(t, "VSUBPS", rounder, a+", "+b)
	t.op("VSUBPS %s, %s, %s", b, v, v)
	x.horner(t, v, b, powerOf2)
	t.op("VPSLLD $23, %s, %s", a, a)
	t.op("VPADDD %s, %s, %s", a, b, b)
	x.with(t, "VADDPS", powerOf2[0], b+", "+v)
}

// tanhFraction computes tanh(v) = num/den, square being free. It limits v.
func (x x86) tanhFraction(t *text, v, square, num, den string) {
	x.limit(t, tanhLimit, v, square)
	t.op("VMULPS %s, %s, %s", v, v, square)
	x.horner(t, square, num, tanhNumerator)
	x.horner(t, square, den, tanhDenominator)
	t.op("VMULPS %s, %s, %s", v, num, num)
}
