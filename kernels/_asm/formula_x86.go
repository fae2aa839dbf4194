package main

import "fmt"

var (
	avx2Vectors   = &vectors{name: "AVX2", lanes: 8, registers: 15, emit: emitX86}
	avx512Vectors = &vectors{name: "AVX512", lanes: 16, registers: 32, masks: 6, scales: true, emit: emitX86}
)

// wide tells AVX-512 from AVX2 by its registers of conditions.
func (a *vectors) wide() bool { return a.masks > 0 }

// register names a vector register of amd64.
func (a *vectors) register(r int) string {
	if a.wide() {
		return fmt.Sprintf("Z%d", r)
	}
	return fmt.Sprintf("Y%d", r)
}

// x86Names are the instructions for AVX2 and AVX-512F, the latter of which
// has the bitwise ones for integers only.
var x86Names = map[string][2]string{
	"add": {"VADDPS", "VADDPS"}, "sub": {"VSUBPS", "VSUBPS"}, "mul": {"VMULPS", "VMULPS"}, "div": {"VDIVPS", "VDIVPS"},
	"max": {"VMAXPS", "VMAXPS"}, "min": {"VMINPS", "VMINPS"}, "sqrt": {"VSQRTPS", "VSQRTPS"}, "scale": {"", "VSCALEFPS"},
	"and": {"VANDPS", "VPANDD"}, "or": {"VORPS", "VPORD"}, "xor": {"VXORPS", "VPXORD"},
	"iadd": {"VPADDD", "VPADDD"}, "isub": {"VPSUBD", "VPSUBD"}, "shl": {"VPSLLD", "VPSLLD"}, "sra": {"VPSRAD", "VPSRAD"},
}

// x86Conditions are the predicates of VCMPPS.
var x86Conditions = map[string]int{"lt": 17, "le": 18, "eq": 0}

// emitX86 writes node i for AVX2 or AVX-512.
func emitX86(b *body, i int) {
	n, a := b.nodes[i], b.arch
	var temps []int
	reg := func(v value) string { // in a register
		r, ok := b.reg[v]
		if !ok {
			r = b.alloc()
			temps = append(temps, r)
			b.loadConstantX86(v, r)
		}
		return a.register(r)
	}
	any := func(v value) (operand, suffix string) { // in a register or in memory
		if _, ok := b.reg[v]; ok {
			return reg(v), ""
		}
		at := fmt.Sprintf("mapConstants<>+%d(SB)", b.table.offset(b.nodes[v].bits))
		if a.wide() {
			return at, ".BCST"
		}
		return at, ""
	}
	result := func(keep ...value) string {
		b.release(i, keep...)
		b.reg[value(i)] = b.alloc()
		return a.register(b.reg[value(i)])
	}
	name := x86Names[n.op][0]
	if a.wide() {
		name = x86Names[n.op][1]
	}
	switch n.op {
	case "sqrt":
		x := reg(n.in[0])
		b.op("%s %s, %s", name, x, result())
	case "shl", "sra":
		x := reg(n.in[0])
		b.op("%s $%d, %s, %s", name, n.n, x, result())
	case "lt", "le", "eq":
		y, suffix := any(n.in[1])
		x := reg(n.in[0])
		if !a.wide() {
			b.op("VCMPPS $%d, %s, %s, %s", x86Conditions[n.op], y, x, result())
			break
		}
		b.release(i)
		if len(b.masks) == 0 {
			panic(outOfRegisters{})
		}
		k := b.masks[0]
		b.masks = b.masks[1:]
		b.reg[value(i)] = k
		b.op("VCMPPS%s $%d, %s, %s, K%d", suffix, x86Conditions[n.op], y, x, k)
	case "choose":
		yes, no := reg(n.in[1]), reg(n.in[2])
		mask := b.reg[n.in[0]]
		if a.wide() {
			b.op("VBLENDMPS %s, %s, K%d, %s", yes, no, mask, result())
		} else {
			b.op("VBLENDVPS Y%d, %s, %s, %s", mask, yes, no, result())
		}
	case "fma", "fnma":
		b.fmaX86(i, reg, any)
	default: // of two operands, the second may be in memory
		x, y := n.in[0], n.in[1]
		if _, ok := b.reg[x]; !ok && commutes(n.op) {
			x, y = y, x
		}
		p, suffix := any(y)
		q := reg(x)
		b.op("%s%s %s, %s, %s", name, suffix, p, q, result())
	}
	b.free = append(temps, b.free...)
}

// fmaX86 overwrites an operand that is not needed any more, the sum first.
func (b *body) fmaX86(i int, reg func(value) string, any func(value) (string, string)) {
	n := b.nodes[i]
	name := map[string]string{"fma": "VFMADD", "fnma": "VFNMADD"}[n.op]
	x, y, sum := n.in[0], n.in[1], n.in[2]
	if _, ok := b.reg[x]; !ok {
		x, y = y, x
	}
	if b.dies(sum, i) && sum != x && sum != y {
		factor, suffix := any(y)
		b.op("%s231PS%s %s, %s, %s", name, suffix, factor, reg(x), reg(sum))
		b.release(i, sum)
		b.reg[value(i)] = b.reg[sum]
		return
	}
	if !b.dies(x, i) && b.dies(y, i) {
		x, y = y, x
	}
	addend, suffix := any(sum)
	if b.dies(x, i) && x != sum {
		b.op("%s213PS%s %s, %s, %s", name, suffix, addend, reg(y), reg(x))
		b.release(i, x)
		b.reg[value(i)] = b.reg[x]
		return
	}
	factor := reg(y)
	r := b.alloc()
	b.op("VMOVAPS %s, %s", reg(x), b.arch.register(r))
	b.op("%s213PS%s %s, %s, %s", name, suffix, addend, factor, b.arch.register(r))
	b.release(i)
	b.reg[value(i)] = r
}

func (b *body) loadConstantX86(v value, r int) {
	b.op("VBROADCASTSS mapConstants<>+%d(SB), %s", b.table.offset(b.nodes[v].bits), b.arch.register(r))
}

// mapX86 writes the function of a formula. Registers:
//
//	AX args, DI SI BX DX dst and the operands, R8 rows left
//	R9 bytes done of a row, R10 bytes in full registers, R11 elements left, K1 or Y15 their mask
//
// The elements left are computed by the same instructions as all others.
func mapX86(t *text, table *constants, name string, f *formula) {
	a := f.arch
	pointers := []string{"SI", "BX", "DX"}[:f.operands()]
	t.function(name, "mapArgs")
	t.op("MOVQ args+0(FP), AX")
	t.op("MOVQ mapArgs_dst(AX), DI")
	for i, p := range pointers {
		t.op("MOVQ mapArgs_%s(AX), %s", operandNames[i], p)
	}
	t.op("MOVQ mapArgs_n(AX), R11")
	t.op("MOVQ mapArgs_rows(AX), R8")
	t.op("MOVQ R11, R10")
	t.op("ANDQ $%d, R11", a.lanes-1)
	t.op("SUBQ R11, R10")
	t.op("SHLQ $2, R10")
	if a.wide() {
		t.op("MOVQ R11, CX")
		t.op("MOVL $1, R9")
		t.op("SHLL CX, R9")
		t.op("DECL R9")
		t.op("KMOVW R9, K1")
	} else {
		t.op("LEAQ mapMask<>+32(SB), CX")
		t.op("MOVQ R11, R9")
		t.op("SHLQ $2, R9")
		t.op("SUBQ R9, CX")
		t.op("VMOVUPS (CX), Y15")
	}
	pinned := f.pinnable()
	var groups []*formula // of several registers at a time, the most first
	for _, n := range f.groups() {
		g := f.copies(n)
		groups, pinned = append(groups, g), min(pinned, g.pinnable())
	}
	first := f.newBody(t, table, pinned, nil)
	for i, n := range f.nodes {
		switch {
		case !first.pinned[value(i)]:
		case n.op == "param":
			t.op("VBROADCASTSS (mapArgs_p+%d)(AX), %s", 4*n.n, a.register(first.reg[value(i)]))
		default:
			first.loadConstantX86(value(i), first.reg[value(i)])
		}
	}
	t.label("row")
	t.op("XORQ R9, R9")
	full := func(f *formula) {
		for i, r := range f.newBody(t, table, pinned, func(operand, reg int) {
			t.op("VMOVUPS %d(%s)(R9*1), %s", operand/nextCopy*4*a.lanes, pointers[operand%nextCopy], a.register(reg))
		}).write() {
			t.op("VMOVUPS %s, %d(DI)(R9*1)", a.register(r), i*4*a.lanes)
		}
	}
	for i, g := range groups {
		more := 4 * a.lanes * (g.count("operand")/f.operands() - 1) // bytes but for the first register
		t.op("SUBQ $%d, R10", more)
		t.op("CMPQ R9, R10")
		t.op("JGE grouped%d", i)
		t.label("group%d", i)
		full(g)
		t.op("ADDQ $%d, R9", more+4*a.lanes)
		t.op("CMPQ R9, R10")
		t.op("JLT group%d", i)
		t.label("grouped%d", i)
		t.op("ADDQ $%d, R10", more)
	}
	t.label("single")
	t.op("CMPQ R9, R10")
	t.op("JGE rest")
	full(f)
	t.op("ADDQ $%d, R9", 4*a.lanes)
	if len(groups) == 0 { // else the last are pairs, which leave one at most
		t.op("JMP single")
	}
	t.label("rest")
	t.op("TESTQ R11, R11")
	t.op("JZ next")
	r := f.newBody(t, table, pinned, func(operand, reg int) {
		if a.wide() {
			t.op("VMOVUPS.Z (%s)(R9*1), K1, Z%d", pointers[operand], reg)
		} else {
			t.op("VMASKMOVPS (%s)(R9*1), Y15, Y%d", pointers[operand], reg)
		}
	}).write()[0]
	if a.wide() {
		t.op("VMOVUPS Z%d, K1, (DI)(R9*1)", r)
	} else {
		t.op("VMASKMOVPS Y%d, Y15, (DI)(R9*1)", r)
	}
	t.label("next")
	t.op("ADDQ mapArgs_dstStep(AX), DI")
	for i, p := range pointers[:min(2, len(pointers))] { // the third is the same for all rows
		t.op("ADDQ mapArgs_%sStep(AX), %s", operandNames[i], p)
	}
	t.op("DECQ R8")
	t.op("JNZ row")
	t.op("VZEROUPPER")
	t.op("RET")
}

// operandNames are the fields of mapArgs.
var operandNames = []string{"a", "b", "c"}

func (f *formula) operands() int { return f.count("operand") }

// maskTable declares eight lanes that are on and eight that are off.
func maskTable(t *text) {
	t.line("")
	for i := range 8 {
		t.line("DATA mapMask<>+%d(SB)/8, $%d", 8*i, i/4-1)
	}
	t.line("GLOBL mapMask<>(SB), RODATA|NOPTR, $64")
}
