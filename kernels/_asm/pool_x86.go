package main

// maxAMD64 writes dst[i] = max(dst[i], src[i]) for n floats, a multiple of 8.
// VMAXPS returns its second source when either is NaN: with dst there, NaNs of
// src are passed over, as TensorFlow's max pooling does.
func maxAMD64(t *text) {
	t.begin()
	t.line("\n// func maxIntoAVX2(dst, src *float32, n int)\nTEXT ·maxIntoAVX2(SB), NOSPLIT, $0-24")
	t.op("MOVQ dst+0(FP), DI")
	t.op("MOVQ src+8(FP), SI")
	t.op("MOVQ n+16(FP), CX")
	for _, step := range []int{4, 1} {
		t.label("loop%d", step)
		t.op("CMPQ CX, $%d", 8*step)
		t.op("JLT end%d", step)
		for i := range step {
			t.op("VMOVUPS %d(SI), Y%d", 32*i, i)
		}
		for i := range step {
			t.op("VMAXPS %d(DI), Y%d, Y%d", 32*i, i, i)
		}
		for i := range step {
			t.op("VMOVUPS Y%d, %d(DI)", i, 32*i)
		}
		t.op("ADDQ $%d, SI", 32*step)
		t.op("ADDQ $%d, DI", 32*step)
		t.op("SUBQ $%d, CX", 8*step)
		t.op("JMP loop%d", step)
		t.label("end%d", step)
	}
	t.op("VZEROUPPER")
	t.op("RET")
}
