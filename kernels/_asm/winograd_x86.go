package main

import (
	"fmt"
	"math"
)

// The transforms of Winograd's convolution, as kernels/conv/winograd.go
// describes them: points in the order 0, ∞, a, -a, b, -b, of which tiles of m
// outputs use the first m+2.
var winogradPoints = [6]float64{0, math.Inf(1), math.Sqrt(0.5), -math.Sqrt(0.5), math.Sqrt(2), -math.Sqrt(2)}

// winogradNorm is the product of the differences between point p and the
// other finite ones of the first n points.
func winogradNorm(p, n int) float64 {
	d := 1.0
	for q := range n {
		if q != p && q != 1 {
			d *= winogradPoints[p] - winogradPoints[q]
		}
	}
	return d
}

// winogradInput is the input transform for m outputs: row p holds the
// coefficients of the product of (x - q) over the other finite points q,
// scaled so that weights transformed for 4 outputs serve fewer as well.
func winogradInput(m int) [][]float64 {
	n := m + 2
	rows := make([][]float64, n)
	for p := range n {
		poly := []float64{1}
		for q := range n {
			if q == p || q == 1 {
				continue
			}
			next := make([]float64, len(poly)+1)
			for i, c := range poly {
				next[i+1] += c
				next[i] -= winogradPoints[q] * c
			}
			poly = next
		}
		scale := 1.0
		if p != 1 {
			scale = winogradNorm(p, 6) / winogradNorm(p, n)
		}
		rows[p] = make([]float64, n)
		for i, c := range poly {
			rows[p][i] = round(c * scale)
		}
	}
	return rows
}

// round takes the rounding errors of float64 away.
func round(c float64) float64 {
	if near := math.Round(4*c) / 4; math.Abs(c-near) < 1e-12 {
		return near
	}
	return c
}

// winogradConsts are the constants of all transforms, in the order of first use.
type winogradConsts struct {
	index map[float32]int
	list  []float32
}

func (c *winogradConsts) at(v float64) string {
	f := float32(v)
	i, ok := c.index[f]
	if !ok {
		i = len(c.list)
		c.index[f] = i
		c.list = append(c.list, f)
	}
	return fmt.Sprintf("winogradConst<>+%d(SB)", 4*i)
}

// winogradWriter writes one transform.
type winogradWriter struct {
	*text
	x86
	consts *winogradConsts
	unused []string // vector registers
}

func (w *winogradWriter) start() {
	n := 16
	if w.broadcast {
		n = 32
	}
	w.unused = nil
	for i := n - 1; i >= 0; i-- {
		w.unused = append(w.unused, fmt.Sprintf("%s%d", w.reg, i))
	}
}

func (w *winogradWriter) take() string {
	r := w.unused[len(w.unused)-1]
	w.unused = w.unused[:len(w.unused)-1]
	return r
}

func (w *winogradWriter) drop(regs ...string) { w.unused = append(w.unused, regs...) }

// load returns a new register that holds what is at.
func (w *winogradWriter) load(at string) string {
	r := w.take()
	w.op("VMOVUPS %s, %s", at, r)
	return r
}

// two writes an instruction of three operands: dst = b op a.
func (w *winogradWriter) two(op, a, b string) string {
	r := w.take()
	w.op("%s %s, %s, %s", op, a, b, r)
	return r
}

// times is a product with a constant in a new register.
func (w *winogradWriter) times(reg string, c float64) string {
	r := w.take()
	if w.broadcast {
		w.op("VMULPS.BCST %s, %s, %s", w.consts.at(c), reg, r)
		return r
	}
	w.op("VBROADCASTSS %s, %s", w.consts.at(c), r)
	w.op("VMULPS %s, %s, %s", reg, r, r)
	return r
}

// addTimes adds a product with a constant to sum.
func (w *winogradWriter) addTimes(sum, reg string, c float64) {
	if w.broadcast {
		w.op("VFMADD231PS.BCST %s, %s, %s", w.consts.at(c), reg, sum)
		return
	}
	r := w.take()
	w.op("VBROADCASTSS %s, %s", w.consts.at(c), r)
	w.op("VFMADD231PS %s, %s, %s", reg, r, sum)
	w.drop(r)
}

// A winogradTerm is a register and its coefficient in a sum.
type winogradTerm struct {
	reg string
	c   float64
}

// sum returns a new register with the sum of terms; those with coefficient 0 do
// not count.
func (w *winogradWriter) sum(terms ...winogradTerm) string {
	var ones, others []winogradTerm
	for _, t := range terms {
		switch t.c {
		case 0:
		case 1:
			ones = append(ones, t)
		default:
			others = append(others, t)
		}
	}
	var r string
	switch {
	case len(ones) > 1:
		r = w.two("VADDPS", ones[1].reg, ones[0].reg)
		ones = ones[2:]
	case len(ones) == 1 && len(others) > 0: // r = c·x + y
		r = w.take()
		w.op("VBROADCASTSS %s, %s", w.consts.at(others[0].c), r)
		w.op("VFMADD213PS %s, %s, %s", ones[0].reg, others[0].reg, r)
		ones, others = nil, others[1:]
	case len(ones) == 1:
		r = w.take()
		w.op("VMOVAPS %s, %s", ones[0].reg, r)
		ones = nil
	default:
		r = w.times(others[0].reg, others[0].c)
		others = others[1:]
	}
	for _, t := range ones {
		w.op("VADDPS %s, %s, %s", t.reg, r, r)
	}
	for _, t := range others {
		w.addTimes(r, t.reg, t.c)
	}
	return r
}

// input transforms what load(0), load(1), ... loads to the points from first on,
// two at most, and hands each over.
func (w *winogradWriter) input(m, first int, load func(i int) string, out func(p int, reg string)) {
	rows := winogradInput(m)
	terms := func(row []float64, from, step int) (t []winogradTerm) {
		for i := from; i < len(row); i += step {
			if row[i] != 0 {
				t = append(t, winogradTerm{load(i), row[i]})
			}
		}
		return t
	}
	if first < 2 || first+1 == len(rows) || m%2 == 1 {
		for p := first; p < min(first+2, len(rows)); p++ {
			out(p, w.sum(terms(rows[p], 0, 1)...))
		}
		return
	}
	// The polynomials of a point and its negative differ in the sign of either
	// the even or the odd powers.
	even, odd := w.sum(terms(rows[first], 0, 2)...), w.sum(terms(rows[first], 1, 2)...)
	if rows[first][m] != rows[first+1][m] {
		panic("not a pair of even and odd polynomials")
	}
	out(first, w.two("VADDPS", odd, even))
	out(first+1, w.two("VSUBPS", odd, even))
	w.drop(even, odd)
}

// loads returns a function that loads address(i) once, and one that drops what
// was loaded.
func (w *winogradWriter) loads(address func(i int) string) (load func(i int) string, done func()) {
	var regs [6]string
	load = func(i int) string {
		if regs[i] == "" {
			regs[i] = w.load(address(i))
		}
		return regs[i]
	}
	return load, func() {
		for _, r := range regs {
			if r != "" {
				w.drop(r)
			}
		}
	}
}

// output transforms the points that load names, a register or memory, into m
// registers.
func (w *winogradWriter) output(m int, at func(p int) string) []string {
	loaded := func(p int) (reg string, mine bool) {
		s := at(p)
		if s[0] == w.reg[0] {
			return s, false
		}
		return w.load(s), true
	}
	// A value and the coefficients of what it adds to each output.
	type part struct {
		reg    string
		mine   bool
		powers []float64
	}
	var parts []part
	for p := 0; p < m+2; p++ {
		powers := make([]float64, m)
		point := winogradPoints[p]
		if p == 1 {
			powers[m-1] = 1
		} else {
			for k, v := 0, 1.0; k < m; k, v = k+1, v*point {
				powers[k] = round(v)
			}
		}
		if p < 2 || p+1 == m+2 {
			reg, mine := loaded(p)
			parts = append(parts, part{reg, mine, powers})
			continue
		}
		even, odd := make([]float64, m), make([]float64, m)
		for k := range powers {
			if k%2 == 0 {
				even[k] = powers[k]
			} else {
				odd[k] = powers[k]
			}
		}
		reg, mine := loaded(p)
		other := at(p + 1)
		parts = append(parts, part{w.two("VADDPS", other, reg), true, even}, part{w.two("VSUBPS", other, reg), true, odd})
		if mine {
			w.drop(reg)
		}
		p++
	}
	var y []string
	for k := range m {
		var terms []winogradTerm
		for _, p := range parts {
			terms = append(terms, winogradTerm{p.reg, p.powers[k]})
		}
		y = append(y, w.sum(terms...))
	}
	for _, p := range parts {
		if p.mine {
			w.drop(p.reg)
		}
	}
	return y
}

// arg loads a field of winogradArgs.
func (w *winogradWriter) arg(name, reg string) { w.op("MOVQ winogradArgs_%s(AX), %s", name, reg) }

// strided are the addresses base, base+step, ... of which three and more go
// through base3, which the caller sets to base + 3 steps.
func strided(base, base3, step string, i int) string {
	if i >= 3 {
		base, i = base3, i-3
	}
	if i == 0 {
		return "(" + base + ")"
	}
	return fmt.Sprintf("(%s)(%s*%d)", base, step, i)
}

// in writes the input transform of a tile of h x wd outputs: first down, then
// across. AVX-512 has the registers to keep two rows of points in between, and
// reads the tile again for the next two; AVX2 goes through memory. Registers:
//
//	AX args, SI source, DI V, CX vectors left
//	R8 row step, R9 pixel step, R10 point step, R11 three rows, R12 three points
//	BX DX source of a column, R13 DX V of a row of points
func (w *winogradWriter) in(name string, h, wd int) {
	w.start()
	w.function(name, "winogradArgs")
	w.op("MOVQ args+0(FP), AX")
	for _, a := range [][2]string{{"src", "SI"}, {"dst", "DI"}, {"row", "R8"}, {"pixel", "R9"}, {"point", "R10"}, {"vectors", "CX"}} {
		w.arg(a[0], a[1])
	}
	w.op("LEAQ (R8)(R8*2), R11")
	w.op("LEAQ (R10)(R10*2), R12")
	w.label("vector")
	w.op("MOVQ DI, R13")
	if w.broadcast {
		for first := 0; first < h+2; first += 2 {
			var rows [2][]string
			w.down(h, wd, []int{first}, func(p, x int, reg string) { rows[p-first] = append(rows[p-first], reg) })
			for i, row := range rows {
				if len(row) > 0 {
					w.across(wd, func(x int) string { return row[x] }, first+i == h+1)
					w.drop(row...)
				}
			}
		}
	} else {
		scratch := func(p, x int) string { return fmt.Sprintf("(winogradArgs_scratch+%d)(AX)", (p*6+x)*w.bytes) }
		w.down(h, wd, []int{0, 2, 4}[:(h+3)/2], func(p, x int, reg string) {
			w.op("VMOVUPS %s, %s", reg, scratch(p, x))
			w.drop(reg)
		})
		for p := range h + 2 {
			load, done := w.loads(func(x int) string { return scratch(p, x) })
			w.across(wd, load, p == h+1)
			done()
		}
	}
	w.op("ADDQ $%d, SI", w.bytes)
	w.op("ADDQ $%d, DI", w.bytes)
	w.op("DECQ CX")
	w.op("JNZ vector")
	w.op("VZEROUPPER")
	w.op("RET")
}

// down transforms the columns of the source at the points from each of firsts
// on, two at most.
func (w *winogradWriter) down(h, wd int, firsts []int, out func(p, x int, reg string)) {
	w.op("MOVQ SI, BX")
	for x := range wd + 2 {
		w.op("LEAQ (BX)(R11*1), DX")
		load, done := w.loads(func(i int) string { return strided("BX", "DX", "R8", i) })
		for _, first := range firsts {
			w.input(h, first, load, func(p int, reg string) { out(p, x, reg) })
		}
		done()
		if x < wd+1 {
			w.op("ADDQ R9, BX")
		}
	}
}

// across transforms a row of points, stores it at R13 and goes on to the next
// row, if it is not the last.
func (w *winogradWriter) across(wd int, load func(x int) string, last bool) {
	w.op("LEAQ (R13)(R12*1), DX")
	for first := 0; first < wd+2; first += 2 {
		w.input(wd, first, load, func(q int, reg string) {
			w.op("VMOVUPS %s, %s", reg, strided("R13", "DX", "R10", q))
			w.drop(reg)
		})
	}
	if !last {
		w.op("LEAQ (DX)(R12*1), R13")
	}
}

// out writes the output transform of a tile of h x wd outputs with its
// epilogue; with pool, of the maxima of 2x2 outputs. Registers:
//
//	AX args, SI M, DI dst, DX bias, R15 residual, CX vectors left
//	R8 row step, R9 pixel step, R10 point step, R11 six points, R12 three pixels
//	BX R13 M of a column, then dst and residual of a row
func (w *winogradWriter) out(name string, h, wd int, pool bool) {
	w.start()
	w.function(name, "winogradArgs")
	w.op("MOVQ args+0(FP), AX")
	for _, a := range [][2]string{
		{"src", "SI"}, {"dst", "DI"}, {"bias", "DX"}, {"residual", "R15"},
		{"row", "R8"}, {"pixel", "R9"}, {"point", "R10"}, {"vectors", "CX"},
	} {
		w.arg(a[0], a[1])
	}
	w.op("LEAQ (R10)(R10*2), R11")
	w.op("ADDQ R11, R11")
	w.op("LEAQ (R9)(R9*2), R12")
	w.label("vector")
	w.op("MOVQ SI, BX")
	column := make([][]string, h) // by output row, then point of the columns
	for q := range wd + 2 {
		if h > 1 {
			w.op("LEAQ (R11)(R11*2), R13")
			w.op("ADDQ BX, R13")
		}
		for i, reg := range w.output(h, func(p int) string { return strided("BX", "R13", "R11", p) }) {
			if !w.broadcast { // not enough registers
				at := fmt.Sprintf("(winogradArgs_scratch+%d)(AX)", (i*6+q)*w.bytes)
				w.op("VMOVUPS %s, %s", reg, at)
				w.drop(reg)
				reg = at
			}
			column[i] = append(column[i], reg)
		}
		if q < wd+1 {
			w.op("ADDQ R10, BX")
		}
	}
	w.op("MOVQ DI, BX")
	w.op("MOVQ R15, R13")
	var maxima []string
	for i := range h {
		y := w.output(wd, func(p int) string { return column[i][p] })
		if w.broadcast {
			w.drop(column[i]...)
		}
		bias := w.load("(DX)")
		for _, r := range y {
			w.op("VADDPS %s, %s, %s", bias, r, r)
		}
		w.drop(bias)
		if !pool {
			w.op("TESTQ R13, R13")
			w.op("JZ added%d", i)
			w.arg("residualPixel", "R14")
			for k, r := range y {
				w.op("VADDPS (R13), %s, %s", r, r)
				if k < wd-1 {
					w.op("ADDQ R14, R13")
				}
			}
			if i < h-1 {
				w.op("ADDQ winogradArgs_residualNext(AX), R13")
			}
			w.label("added%d", i)
		}
		// Of two operands of which one is NaN, max and min give the first written.
		lo, hi := w.take(), w.take()
		w.op("VBROADCASTSS winogradArgs_lo(AX), %s", lo)
		w.op("VBROADCASTSS winogradArgs_hi(AX), %s", hi)
		for _, r := range y {
			w.op("VMAXPS %s, %s, %s", r, lo, r)
			w.op("VMINPS %s, %s, %s", r, hi, r)
		}
		w.drop(lo, hi)
		if !pool {
			for k, r := range y {
				w.op("VMOVUPS %s, %s", r, strided("BX", "BX)(R12*1", "R9", k))
			}
			w.drop(y...)
			if i < h-1 {
				w.op("ADDQ R8, BX")
			}
			continue
		}
		for k := range wd / 2 {
			if i%2 == 0 {
				r := w.take()
				w.op("VBROADCASTSS %s, %s", w.consts.at(-math.MaxFloat32), r)
				maxima = append(maxima, r)
			}
			for _, r := range y[2*k : 2*k+2] {
				w.op("VMAXPS %s, %s, %s", maxima[k], r, maxima[k])
			}
		}
		w.drop(y...)
		if i%2 == 1 {
			for k, r := range maxima {
				w.op("VMOVUPS %s, %s", r, strided("BX", "", "R9", k))
			}
			w.drop(maxima...)
			maxima = nil
			if i < h-1 {
				w.op("ADDQ R8, BX")
			}
		}
	}
	for _, r := range []string{"SI", "DI", "DX"} {
		w.op("ADDQ $%d, %s", w.bytes, r)
	}
	if !pool {
		w.op("TESTQ R15, R15")
		w.op("JZ next")
		w.op("ADDQ $%d, R15", w.bytes)
		w.label("next")
	}
	w.op("DECQ CX")
	w.op("JNZ vector")
	w.op("VZEROUPPER")
	w.op("RET")
}

// winogradKernels are the names of the transforms with the tiles they are made
// for.
var winogradKernels = []struct {
	name  string
	tiles []int // outputs of a row or column
	write func(w *winogradWriter, name string, h, wd int)
}{
	{"In", []int{1, 2, 3, 4}, (*winogradWriter).in},
	{"Out", []int{1, 2, 3, 4}, func(w *winogradWriter, name string, h, wd int) { w.out(name, h, wd, false) }},
	{"Pool", []int{2, 4}, func(w *winogradWriter, name string, h, wd int) { w.out(name, h, wd, true) }},
}

var winogradISAs = []struct {
	name string
	x86
}{{"AVX512", avx512}, {"AVX2", avx2}}

// winogradAMD64 writes the transforms.
func winogradAMD64(t *text) {
	t.begin()
	consts := &winogradConsts{index: map[float32]int{}}
	for _, isa := range winogradISAs {
		for _, k := range winogradKernels {
			for _, h := range k.tiles {
				for _, wd := range k.tiles {
					w := &winogradWriter{text: t, x86: isa.x86, consts: consts}
					k.write(w, fmt.Sprintf("winograd%s%s_%dx%d", k.name, isa.name, h, wd), h, wd)
				}
			}
		}
	}
	t.line("")
	for i, c := range consts.list {
		t.line("DATA winogradConst<>+%d(SB)/4, $%#x // %v", 4*i, math.Float32bits(c), c)
	}
	t.line("GLOBL winogradConst<>(SB), RODATA|NOPTR, $%d", 4*len(consts.list))
}

// winogradStubs declares them and writes a switch over each kind.
func winogradStubs(t *text) {
	for _, isa := range winogradISAs {
		for _, k := range winogradKernels {
			name := "winograd" + k.name + isa.name
			for _, h := range k.tiles {
				for _, wd := range k.tiles {
					t.line("\n//go:noescape\nfunc %s_%dx%d(args *winogradArgs)", name, h, wd)
				}
			}
			t.line("\n// %s runs the transform of a tile of h x w outputs.\nfunc %s(a *winogradArgs, h, w int) {\nswitch h<<3|w {", name, name)
			for _, h := range k.tiles {
				for _, wd := range k.tiles {
					t.line("case %d:\n%s_%dx%d(a)", h<<3|wd, name, h, wd)
				}
			}
			t.line("}\n}")
		}
	}
}
