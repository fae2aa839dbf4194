package main

// neonVectors keep V31 for constants on their way.
var neonVectors = &vectors{name: "NEON", lanes: 4, registers: 31, emit: emitNEON}

// neonCodes are the instructions, with registers 0.
var neonCodes = map[string]uint32{
	"add": 0x4e20d400, "sub": 0x4ea0d400, "mul": 0x6e20dc00, "div": 0x6e20fc00, "max": 0x4e20f400, "min": 0x4ea0f400,
	"fma": 0x4e20cc00, "fnma": 0x4ea0cc00, "sqrt": 0x6ea1f800,
	"and": 0x4e201c00, "or": 0x4ea01c00, "xor": 0x6e201c00, "choose": 0x6e601c00,
	"iadd": 0x4ea08400, "isub": 0x6ea08400, "shl": 0x4f005400, "sra": 0x4f000400,
	"lt": 0x6ea0e400, "le": 0x6e20e400, "eq": 0x4e20e400,
}

// emitNEON writes node i. Most of the instructions on vectors of floats are
// unknown to Go's assembler.
func emitNEON(b *body, i int) {
	n := b.nodes[i]
	var temps []int
	reg := func(v value) int {
		r, ok := b.reg[v]
		if !ok {
			r = b.alloc()
			temps = append(temps, r)
			b.loadConstantNEON(v, r)
		}
		return r
	}
	word := func(d, x, y int) {
		b.op("WORD $%#x // %s V%d, V%d, V%d", neonCodes[n.op]|uint32(y<<16|x<<5|d), n.op, d, x, y)
	}
	result := func(keep ...value) int {
		b.release(i, keep...)
		b.reg[value(i)] = b.alloc()
		return b.reg[value(i)]
	}
	// onto returns a register that holds v and may be overwritten: its own, or
	// a copy, which is taken while the other operands are still held.
	onto := func(v value) int {
		r := reg(v)
		if b.dies(v, i) {
			b.release(i, v)
			b.reg[value(i)] = r
			return r
		}
		d := b.alloc()
		b.op("VMOV V%d.B16, V%d.B16", r, d)
		b.release(i)
		b.reg[value(i)] = d
		return d
	}
	switch n.op {
	case "fma", "fnma":
		x, y := reg(n.in[0]), reg(n.in[1])
		word(onto(n.in[2]), x, y)
	case "choose":
		yes, no := reg(n.in[1]), reg(n.in[2])
		word(onto(n.in[0]), yes, no)
	case "shl":
		x := reg(n.in[0])
		word(result(), x, 32+n.n)
	case "sra":
		x := reg(n.in[0])
		word(result(), x, 64-n.n)
	case "sqrt":
		x := reg(n.in[0])
		word(result(), x, 0)
	case "lt", "le":
		x, y := reg(n.in[0]), reg(n.in[1])
		word(result(), y, x)
	default:
		x, y := reg(n.in[0]), reg(n.in[1])
		word(result(), x, y)
	}
	b.free = append(temps, b.free...)
}

func (b *body) loadConstantNEON(v value, r int) {
	b.op("ADD $%d, R9, R10", b.table.offset(b.nodes[v].bits))
	b.op("VLD1R (R10), [V%d.S4]", r)
}

// mapNEON writes the function of a formula. Registers:
//
//	R0 args, R1 R2 R3 R4 dst and the operands, R5 rows left
//	R6 R7 full registers and elements left of a row, R8 counts, R9 constants
//
// The elements left of a row go through args.rest, as registers are loaded and
// stored whole.
func mapNEON(t *text, table *constants, name string, f *formula) {
	pointers := []string{"R2", "R3", "R4"}[:f.operands()]
	t.function(name, "mapArgs")
	t.op("MOVD args+0(FP), R0")
	t.op("MOVD mapArgs_dst(R0), R1")
	for i, p := range pointers {
		t.op("MOVD mapArgs_%s(R0), %s", operandNames[i], p)
	}
	t.op("MOVD mapArgs_rows(R0), R5")
	t.op("MOVD $mapConstants<>(SB), R9")
	pinned := f.pinnable()
	first := f.newBody(t, table, pinned, nil)
	for i, n := range f.nodes {
		switch {
		case !first.pinned[value(i)]:
		case n.op == "param":
			t.op("ADD $(mapArgs_p+%d), R0, R10", 4*n.n)
			t.op("VLD1R (R10), [V%d.S4]", first.reg[value(i)])
		default:
			first.loadConstantNEON(value(i), first.reg[value(i)])
		}
	}
	t.label("row")
	t.op("MOVD mapArgs_n(R0), R6")
	t.op("AND $3, R6, R7")
	t.op("LSR $2, R6, R6")
	t.op("CBZ R6, rest")
	t.label("loop")
	r := f.newBody(t, table, pinned, func(operand, reg int) {
		t.op("VLD1.P 16(%s), [V%d.S4]", pointers[operand], reg)
	}).write()[0]
	t.op("VST1.P [V%d.S4], 16(R1)", r)
	t.op("SUBS $1, R6, R6")
	t.op("BNE loop")
	t.label("rest")
	t.op("CBZ R7, next")
	for i, p := range pointers {
		t.op("ADD $(mapArgs_rest+%d), R0, R10", 16*i)
		t.op("MOVD R7, R8")
		t.label("in%d", i)
		t.op("MOVWU.P 4(%s), R11", p)
		t.op("MOVW.P R11, 4(R10)")
		t.op("SUBS $1, R8, R8")
		t.op("BNE in%d", i)
	}
	r = f.newBody(t, table, pinned, func(operand, reg int) {
		t.op("ADD $(mapArgs_rest+%d), R0, R10", 16*operand)
		t.op("VLD1 (R10), [V%d.S4]", reg)
	}).write()[0]
	t.op("ADD $mapArgs_rest, R0, R10")
	t.op("VST1 [V%d.S4], (R10)", r)
	t.label("out")
	t.op("MOVWU.P 4(R10), R11")
	t.op("MOVW.P R11, 4(R1)")
	t.op("SUBS $1, R7, R7")
	t.op("BNE out")
	t.label("next")
	t.op("MOVD mapArgs_n(R0), R11")
	for i, p := range append([]string{"R1"}, pointers...) { // they stand behind their rows
		if i < 3 {
			t.op("MOVD mapArgs_%sStep(R0), R10", append([]string{"dst"}, operandNames...)[i])
			t.op("ADD R10, %s, %s", p, p)
		}
		t.op("SUB R11<<2, %s, %s", p, p)
	}
	t.op("SUBS $1, R5, R5")
	t.op("BNE row")
	t.op("RET")
}
