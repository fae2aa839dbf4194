package conv

// MatMulScratch is the number of floats [MatMul] needs to pack a k x n matrix.
func MatMulScratch(k, n int) int { return packedLen(1, k, n, 1) }

// PackMatrix packs b for a [Run] or [MatMul] with [DenseShape](m, k, n): b is
// (k, n), or (n, k) when transposed. dst has length MatMulScratch(k, n). For a
// matrix that is not transposed it is [Pack] with that shape.
func PackMatrix(dst, b []float32, k, n int, transposed bool) {
	if transposed {
		packTurned(dst, b, 1, k, n)
		return
	}
	s := DenseShape(1, k, n)
	Pack(dst, b, &s)
}

// MatMul computes dst(m,n) = a(m,k)·b for two activations, where b is (k, n),
// or (n, k) when transposed. It packs b into scratch, of length
// MatMulScratch(k, n). To split one product over several callers, pack once
// with [PackMatrix] and call [Run] with DenseShape(m, k, n) on row ranges.
func MatMul(dst, a, b []float32, m, k, n int, transposed bool, scratch []float32, epi *Epilogue) {
	PackMatrix(scratch, b, k, n, transposed)
	s := DenseShape(m, k, n)
	Run(&s, dst, a, scratch, epi, 0, m)
}
