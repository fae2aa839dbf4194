package main

import "fmt"

// poolTilesNEON are the tiles of the kernels for arm64, as those of poolings.
var poolTilesNEON = map[string][][2]int{"max": {{7, 1}, {1, 4}}, "average": {{7, 1}, {1, 4}}, "top": {{1, 1}, {1, 4}}}

func poolARM64(t *text) {
	t.begin()
	for _, p := range poolings {
		for _, tile := range poolTilesNEON[p.name] {
			poolNEON(t, p.name, tile[0], tile[1])
		}
	}
}

// neon2 writes a vector instruction that Go's assembler does not know:
// d = op(n).
func neon2(t *text, op string, n, d int) {
	code := map[string]int{"FCVTL": 0x0e617800, "FCVTL2": 0x4e617800, "FCVTN": 0x0e616800, "FCVTN2": 0x4e616800}[op]
	t.op("WORD $%#x // %s V%d, V%d", code|n<<5|d, op, d, n)
}

// poolNEON writes one kernel as x86.pool does. Registers:
//
//	R0 args, R1 tile, R2 tiles left, R3 source and R4 dst of the tile, R15 outputs
//	R5 offset of the group, R20 of the last
//	R6 R7 R13 planes, rows, columns left, R8 R9 R10 their source, R11 column step
//	R12 output step, R14 R16 free
//	results first (average: two registers of doubles for a tap), then V28 tap,
//	V29 V30 free, V31 scale
func poolNEON(t *text, kind string, outputs, vectors int) {
	arg := func(name, reg string) { t.op("MOVD poolArgs_%s(R0), %s", name, reg) }
	field := func(name, reg string) { t.op("MOVD poolTile_%s(R1), %s", name, reg) }
	results := outputs * vectors
	const tap, free, scale = 28, 29, 31
	t.function(fmt.Sprintf("%sNEON_%dx%d", kind, outputs, 4*vectors), "poolArgs")
	t.op("MOVD args+0(FP), R0")
	t.op("ADD $poolArgs_tile, R0, R1")
	arg("tiles", "R2")
	arg("srcCol", "R11")
	arg("srcStep", "R12")
	arg("last", "R20")

	t.label("tile")
	arg("src", "R3")
	field("src", "R16")
	t.op("ADD R16, R3, R3")
	arg("dst", "R4")
	field("dst", "R16")
	t.op("ADD R16, R4, R4")
	field("outputs", "R15")
	t.op("MOVD $0, R5")
	if kind == "average" { // the scale is the same for all outputs of a tile
		arg("planes", "R14")
		arg("rows", "R16")
		t.op("MUL R16, R14, R14")
		field("cols", "R16")
		t.op("MUL R16, R14, R14")
		t.op("SCVTFD R14, F%d", free)
		t.op("FMOVD $1.0, F%d", scale)
		t.op("FDIVD F%d, F%d, F%d", free, scale, scale)
		t.op("VDUP V%d.D[0], V%d.D2", scale, scale)
	}

	t.label("group")
	switch kind {
	case "max":
		t.op("MOVW $0xff7fffff, R16") // -MaxFloat32
	case "top":
		t.op("MOVW $0xff800000, R16") // -Inf
	}
	if kind == "average" {
		for n := range 2 * results {
			t.op("VEOR V%d.B16, V%d.B16, V%d.B16", n, n, n)
		}
	} else {
		for n := range results {
			t.op("VDUP R16, V%d.S4", n)
		}
	}
	t.op("ADD R5, R3, R8")
	arg("planes", "R6")
	arg("rows", "R7")
	field("cols", "R13")
	for _, n := range []string{"R6", "R7", "R13"} {
		t.op("CMP $0, %s", n)
		t.op("BLE store")
	}
	t.label("plane")
	t.op("MOVD R8, R9")
	arg("rows", "R7")
	t.label("row")
	t.op("MOVD R9, R10")
	field("cols", "R13")
	t.label("col")
	t.op("MOVD R10, R16")
	for r := range outputs {
		for v := range vectors {
			n := r*vectors + v
			if vectors > 1 {
				t.op("VLD1.P 16(R16), [V%d.S4]", tap)
			} else {
				t.op("VLD1 (R16), [V%d.S4]", tap)
			}
			switch kind {
			case "max": // of the tap where it is larger than the result so far
				t.op("WORD $%#x // FCMGT V%d.4S, V%d.4S, V%d.4S", 0x6ea0e400|n<<16|tap<<5|free, free, tap, n)
				t.op("VBIT V%d.B16, V%d.B16, V%d.B16", free, tap, n)
			case "top":
				neon3(t, "FMAX", tap, n, n)
			case "average":
				neon2(t, "FCVTL", tap, free)
				neon2(t, "FCVTL2", tap, free+1)
				for half := range 2 {
					d := 2*n + half
					t.op("WORD $%#x // FADD V%d.2D, V%d.2D, V%d.2D", 0x4e60d400|(free+half)<<16|d<<5|d, d, d, free+half)
				}
			}
		}
		if r < outputs-1 {
			t.op("ADD R12, R16, R16")
			t.op("CMP $%d, R15", r+1)
			t.op("BEQ done")
		}
	}
	t.label("done")
	t.op("ADD R11, R10, R10")
	t.op("SUBS $1, R13, R13")
	t.op("BNE col")
	arg("srcRow", "R16")
	t.op("ADD R16, R9, R9")
	t.op("SUBS $1, R7, R7")
	t.op("BNE row")
	arg("srcPlane", "R16")
	t.op("ADD R16, R8, R8")
	t.op("SUBS $1, R6, R6")
	t.op("BNE plane")
	if kind == "average" {
		for d := range 2 * results {
			t.op("WORD $%#x // FMUL V%d.2D, V%d.2D, V%d.2D", 0x6e60dc00|scale<<16|d<<5|d, d, d, scale)
		}
		for n := range results { // into the registers that the other kinds have them in
			neon2(t, "FCVTN", 2*n, n)
			neon2(t, "FCVTN2", 2*n+1, n)
		}
	}

	t.label("store")
	t.op("ADD R5, R4, R16")
	arg("dstStep", "R14")
	for r := range outputs {
		for v := range vectors {
			if vectors > 1 {
				t.op("VST1.P [V%d.S4], 16(R16)", r*vectors+v)
			} else {
				t.op("VST1 [V%d.S4], (R16)", r)
			}
		}
		if r < outputs-1 {
			t.op("ADD R14, R16, R16")
			t.op("CMP $%d, R15", r+1)
			t.op("BEQ stored")
		}
	}
	t.label("stored")

	// The last group may overlap the one before.
	t.op("CMP R20, R5")
	t.op("BEQ next")
	t.op("ADD $%d, R5, R5", 16*vectors)
	t.op("CMP R20, R5")
	t.op("CSEL GT, R20, R5, R5")
	t.op("B group")
	t.label("next")
	t.op("ADD $poolTile__size, R1, R1")
	t.op("SUBS $1, R2, R2")
	t.op("BNE tile")
	t.op("RET")
}
