package main

import "fmt"

// tile is one member of a family of matrix product micro-kernels.
type tile struct {
	rows, vectors int
	name          string
}

// family is all tiles of one instruction set.
type family struct {
	isa   string
	lanes int
	rows  []int // by number of vectors less one: the largest number of rows
	write func(*text, tile)
}

var (
	gemmAMD64 = []family{
		{"AVX512", 16, []int{7, 7, 7, 7}, avx512.gemm},
		{"AVX2", 8, []int{7, 6}, avx2.gemm},
	}
	gemmARM64 = []family{{"NEON", 4, []int{6, 6, 6, 6}, gemmNEON}}
)

func (f *family) tiles() []tile {
	var all []tile
	for v := range f.rows {
		for r := 1; r <= f.rows[v]; r++ {
			all = append(all, tile{r, v + 1, fmt.Sprintf("gemm%s_%dx%d", f.isa, r, (v+1)*f.lanes)})
		}
	}
	return all
}

// gemmAssembly writes the tiles of the families.
func gemmAssembly(t *text, families []family) {
	t.begin()
	for _, f := range families {
		for _, tl := range f.tiles() {
			f.write(t, tl)
		}
	}
}

// gemmStubs declares them and writes a switch over each family.
func gemmStubs(t *text, families []family) {
	t.line("//go:build !purego\n\npackage conv")
	for _, f := range families {
		for _, tl := range f.tiles() {
			t.line("\n//go:noescape\nfunc %s(args *gemmArgs)", tl.name)
		}
		t.line("\n// gemm%s runs the tile of the given rows and vectors.\nfunc gemm%s(g *gemmArgs, rows, vectors int) {\nswitch vectors<<3|rows {", f.isa, f.isa)
		for _, tl := range f.tiles() {
			t.line("case %d:\n%s(g)", tl.vectors<<3|tl.rows, tl.name)
		}
		t.line("}\n}")
	}
}
