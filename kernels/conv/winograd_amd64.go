//go:build !purego

package conv

import (
	"math"
	"unsafe"

	"github.com/kerasrun/kerasrun/kernels/cpu"
)

// winogradArgs are the arguments of the transforms in assembly, which knows the
// fields by name. A call transforms some vectors of channels of one tile. Steps
// are in bytes.
type winogradArgs struct {
	src, dst, bias, residual unsafe.Pointer
	row, pixel               int // of the image: src for the input, dst for the output
	point                    int // from point to point of the other one
	vectors                  int
	residualPixel            int
	residualNext             int // from the last pixel of a row to the first of the next
	lo, hi                   float32
	//lint:ignore U1000 memory of the assembly
	scratch [winogradPoints * 16]float32

	outputs [16]float32 // of a channel that no vector takes
}

// winogradNoBias is the bias of an epilogue without one.
var winogradNoBias [winogradGroup]float32

// inVectors transforms the first channels of a tile and returns how many.
func (a *winogradArgs) inVectors(v, src []float32, row, pixel, point, h, w, channels int) int {
	n := channels &^ 7
	if n == 0 || use.name != cpu.AVX512 && use.name != cpu.AVX2 {
		return 0
	}
	_ = src[(h+1)*row+(w+1)*pixel+n-1]
	_ = v[(6*(h+1)+w+1)*point+n-1]
	a.row, a.pixel, a.point = 4*row, 4*pixel, 4*point
	c := 0
	if n >= 16 && use.name == cpu.AVX512 {
		a.src, a.dst, a.vectors = unsafe.Pointer(&src[0]), unsafe.Pointer(&v[0]), n/16
		winogradInAVX512(a, h, w)
		c = n &^ 15
	}
	if c < n {
		a.src, a.dst, a.vectors = unsafe.Pointer(&src[c]), unsafe.Pointer(&v[c]), (n-c)/8
		winogradInAVX2(a, h, w)
	}
	return n
}

// outVectors brings the first channels of a tile back and returns how many.
func (a *winogradArgs) outVectors(e *Epilogue, dst, m []float32, o *winogradOutput) int {
	n := o.channels &^ 7
	if n == 0 || use.name != cpu.AVX512 && use.name != cpu.AVX2 {
		return 0
	}
	h, w := o.h, o.w
	if o.pool {
		h, w = h/2, w/2
	}
	_ = dst[o.at+(h-1)*o.row+(w-1)*o.pixel+n-1]
	_ = m[(6*(o.h+1)+o.w+1)*o.point+n-1]
	bias, residual := winogradNoBias[:n], []float32(nil)
	if e.Bias != nil {
		bias = e.Bias[o.channel:][:n]
	}
	if e.Residual != nil {
		residual = e.Residual[o.residual:]
		_ = residual[(h-1)*o.residualRow+(w-1)*e.ResidualStride+n-1]
	}
	a.row, a.pixel, a.point = 4*o.row, 4*o.pixel, 4*o.point
	a.residualPixel, a.residualNext = 4*e.ResidualStride, 4*(o.residualRow-(w-1)*e.ResidualStride)
	a.lo, a.hi = float32(math.Inf(-1)), float32(math.Inf(1))
	if e.Clamp {
		a.lo, a.hi = e.Lo, e.Hi
	}
	c := 0
	if n >= 16 && use.name == cpu.AVX512 {
		c = n &^ 15
		a.outAt(dst[o.at:], m, bias, residual, 0, c/16)
		if o.pool {
			winogradPoolAVX512(a, o.h, o.w)
		} else {
			winogradOutAVX512(a, o.h, o.w)
		}
	}
	if c < n {
		a.outAt(dst[o.at:], m, bias, residual, c, (n-c)/8)
		if o.pool {
			winogradPoolAVX2(a, o.h, o.w)
		} else {
			winogradOutAVX2(a, o.h, o.w)
		}
	}
	return n
}

// outAt sets the first channel and the number of vectors of an output transform.
func (a *winogradArgs) outAt(dst, m, bias, residual []float32, c, vectors int) {
	a.dst, a.src, a.bias, a.residual = unsafe.Pointer(&dst[c]), unsafe.Pointer(&m[c]), unsafe.Pointer(&bias[c]), nil
	if residual != nil {
		a.residual = unsafe.Pointer(&residual[c])
	}
	a.vectors = vectors
}

// vectorProducts computes the products of a group of cols channels at every
// point, if they are not too many for a call. It does what job.strip does, with
// less to set up for each of the many small products.
func (j *winogradJob) vectorProducts(packed []float32, cols int) bool {
	in, length := j.s.InC, j.s.InC*packedOut(cols)
	if use.name == cpu.Generic || in*winogradTiles*winogradGroup/16 > maxWork {
		return false
	}
	g := &j.gemm.gemm
	g.rowStep, g.cStep, g.blockK = 4*j.row, 4*winogradGroup, winogradBlockK
	for col := 0; col < cols; {
		b := use.block(cols-col, wideTerms)
		g.segments(in, 1, 0, 0, 1, 0, 0, b.packed)
		for p, at := range j.points {
			lo, n := at[0], at[1]-at[0]
			if n == 0 {
				continue
			}
			// Columns past the last have room in m.
			v, m := j.v[p*j.vStep+lo*j.row:][:(n-1)*j.row+in], j.m[p*j.mStep+lo*winogradGroup+col:][:(n-1)*winogradGroup+b.packed]
			u := packed[j.weight(p)*length+in*col:][:in*b.packed]
			g.a, g.b, g.c = unsafe.Pointer(&v[0]), unsafe.Pointer(&u[0]), unsafe.Pointer(&m[0])
			tiles := (n + b.rows - 1) / b.rows
			rows, larger := n/tiles, n%tiles
			if larger > 0 {
				g.run(&b, rows+1, larger)
			}
			if larger < tiles {
				g.a = unsafe.Pointer(&v[larger*(rows+1)*j.row])
				g.c = unsafe.Pointer(&m[larger*(rows+1)*winogradGroup])
				g.run(&b, rows, tiles-larger)
			}
		}
		col += b.cols
	}
	return true
}

// run computes tiles of the given rows from g.a on.
func (g *gemmArgs) run(b *block, rows, tiles int) {
	g.blocks, g.lines, g.tiles, g.tileA, g.tileC = 1, 1, tiles, rows*g.rowStep, rows*g.cStep
	gemmTile(b, g, rows)
}
