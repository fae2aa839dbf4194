package step

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/kernels/cpu"
)

// A split divides n units of work into chunks that differ by one unit at most.
type split struct{ n, chunks int }

// bounds returns the units lo to hi-1 of a chunk.
func (s split) bounds(chunk int) (lo, hi int) {
	size, more := s.n/s.chunks, s.n%s.chunks
	lo = chunk*size + min(chunk, more)
	if chunk < more {
		size++
	}
	return lo, lo + size
}

// Work below alone ns is not worth splitting; above, chunks are some 25 µs, at
// least 8 and at most 64 of them.
const (
	alone     = 50_000
	perChunk  = 25_000
	minChunks = 8
	maxChunks = 64
)

// chunksFor returns how many chunks work of ns nanoseconds wants. The estimate
// is rough on purpose: it must not depend on the machine.
func chunksFor(ns float64) int {
	if ns < alone {
		return 1
	}
	return int(min(max(ns/perChunk, minChunks), maxChunks))
}

// splitFor splits n units that take ns nanoseconds together.
func splitFor(n int, ns float64) split { return split{n, max(1, min(n, chunksFor(ns)))} }

// Rough costs in nanoseconds, of one core.
const (
	nsFLOP   = 0.1 // in a convolution or product
	nsPass   = 0.5 // an element read, combined and written
	nsSmooth = 8   // exp, tanh, ... of an element
	nsConv   = 5   // an element converted through float64
)

// base is what every step has.
type base struct {
	work split
	info Info
}

func (b *base) Chunks() int { return b.work.chunks }
func (b *base) Info() Info  { return b.info }

// base describes a step that splits into work.
func (m *maker) base(kernel string, flops float64, work split) base {
	b := base{work: work, info: Info{Kernel: kernel, FLOPs: int64(flops)}}
	for _, t := range m.In {
		b.info.Bytes += int64(elems(t.Shape)) * int64(t.DType.Size())
	}
	for _, t := range m.Out {
		b.info.Bytes += int64(elems(t.Shape)) * int64(t.DType.Size())
	}
	return b
}

// vectorised lists the kernel families that have assembly; the others are plain Go on every CPU.
var vectorised = []string{"conv", "transposed"}

// kernel names a kernel and the CPU variant that runs: "conv/avx2 3x3", "vec/generic add".
func kernel(family, name string) string {
	variant := cpu.Generic
	if slices.Contains(vectorised, family) {
		variant = cpu.Active()
	}
	return kernelOn(variant, family, name)
}

// kernelOn names a kernel of the given variant.
func kernelOn(variant cpu.Variant, family, name string) string {
	return strings.TrimSuffix(fmt.Sprintf("%s/%s %s", family, variant, name), " ")
}
