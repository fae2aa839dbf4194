package step

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/kernels/cpu"
)

// The cost model says how long a step takes on one core, and so into how many
// chunks it is worth splitting. Its numbers are those of a core with AVX-512 and
// an L2 cache of 1 MiB, whatever machine runs the step: chunks, and with them
// results, must not depend on the machine. On a slower one the chunks are as
// many and longer.

// Nanoseconds of one core.
const (
	nsFLOP      = 1.0 / 105 // a multiplication or addition of a convolution or product
	nsDepthwise = 1.0 / 70  // one of a depthwise convolution
	nsPool      = 0.05      // an element of a pooling's windows
	nsPass      = 0.15      // an element read, combined and written
	nsSmooth    = 0.25      // exp, tanh, ... of an element
	nsGate      = 0.35      // sigmoid or tanh of a sum of a fused recurrent cell
	nsScalar    = 8.0       // an element through a scalar function of float64
	nsConv      = 5.0       // an element converted through float64
	nsStep      = 50.0      // a step apart from its work
)

// nsStream is how long reading or writing bytes takes at least, from the cache
// that holds so many from one run to the next.
func nsStream(bytes int64) float64 {
	switch {
	case bytes <= 1<<19:
		return float64(bytes) / 110 // L2
	case bytes <= 1<<24:
		return float64(bytes) / 80 // L3
	}
	return float64(bytes) / 30 // memory
}

// What the planner compares plans with.
const (
	NanosecondsFLOP = nsFLOP // of a multiplication or addition of a product
	// NanosecondsStep is what another run of a step costs apart from its work:
	// mostly tiles that are not full, and the first lines of the weights.
	NanosecondsStep = 20 * nsStep
)

// StreamNanoseconds is how long reading or writing bytes takes at least, from
// the cache that holds so many from one run to the next.
func StreamNanoseconds(bytes int64) float64 { return nsStream(bytes) }

// Work of less than alone ns is not split: waking to it, and its operands on
// their way from one core to the other, take about as long as it does. Above,
// chunks are of perChunk ns or up to twice that, until they are maxChunks.
// Powers of two share evenly between the usual numbers of cores.
const (
	alone     = 3_000
	perChunk  = 3_000
	maxChunks = 64
)

// chunksFor returns how many chunks work of ns nanoseconds wants.
func chunksFor(ns float64) int {
	if ns < alone {
		return 1
	}
	chunks := 2
	for chunks < maxChunks && float64(2*chunks)*perChunk <= ns {
		chunks *= 2
	}
	return chunks
}

// A split divides n units of work, of ns nanoseconds together, into chunks that
// differ by one unit at most.
type split struct {
	n, chunks int
	ns        float64
}

// bounds returns the units lo to hi-1 of a chunk.
func (s split) bounds(chunk int) (lo, hi int) {
	size, more := s.n/s.chunks, s.n%s.chunks
	lo = chunk*size + min(chunk, more)
	if chunk < more {
		size++
	}
	return lo, lo + size
}

// splitFor splits n units that take ns nanoseconds together.
func splitFor(n int, ns float64) split { return split{n, max(1, min(n, chunksFor(ns))), ns} }

// rectangle returns a block of rows and columns that chunks from lo on make up, of
// those before hi, and the chunk after it. Of a step with r chunks of rows and some of
// columns, chunk i is the part i%r of the rows and i/r of the columns.
func rectangle(rows, columns split, lo, hi int) (r0, r1, c0, c1, end int) {
	r, c := lo%rows.chunks, lo/rows.chunks
	n, wide := min(rows.chunks-r, hi-lo), 1
	if n == rows.chunks {
		wide = (hi - lo) / n
	}
	r0, _ = rows.bounds(r)
	_, r1 = rows.bounds(r + n - 1)
	c0, _ = columns.bounds(c)
	_, c1 = columns.bounds(c + wide - 1)
	return r0, r1, c0, c1, lo + n*wide
}

// A joiner is a step whose chunks cost less together than one by one: they read
// weights again, and end in tiles that are not full. What a result is made of
// must not depend on where chunks begin.
type joiner interface {
	// join does some of the chunks from lo on, of those before hi, and returns the next.
	join(a *Args, lo, hi int, scratch []float32) (next int)
}

// RunFrom does one or more of the chunks lo to hi-1 of s on one thread, together
// where that is faster, with the results that Run gives. It returns the first chunk
// that it did not do. An error is that of chunk lo.
func RunFrom(s Step, a *Args, lo, hi int, scratch []float32) (next int, err error) {
	if j, ok := s.(joiner); ok {
		return j.join(a, lo, hi, scratch), nil
	}
	return lo + 1, s.Run(a, lo, scratch)
}

// RunAll does all chunks of s on one thread, with the results that Run gives.
func RunAll(s Step, a *Args, scratch []float32) (err error) {
	n := s.Chunks()
	for c := 0; c < n && err == nil; {
		c, err = RunFrom(s, a, c, n, scratch)
	}
	return err
}

// PeakFLOPS measures the most float32 multiplications and additions that a core
// does in a second with the instructions that the kernels use.
func PeakFLOPS() float64 { return cpu.PeakFLOPS() }

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
	b.info.Nanoseconds = nsStep + max(work.ns, nsStream(b.info.Bytes))
	return b
}

// vectorised lists the kernel families that have assembly; the others are plain Go on every CPU.
var vectorised = []string{"conv", "winograd", "transposed", "vec"}

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
