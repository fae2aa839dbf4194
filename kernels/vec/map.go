//go:generate go run ../_asm -dir ..

package vec

import "github.com/kerasrun/kerasrun/kernels/cpu"

// use is the variant of this process; tests set it to try the others.
var use = cpu.Active()

// mapArgs are the arguments of the kernels in assembly, which know the fields
// by name: rows of n elements of dst and the operands. Steps go from row to row
// in bytes and are 0 for an operand that every row sees alike.
type mapArgs struct {
	dst, a, b, c          *float32 // c is the same for all rows
	n, rows               int
	dstStep, aStep, bStep int
	p                     [2]float32
	//lint:ignore U1000 scratch of the assembly
	rest [3][4]float32
}

// maxCall is the most elements of a call, as assembly cannot be preempted.
const maxCall = 1 << 16

// map1 sets dst to k of src and the parameters, and reports whether it could.
func map1(k mapKernel, dst, src []float32, params ...float32) bool {
	if use == cpu.Generic {
		return false
	}
	dst = dst[:len(src)]
	args := mapArgs{rows: 1}
	copy(args.p[:], params)
	for len(src) > 0 {
		args.n = min(len(src), maxCall)
		args.dst, args.a = &dst[0], &src[0]
		k.run(&args)
		dst, src = dst[args.n:], src[args.n:]
	}
	return true
}

// map2 sets dst to k of a and b, and reports whether it could.
func map2(k mapKernel, dst, a, b []float32) bool {
	if use == cpu.Generic {
		return false
	}
	dst, b = dst[:len(a)], b[:len(a)]
	args := mapArgs{rows: 1}
	for len(a) > 0 {
		args.n = min(len(a), maxCall)
		args.dst, args.a, args.b = &dst[0], &a[0], &b[0]
		k.run(&args)
		dst, a, b = dst[args.n:], a[args.n:], b[args.n:]
	}
	return true
}

// A rowsOf is what every row of a matrix is combined with.
type rowsOf struct {
	row, second []float32 // second is nil unless the kernel has three operands
	params      [2]float32
	rowFirst    bool // the row is the kernel's first operand
}

// patternLen is the length of the pattern that short rows are repeated to, so
// that few registers are left half full.
const patternLen = 256

// mapRows sets every row of dst to k of that row of a and r, and reports whether
// it could. An unfinished row at the end is left alone.
func mapRows(k mapKernel, dst, a []float32, r rowsOf) bool {
	n := len(r.row)
	if use == cpu.Generic || n > maxCall {
		return false
	}
	if n == 0 || len(a) < n {
		return true
	}
	a = a[:len(a)/n*n]
	dst = dst[:len(a)]
	if n%16 == 0 || n > patternLen/2 || len(a) < 8*n {
		k.rows(dst, a, &r)
		return true
	}
	var pattern [2][patternLen]float32
	m := patternLen / n * n
	repeat(pattern[0][:m], r.row)
	r.row = pattern[0][:m]
	if r.second != nil {
		repeat(pattern[1][:m], r.second)
		r.second = pattern[1][:m]
	}
	whole := len(a) / m * m
	if whole > 0 {
		k.rows(dst[:whole], a[:whole], &r)
	}
	if rest := len(a) - whole; rest > 0 { // whole rows of the matrix, but less than a pattern
		r.row = r.row[:rest]
		if r.second != nil {
			r.second = r.second[:rest]
		}
		k.rows(dst[whole:], a[whole:], &r)
	}
	return true
}

// inPlace computes k of the first n of every stride elements of d, with the plain
// form where it must.
func inPlace(k mapKernel, d []float32, n, stride int, plain func(float32) float32) {
	if n <= 0 || len(d) < n {
		return
	}
	rows := (len(d)-n)/stride + 1
	if use == cpu.Generic || n > maxCall {
		for r := range rows {
			row := d[r*stride:][:n]
			smooth(k, row, row, plain)
		}
		return
	}
	args := mapArgs{n: n, dstStep: 4 * stride, aStep: 4 * stride}
	for r := 0; r < rows; r += args.rows {
		args.rows = min(rows-r, maxCall/n)
		args.dst = &d[r*stride]
		args.a = args.dst
		k.run(&args)
	}
}

// repeat fills dst with copies of row.
func repeat(dst, row []float32) {
	for n := 0; n < len(dst); {
		n += copy(dst[n:], row)
	}
}

// rows runs k over one row of a or more.
func (k mapKernel) rows(dst, a []float32, r *rowsOf) {
	n := len(r.row)
	args := mapArgs{n: n, dstStep: 4 * n, p: r.params}
	if r.second != nil {
		args.c = &r.second[:n][0]
	}
	for len(a) > 0 {
		args.rows = min(len(a)/n, max(1, maxCall/n))
		args.dst = &dst[0]
		if r.rowFirst {
			args.a, args.b, args.bStep = &r.row[0], &a[0], 4*n
		} else {
			args.a, args.b, args.aStep = &a[0], &r.row[0], 4*n
		}
		k.run(&args)
		dst, a = dst[args.rows*n:], a[args.rows*n:]
	}
}
