package main

import "fmt"

// rowsAMD64 writes what goes over a row of floats with the digits of float64:
// sums, and the normalization by them. AVX2 does it for AVX-512 too, since
// the conversions are what takes the time.
func rowsAMD64(t *text) {
	t.begin()
	sumsX86(t, "sumAVX2", "func sumAVX2(src *float32, n int, out *[4]float64)", 24, func(x, sum int) {
		t.op("VADDPD Y%d, Y%d, Y%d", x, sum, sum)
	})
	sumsX86(t, "squaresAVX2", "func squaresAVX2(src *float32, n int, out *[4]float64, mean float64)", 32, func(x, sum int) {
		t.op("VSUBPD Y15, Y%d, Y%d", x, x)
		t.op("VFMADD231PD Y%d, Y%d, Y%d", x, x, sum)
	})
	extremesX86(t)
	normalizeX86(t)
}

// sumsX86 adds up n floats, a multiple of 16, in four registers of four lanes,
// and stores the sum of the registers.
func sumsX86(t *text, name, signature string, size int, add func(x, sum int)) {
	t.line("\n// %s\nTEXT ·%s(SB), NOSPLIT, $0-%d", signature, name, size)
	t.op("MOVQ src+0(FP), SI")
	t.op("MOVQ n+8(FP), CX")
	t.op("MOVQ out+16(FP), DI")
	if size > 24 {
		t.op("VBROADCASTSD mean+24(FP), Y15")
	}
	for i := range 4 {
		t.op("VXORPD Y%d, Y%d, Y%d", i, i, i)
	}
	t.label("loop")
	for i := range 4 {
		t.op("VCVTPS2PD %d(SI), Y%d", 16*i, 4+i)
	}
	for i := range 4 {
		add(4+i, i)
	}
	t.op("ADDQ $64, SI")
	t.op("SUBQ $16, CX")
	t.op("JNZ loop")
	t.op("VADDPD Y1, Y0, Y0")
	t.op("VADDPD Y3, Y2, Y2")
	t.op("VADDPD Y2, Y0, Y0")
	t.op("VMOVUPD Y0, (DI)")
	t.op("VZEROUPPER")
	t.op("RET")
}

// extremesX86 finds the largest and the smallest of n floats, a multiple of 16,
// in each of eight lanes, and marks the lanes that met NaN.
func extremesX86(t *text) {
	t.line("\n// func extremesAVX2(src *float32, n int, out *[3][8]float32)\nTEXT ·extremesAVX2(SB), NOSPLIT, $0-24")
	t.op("MOVQ src+0(FP), SI")
	t.op("MOVQ n+8(FP), CX")
	t.op("MOVQ out+16(FP), DI")
	for i := range 2 {
		t.op("VMOVUPS %d(SI), Y%d", 32*i, i)
		t.op("VMOVAPS Y%d, Y%d", i, 2+i)
		t.op("VXORPS Y%d, Y%d, Y%d", 4+i, 4+i, 4+i)
	}
	t.label("loop")
	for i := range 2 {
		t.op("VMOVUPS %d(SI), Y%d", 32*i, 6+i)
		t.op("VMAXPS Y%d, Y%d, Y%d", 6+i, i, i)
		t.op("VMINPS Y%d, Y%d, Y%d", 6+i, 2+i, 2+i)
		t.op("VCMPPS $3, Y%d, Y%d, Y%d", 6+i, 6+i, 6+i)
		t.op("VORPS Y%d, Y%d, Y%d", 6+i, 4+i, 4+i)
	}
	t.op("ADDQ $64, SI")
	t.op("SUBQ $16, CX")
	t.op("JNZ loop")
	for i, op := range []string{"VMAXPS", "VMINPS", "VORPS"} {
		t.op("%s Y%d, Y%d, Y%d", op, 2*i+1, 2*i, 2*i)
		t.op("VMOVUPS Y%d, %d(DI)", 2*i, 32*i)
	}
	t.op("VZEROUPPER")
	t.op("RET")
}

// normalizeX86 computes (x-mean)·scale·gamma + beta of n floats, a multiple of 4,
// where gamma and beta may be absent. The order of operations is that of the plain form.
func normalizeX86(t *text) {
	t.function("normalizeAVX2", "normalizeArgs")
	t.op("MOVQ args+0(FP), AX")
	for i, f := range []string{"dst", "src", "gamma", "beta", "n"} {
		t.op("MOVQ normalizeArgs_%s(AX), %s", f, []string{"DI", "SI", "BX", "DX", "CX"}[i])
	}
	t.op("VBROADCASTSD normalizeArgs_mean(AX), Y14")
	t.op("VBROADCASTSD normalizeArgs_scale(AX), Y15")
	t.op("XORQ R9, R9")
	t.op("SHLQ $2, CX")
	t.op("TESTQ BX, BX")
	t.op("JZ plain")
	for _, gamma := range []bool{true, false} {
		if !gamma {
			t.label("plain")
		}
		t.op("TESTQ DX, DX")
		t.op("JZ centred%t", gamma)
		for _, beta := range []bool{true, false} {
			if !beta {
				t.label("centred%t", gamma)
			}
			loop := fmt.Sprintf("loop%t%t", gamma, beta)
			t.label("%s", loop)
			t.op("VCVTPS2PD (SI)(R9*1), Y0")
			t.op("VSUBPD Y14, Y0, Y0")
			t.op("VMULPD Y15, Y0, Y0")
			if gamma {
				t.op("VCVTPS2PD (BX)(R9*1), Y1")
				t.op("VMULPD Y1, Y0, Y0")
			}
			if beta {
				t.op("VCVTPS2PD (DX)(R9*1), Y2")
				t.op("VADDPD Y2, Y0, Y0")
			}
			t.op("VCVTPD2PSY Y0, X0")
			t.op("VMOVUPS X0, (DI)(R9*1)")
			t.op("ADDQ $16, R9")
			t.op("CMPQ R9, CX")
			t.op("JLT %s", loop)
			t.op("VZEROUPPER")
			t.op("RET")
		}
	}
}
