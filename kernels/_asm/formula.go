package main

import (
	"fmt"
	"math"
)

// A formula is a function of one element of each operand, written down once
// and computed on whole registers by every instruction set. Its methods add
// an operation and return its value; nothing is computed here.
//
// All instruction sets compute the same bits, as each operation is one rounding
// of IEEE 754 and they do the same ones in the same order.
type formula struct {
	arch  *vectors
	nodes []node
	known map[string]value // operations without side effects, by what they are
}

// copies computes n registers of elements at a time: the operations take turns,
// so that one computes while the others wait. Operand k of copy c is numbered
// c*nextCopy+k.
func (f *formula) copies(n int) *formula {
	g := &formula{arch: f.arch, known: map[string]value{}}
	at := make([][]value, n)
	for _, n := range f.nodes {
		for c := range at {
			in := make([]value, len(n.in))
			for k, v := range n.in {
				in[k] = at[c][v]
			}
			m := n.n
			if n.op == "operand" {
				m += c * nextCopy
			}
			at[c] = append(at[c], g.add1(n.op, m, n.bits, in...))
		}
	}
	return g
}

const nextCopy = 16

// results are the values that nothing uses.
func (f *formula) results() []value {
	used := make([]bool, len(f.nodes))
	for _, n := range f.nodes {
		for _, v := range n.in {
			used[v] = true
		}
	}
	var list []value
	for i := range f.nodes {
		if !used[i] {
			list = append(list, value(i))
		}
	}
	return list
}

// A value is the result of an operation: its index in nodes.
type value int

// A node is an operation on earlier values. n is a shift, or the number of an
// operand or parameter; bits are those of a constant.
type node struct {
	op   string
	in   []value
	n    int
	bits uint32
}

func (f *formula) add1(op string, n int, bits uint32, in ...value) value {
	key := fmt.Sprint(op, n, bits, in)
	if v, ok := f.known[key]; ok {
		return v
	}
	v := value(len(f.nodes))
	f.nodes = append(f.nodes, node{op, in, n, bits})
	f.known[key] = v
	return v
}

// operand is element i of operand n; param is a number that is the same for a call.
func (f *formula) operand(n int) value { return f.add1("operand", n, 0) }
func (f *formula) param(n int) value   { return f.add1("param", n, 0) }

// num is a constant, bits one given by its representation.
func (f *formula) num(x float64) value   { return f.bits(math.Float32bits(float32(x))) }
func (f *formula) bits(b uint32) value   { return f.add1("const", 0, b) }
func (f *formula) sign() value           { return f.bits(1 << 31) }
func (f *formula) add(a, b value) value  { return f.add1("add", 0, 0, a, b) }
func (f *formula) sub(a, b value) value  { return f.add1("sub", 0, 0, a, b) }
func (f *formula) mul(a, b value) value  { return f.add1("mul", 0, 0, a, b) }
func (f *formula) div(a, b value) value  { return f.add1("div", 0, 0, a, b) }
func (f *formula) sqrt(a value) value    { return f.add1("sqrt", 0, 0, a) }
func (f *formula) and(a, b value) value  { return f.add1("and", 0, 0, a, b) }
func (f *formula) or(a, b value) value   { return f.add1("or", 0, 0, a, b) }
func (f *formula) xor(a, b value) value  { return f.add1("xor", 0, 0, a, b) }
func (f *formula) iadd(a, b value) value { return f.add1("iadd", 0, 0, a, b) }
func (f *formula) isub(a, b value) value { return f.add1("isub", 0, 0, a, b) }

// fma is a·b + c and fnma c - a·b, rounded once.
func (f *formula) fma(a, b, c value) value  { return f.add1("fma", 0, 0, a, b, c) }
func (f *formula) fnma(a, b, c value) value { return f.add1("fnma", 0, 0, a, b, c) }

// max and min return x when it is NaN; the limit must not be.
func (f *formula) max(limit, x value) value { return f.add1("max", 0, 0, limit, x) }
func (f *formula) min(limit, x value) value { return f.add1("min", 0, 0, limit, x) }

// shl and sra shift the bits, the second with copies of the sign.
func (f *formula) shl(a value, n int) value { return f.add1("shl", n, 0, a) }
func (f *formula) sra(a value, n int) value { return f.add1("sra", n, 0, a) }

// lt, le and eq are conditions for choose: false when an operand is NaN.
func (f *formula) lt(a, b value) value { return f.add1("lt", 0, 0, a, b) }
func (f *formula) le(a, b value) value { return f.add1("le", 0, 0, a, b) }
func (f *formula) eq(a, b value) value { return f.add1("eq", 0, 0, a, b) }

// choose is yes where the condition holds, else no.
func (f *formula) choose(cond, yes, no value) value { return f.add1("choose", 0, 0, cond, yes, no) }

func (f *formula) isCondition(v value) bool {
	switch f.nodes[v].op {
	case "lt", "le", "eq":
		return true
	}
	return false
}

// horner is c[0] + c[1]·x + c[2]·x² + ...
func (f *formula) horner(x value, c ...float64) value {
	p := f.num(c[len(c)-1])
	for i := len(c) - 2; i >= 0; i-- {
		p = f.fma(p, x, f.num(c[i]))
	}
	return p
}

// vectors is an instruction set as formulas see it.
type vectors struct {
	name      string // as in function names
	lanes     int
	registers int  // for formulas
	masks     int  // registers of conditions, 0 when they are in the others
	scales    bool // has an instruction for x·2^n
	emit      func(b *body, i int)
}

// A body is a formula being written as instructions. Values get registers in
// order and give them up after their last use.
type body struct {
	*text
	*formula
	last   []int         // the node that uses a value last
	reg    map[value]int // registers, of conditions or of numbers
	pinned map[value]bool
	free   []int // registers of numbers
	masks  []int // registers of conditions, where they are apart
	table  *constants
	load   func(operand, reg int)
}

// constants are the numbers that the functions of a file use, each repeated
// over 32 bytes.
type constants struct {
	list []uint32
	at   map[uint32]int
}

func (c *constants) offset(bits uint32) int {
	if i, ok := c.at[bits]; ok {
		return 32 * i
	}
	if c.at == nil {
		c.at = map[uint32]int{}
	}
	c.at[bits] = len(c.list)
	c.list = append(c.list, bits)
	return 32 * c.at[bits]
}

// write declares the table.
func (c *constants) write(t *text) {
	t.line("")
	for i, bits := range c.list {
		for j := range 4 {
			t.line("DATA mapConstants<>+%d(SB)/8, $%#08x%08x", 32*i+8*j, bits, bits)
		}
	}
	t.line("GLOBL mapConstants<>(SB), RODATA|NOPTR, $%d", 32*len(c.list))
}

func (b *body) alloc() int {
	if len(b.free) == 0 {
		panic(outOfRegisters{})
	}
	r := b.free[0]
	b.free = b.free[1:]
	return r
}

type outOfRegisters struct{}

// dies tells whether node i is the last to use v, whose register is then free to take.
func (b *body) dies(v value, i int) bool {
	_, held := b.reg[v]
	return held && !b.pinned[v] && b.last[v] == i
}

// release frees the registers of the operands that node i is the last to use, but for keep.
func (b *body) release(i int, keep ...value) {
	done := map[value]bool{}
	for _, v := range keep {
		done[v] = true
	}
	for _, v := range b.nodes[i].in {
		if !b.dies(v, i) || done[v] {
			continue
		}
		done[v] = true
		if b.isCondition(v) && b.masks != nil {
			b.masks = append(b.masks, b.reg[v])
		} else {
			b.free = append([]int{b.reg[v]}, b.free...)
		}
	}
}

// write writes the formula and returns the registers of its results.
func (b *body) write() []int {
	for i, n := range b.nodes {
		switch n.op {
		case "const", "param":
		case "operand":
			b.reg[value(i)] = b.alloc()
			b.load(n.n, b.reg[value(i)])
		default:
			b.arch.emit(b, i)
		}
	}
	var regs []int
	for _, v := range b.results() {
		regs = append(regs, b.reg[v])
	}
	return regs
}

// lastUses returns for every value the node that uses it last, for a result none.
func (f *formula) lastUses() []int {
	last := make([]int, len(f.nodes))
	for i, n := range f.nodes {
		for _, v := range n.in {
			last[v] = i
		}
	}
	for _, v := range f.results() {
		last[v] = len(last)
	}
	return last
}

// newBody pins the parameters and the given number of constants to registers.
func (f *formula) newBody(t *text, table *constants, pinned int, load func(operand, reg int)) *body {
	b := &body{text: t, formula: f, last: f.lastUses(), reg: map[value]int{}, pinned: map[value]bool{}, table: table, load: load}
	for r := range f.arch.registers {
		b.free = append(b.free, r)
	}
	if f.arch.masks > 0 {
		for k := range f.arch.masks {
			b.masks = append(b.masks, 2+k)
		}
	}
	pin := func(v value) { b.reg[v], b.pinned[v] = b.alloc(), true }
	for i, n := range f.nodes {
		if n.op == "param" {
			pin(value(i))
		}
	}
	for _, anywhere := range []bool{false, true} { // those that must be in a register to be used come first
		for i, n := range f.nodes {
			if n.op == "const" && f.memoryOperand(value(i)) == anywhere && pinned > 0 {
				pin(value(i))
				pinned--
			}
		}
	}
	return b
}

// memoryOperand tells whether every use of a constant may read it from memory on amd64.
func (f *formula) memoryOperand(c value) bool {
	for _, n := range f.nodes {
		for k, v := range n.in {
			if v == c && k != len(n.in)-1 && !commutes(n.op) || v == c && (n.op == "choose" || n.op == "max" || n.op == "min") {
				return false
			}
		}
	}
	return true
}

func commutes(op string) bool {
	switch op {
	case "add", "mul", "and", "or", "xor", "iadd":
		return true
	}
	return false
}

// pinnable is how many of the formula's constants can stay in registers beside
// its values, -1 when not even these have room.
func (f *formula) pinnable() int {
	fits := func(n int) (ok bool) {
		defer func() {
			if r := recover(); r != nil {
				if _, full := r.(outOfRegisters); !full {
					panic(r)
				}
			}
		}()
		f.newBody(new(text), new(constants), n, func(int, int) {}).write()
		return true
	}
	for n := f.count("const"); n >= 0; n-- {
		if fits(n) {
			return n
		}
	}
	return -1
}

// groups are the numbers of registers of elements that are computed at a time, the
// most first: two if there is room for them, and four where a division would keep
// two waiting, if that does not drive more than a few constants out.
func (f *formula) groups() []int {
	var list []int
	if f.count("div") > 0 && f.copies(4).pinnable() >= f.count("const")-2 {
		list = append(list, 4)
	}
	if f.copies(2).pinnable() >= 0 {
		list = append(list, 2)
	}
	return list
}

func (f *formula) count(op string) int {
	n := 0
	for _, d := range f.nodes {
		if d.op == op {
			n++
		}
	}
	return n
}
