package main

// depthwiseAMD64 writes one output pixel: for blocks of 32 and then 8 channels, the
// bias, all taps, the clamp and the store. Fields are those of depthwiseArgs.
//
// VMAXPS and VMINPS return their second source when either is NaN: with the sum
// there, NaN passes through the clamp.
func depthwiseAMD64(t *text) {
	t.begin()
	t.function("depthwiseAVX2", "depthwiseArgs")
	t.op("MOVQ args+0(FP), AX")
	for i, r := range []string{"DI", "SI", "BX", "DX", "CX"} { // dst, src, weights, bias, n
		t.op("MOVQ %d(AX), %s", 8*i, r)
	}
	t.op("VBROADCASTSS 88(AX), Y14")
	t.op("VBROADCASTSS 92(AX), Y15")
	for _, vectors := range []int{4, 1} {
		t.label("block%d", vectors)
		t.op("CMPQ CX, $%d", 8*vectors)
		t.op("JLT end%d", vectors)
		t.op("TESTQ DX, DX")
		t.op("JZ zero%d", vectors)
		for i := range vectors {
			t.op("VMOVUPS %d(DX), Y%d", 32*i, i)
		}
		t.op("ADDQ $%d, DX", 32*vectors)
		t.op("JMP taps%d", vectors)
		t.label("zero%d", vectors)
		for i := range vectors {
			t.op("VXORPS Y%d, Y%d, Y%d", i, i, i)
		}
		t.label("taps%d", vectors)
		t.op("MOVQ 40(AX), R8") // rows
		t.op("MOVQ SI, R10")
		t.op("MOVQ BX, R11")
		t.op("CMPQ 48(AX), $0")
		t.op("JEQ store%d", vectors)
		t.label("row%d", vectors)
		t.op("TESTQ R8, R8")
		t.op("JZ store%d", vectors)
		t.op("MOVQ 48(AX), R9") // cols
		t.op("MOVQ R10, R12")
		t.op("MOVQ R11, R13")
		t.label("col%d", vectors)
		for i := range vectors {
			t.op("VMOVUPS %d(R12), Y%d", 32*i, 4+i)
		}
		for i := range vectors {
			t.op("VFMADD231PS %d(R13), Y%d, Y%d", 32*i, 4+i, i)
		}
		t.op("ADDQ 64(AX), R12") // srcCol
		t.op("ADDQ 80(AX), R13") // weightCol
		t.op("DECQ R9")
		t.op("JNZ col%d", vectors)
		t.op("ADDQ 56(AX), R10") // srcRow
		t.op("ADDQ 72(AX), R11") // weightRow
		t.op("DECQ R8")
		t.op("JMP row%d", vectors)
		t.label("store%d", vectors)
		for i := range vectors {
			t.op("VMAXPS Y%d, Y14, Y%d", i, i)
		}
		for i := range vectors {
			t.op("VMINPS Y%d, Y15, Y%d", i, i)
		}
		for i := range vectors {
			t.op("VMOVUPS Y%d, %d(DI)", i, 32*i)
		}
		for _, r := range []string{"DI", "SI", "BX"} {
			t.op("ADDQ $%d, %s", 32*vectors, r)
		}
		t.op("SUBQ $%d, CX", 8*vectors)
		t.op("JMP block%d", vectors)
		t.label("end%d", vectors)
	}
	t.op("VZEROUPPER")
	t.op("RET")
}
