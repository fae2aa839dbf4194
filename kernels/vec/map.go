//go:generate go run ../_asm -dir ..

package vec

import "github.com/kerasrun/kerasrun/kernels/cpu"

// use is the variant of this process; tests set it to try the others.
var use = cpu.Active()

// mapArgs are the arguments of the kernels in assembly, which know the fields
// by name: rows of n elements of dst and the operands. Steps go from row to row
// in bytes and are 0 for an operand that every row sees alike.
type mapArgs struct {
	dst, a, b             *float32
	n, rows               int
	dstStep, aStep, bStep int
	p                     [4]float32
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
	var args mapArgs
	copy(args.p[:], params)
	args.rows = 1 // steps do not matter
	for len(src) > 0 {
		args.n = min(len(src), maxCall)
		args.dst, args.a = &dst[0], &src[0]
		k.run(&args)
		dst, src = dst[args.n:], src[args.n:]
	}
	return true
}

// map2 sets dst to k of a and b and the parameters, and reports whether it could.
func map2(k mapKernel, dst, a, b []float32, params ...float32) bool {
	if use == cpu.Generic {
		return false
	}
	dst, b = dst[:len(a)], b[:len(a)]
	var args mapArgs
	copy(args.p[:], params)
	args.rows = 1 // steps do not matter
	for len(a) > 0 {
		args.n = min(len(a), maxCall)
		args.dst, args.a, args.b = &dst[0], &a[0], &b[0]
		k.run(&args)
		dst, a, b = dst[args.n:], a[args.n:], b[args.n:]
	}
	return true
}
