package main

import "fmt"

// pooling is a kind of pooling kernel: what it does with a tap, and with the
// result.
type pooling struct {
	name  string
	lanes func(x x86) int // floats of a register of sums
	// outputs and vectors are the tiles: of several outputs of a row, or of one
	// with more channels.
	tiles [][2]int
}

var poolings = []pooling{
	{"max", func(x x86) int { return x.bytes / 4 }, [][2]int{{7, 1}, {1, 4}}},
	{"average", func(x x86) int { return x.bytes / 8 }, [][2]int{{7, 1}, {1, 4}, {1, 8}}},
	{"top", func(x x86) int { return x.bytes / 4 }, [][2]int{{1, 1}, {1, 4}}},
}

func poolAMD64(t *text) {
	t.begin()
	for _, isa := range []struct {
		name string
		x    x86
	}{{"AVX512", avx512}, {"AVX2", avx2}} {
		for _, p := range poolings {
			for _, tile := range p.tiles {
				isa.x.pool(t, p, fmt.Sprintf("%s%s_%dx%d", p.name, isa.name, tile[0], tile[1]*p.lanes(isa.x)), tile[0], tile[1])
			}
		}
	}
}

// pool writes one kernel: tiles, groups of channels, then planes, rows and
// columns of the window. Registers:
//
//	AX args, CX tile, SI source and DI dst of the tile, R13 offset of the group
//	BX planes, R8 rows, DX columns left, R10 R11 R12 source of the plane, row, column
//	R9 R14 R15 one, three, five outputs further
//	results first, then one tap, then what says where taps were NaN (top)
func (x x86) pool(t *text, p pooling, name string, outputs, vectors int) {
	reg := func(n int) string { return fmt.Sprintf("%s%d", x.reg, n) }
	results := outputs * vectors
	tap, low := reg(results), reg(15)
	step := 4 * p.lanes(x) // bytes of a vector in memory
	each := func(f func(n int)) {
		for n := range results {
			f(n)
		}
	}
	t.function(name, "poolArgs")
	t.op("MOVQ args+0(FP), AX")
	t.op("LEAQ poolArgs_tile(AX), CX")
	t.op("MOVQ poolArgs_srcStep(AX), R9")
	t.op("LEAQ (R9)(R9*2), R14")
	t.op("LEAQ (R9)(R9*4), R15")

	t.label("tile")
	t.op("MOVQ poolArgs_src(AX), SI")
	t.op("ADDQ poolTile_src(CX), SI")
	t.op("MOVQ poolArgs_dst(AX), DI")
	t.op("ADDQ poolTile_dst(CX), DI")
	t.op("XORQ R13, R13")
	if p.name == "average" { // the scale is the same for all outputs of a tile
		t.op("MOVQ poolArgs_planes(AX), DX")
		t.op("IMULQ poolArgs_rows(AX), DX")
		t.op("IMULQ poolTile_cols(CX), DX")
		t.op("VCVTSI2SDQ DX, X15, X15")
		t.op("MOVQ $0x3ff0000000000000, DX") // 1.0
		t.op("VMOVQ DX, X14")
		t.op("VDIVSD X15, X14, X15")
		t.op("VBROADCASTSD X15, %s", low)
	}

	t.label("group")
	switch p.name {
	case "max":
		t.op("MOVL $0xff7fffff, DX") // -MaxFloat32
	case "top":
		t.op("MOVL $0xff800000, DX") // -Inf
	}
	if p.name == "average" {
		each(func(n int) { x.zero(t, reg(n)) })
	} else {
		t.op("VMOVD DX, X0")
		t.op("VBROADCASTSS X0, %s", reg(0))
		for n := 1; n < results; n++ {
			t.op("VMOVAPS %s, %s", reg(0), reg(n))
		}
	}
	if p.name == "top" {
		each(func(n int) { x.noNaN(t, results+2+n, 2+n) })
	}
	t.op("LEAQ (SI)(R13*1), R10")
	t.op("MOVQ poolArgs_planes(AX), BX")
	for _, n := range []string{"BX", "poolArgs_rows(AX)", "poolTile_cols(CX)"} {
		t.op("CMPQ %s, $0", n)
		t.op("JLE store")
	}
	t.label("plane")
	t.op("MOVQ R10, R11")
	t.op("MOVQ poolArgs_rows(AX), R8")
	t.label("row")
	t.op("MOVQ R11, R12")
	t.op("MOVQ poolTile_cols(CX), DX")
	t.label("col")
	at := [7]string{"", "(R9*1)", "(R9*2)", "(R14*1)", "(R9*4)", "(R15*1)", "(R14*2)"}
	for r := range outputs {
		for v := range vectors {
			n := r*vectors + v
			from := fmt.Sprintf("%d(R12)%s", v*step, at[r])
			switch p.name {
			case "average":
				t.op("VCVTPS2PD %s, %s", from, tap)
				t.op("VADDPD %s, %s, %s", tap, reg(n), reg(n))
			case "max": // gives the result so far if the tap is NaN
				t.op("VMOVUPS %s, %s", from, tap)
				t.op("VMAXPS %s, %s, %s", reg(n), tap, reg(n))
			case "top":
				t.op("VMOVUPS %s, %s", from, tap)
				t.op("VMAXPS %s, %s, %s", reg(n), tap, reg(n))
				x.noteNaN(t, tap, reg(results+1), results+2+n, 2+n)
			}
		}
		if r < outputs-1 {
			t.op("CMPQ poolTile_outputs(CX), $%d", r+1)
			t.op("JEQ done")
		}
	}
	t.label("done")
	t.op("ADDQ poolArgs_srcCol(AX), R12")
	t.op("DECQ DX")
	t.op("JNZ col")
	t.op("ADDQ poolArgs_srcRow(AX), R11")
	t.op("DECQ R8")
	t.op("JNZ row")
	t.op("ADDQ poolArgs_srcPlane(AX), R10")
	t.op("DECQ BX")
	t.op("JNZ plane")

	half := map[string]string{"Z": "Y", "Y": "X"}[x.reg] // floats of as many doubles
	switch p.name {
	case "average":
		each(func(n int) { t.op("VMULPD %s, %s, %s", low, reg(n), reg(n)) })
		narrow := map[string]string{"Z": "VCVTPD2PS", "Y": "VCVTPD2PSY"}[x.reg]
		each(func(n int) { t.op("%s %s, %s%d", narrow, reg(n), half, n) })
	case "top":
		each(func(n int) { x.setNaN(t, reg(n), results+2+n, 2+n) })
	}
	t.label("store")
	t.op("LEAQ (DI)(R13*1), R12")
	for r := range outputs {
		for v := range vectors {
			from := reg(r*vectors + v)
			if p.name == "average" {
				from = fmt.Sprintf("%s%d", half, r*vectors+v)
			}
			t.op("VMOVUPS %s, %d(R12)", from, v*step)
		}
		if r < outputs-1 {
			t.op("ADDQ poolArgs_dstStep(AX), R12")
			t.op("CMPQ poolTile_outputs(CX), $%d", r+1)
			t.op("JEQ stored")
		}
	}
	t.label("stored")

	// The last group may overlap the one before.
	t.op("MOVQ poolArgs_last(AX), R12")
	t.op("CMPQ R13, R12")
	t.op("JEQ next")
	t.op("ADDQ $%d, R13", vectors*step)
	t.op("CMPQ R13, R12")
	t.op("CMOVQGT R12, R13")
	t.op("JMP group")
	t.label("next")
	t.op("ADDQ $poolTile__size, CX")
	t.op("DECQ poolArgs_tiles(AX)")
	t.op("JNZ tile")
	t.op("VZEROUPPER")
	t.op("RET")
}

// noNaN, noteNaN and setNaN keep in register vector (AVX2) or mask (AVX-512)
// which lanes of a tap were NaN, and make the result NaN there.
func (x x86) noNaN(t *text, vector, mask int) {
	if x.broadcast {
		t.op("KXORW K%d, K%d, K%d", mask, mask, mask)
	} else {
		t.op("VXORPS Y%d, Y%d, Y%d", vector, vector, vector)
	}
}

func (x x86) noteNaN(t *text, tap, free string, vector, mask int) {
	if x.broadcast {
		t.op("VCMPPS $3, %s, %s, K1", tap, tap)
		t.op("KORW K1, K%d, K%d", mask, mask)
	} else {
		t.op("VCMPPS $3, %s, %s, %s", tap, tap, free)
		t.op("VORPS %s, Y%d, Y%d", free, vector, vector)
	}
}

func (x x86) setNaN(t *text, result string, vector, mask int) {
	if x.broadcast {
		t.op("VPTERNLOGD $0xff, %s, %s, K%d, %s", result, result, mask, result)
	} else {
		t.op("VORPS Y%d, %s, %s", vector, result, result)
	}
}
