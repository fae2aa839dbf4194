package main

import (
	"fmt"
	"strings"
)

// depthwiseRow is a kernel for windows of one width and stride, without
// dilation: the columns of a tile are loaded once for all the outputs that they
// belong to. rows and their distances are any.
type depthwiseRow struct {
	taps, stride int // along the row
	outputs      int // of a tile
}

// depthwiseRows are the windows that most models have; the others are left to
// the general kernel. Tiles of 7 and of 8 leave little over in most widths; with
// stride 2, tiles of 8 are slower: their rows lie at the same places of the cache.
var depthwiseRows = []depthwiseRow{
	{3, 1, 7}, {3, 1, 8}, {3, 2, 7},
	{5, 1, 7}, {5, 1, 8}, {5, 2, 7},
	{7, 1, 7},
}

// depthwiseOutputs is the number of outputs of a tile of the general kernel.
const depthwiseOutputs = 7

func (d depthwiseRow) name(isa string) string {
	return fmt.Sprintf("depthwise%s_%ds%dx%d", isa, d.taps, d.stride, d.outputs)
}

// columns is the number of input columns of a tile.
func (d depthwiseRow) columns() int { return (d.outputs-1)*d.stride + d.taps }

// uses calls f for each output of a tile that column j belongs to, with its tap.
func (d depthwiseRow) uses(j int, f func(output, tap int)) {
	for tap := d.taps - 1; tap >= 0; tap-- {
		if at := j - tap; at >= 0 && at%d.stride == 0 && at/d.stride < d.outputs {
			f(at/d.stride, tap)
		}
	}
}

// depthwiseISA is an instruction set with depthwise kernels.
type depthwiseISA struct {
	name  string
	lanes int // channels of a register
}

// depthwiseStubs declares the kernels and writes a switch over them.
func depthwiseStubs(isas ...depthwiseISA) func(*text) {
	return func(t *text) {
		t.line("//go:build !purego\n\npackage conv")
		key := func(d depthwiseRow) int { return (d.taps<<4|d.stride)<<4 | d.outputs }
		t.line("\n// hasDepthwiseRow reports whether there is a kernel for windows of a width and stride.")
		t.line("func hasDepthwiseRow(taps, stride, outputs int) bool {\nswitch (taps<<4|stride)<<4|outputs {")
		var keys []string
		for _, d := range depthwiseRows {
			keys = append(keys, fmt.Sprintf("%#x", key(d)))
		}
		t.line("case %s:\nreturn true\n}\nreturn false\n}", strings.Join(keys, ", "))
		for _, isa := range isas {
			t.line("\n//go:noescape\nfunc depthwise%s(args *depthwiseArgs)", isa.name)
			for _, d := range depthwiseRows {
				t.line("\n//go:noescape\nfunc %s(args *depthwiseArgs)", d.name(isa.name))
			}
		}
		t.line("\n// depthwiseKernel runs the kernel for groups of lanes channels and windows of a")
		t.line("// width and stride; the one for any window with zeros for these.")
		t.line("func depthwiseKernel(a *depthwiseArgs, lanes, taps, stride, outputs int) {\nswitch lanes<<12|(taps<<4|stride)<<4|outputs {")
		for _, isa := range isas {
			t.line("case %#x:\ndepthwise%s(a)", isa.lanes<<12, isa.name)
			for _, d := range depthwiseRows {
				t.line("case %#x:\n%s(a)", isa.lanes<<12|key(d), d.name(isa.name))
			}
		}
		t.line("}\n}")
	}
}
