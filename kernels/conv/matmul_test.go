package conv

import (
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/kerasrun/kerasrun/kernels/kerneltest"
)

func TestMatMul(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(1))
		for m := 1; m <= 6; m++ {
			for k := 1; k <= 9; k++ {
				for n := 1; n <= 9; n++ {
					for _, transposed := range []bool{false, true} {
						a, b := kerneltest.Random(r, m*k), kerneltest.Random(r, k*n)
						dst, scratch := kerneltest.Guarded(t, m*n), kerneltest.Guarded(t, MatMulScratch(k, n))
						MatMul(dst, kerneltest.Copy(t, a), kerneltest.Copy(t, b), m, k, n, transposed, scratch, nil)
						kerneltest.CheckSums(t, dst, kerneltest.MatMul(a, b, m, k, n, transposed), k)
					}
				}
			}
		}
	})
}

func TestPackMatrixIsPack(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(2))
		const k, n = 7, 6
		s := DenseShape(1, k, n)
		b, transposed := kerneltest.Random(r, k*n), make([]float32, k*n)
		for i := 0; i < k; i++ {
			for j := 0; j < n; j++ {
				transposed[j*k+i] = b[i*n+j]
			}
		}
		require.Equal(t, PackedLen(&s), MatMulScratch(k, n))
		want, got := make([]float32, PackedLen(&s)), make([]float32, PackedLen(&s))
		Pack(want, b, &s)
		PackMatrix(got, b, k, n, false)
		require.Equal(t, want, got)
		PackMatrix(got, transposed, k, n, true)
		require.Equal(t, want, got)
	})
}

// gemm is gonum's C = A·B.
func gemm(a, b []float32, m, k, n int) []float32 {
	c := make([]float32, m*n)
	blas32.Gemm(blas.NoTrans, blas.NoTrans, 1,
		blas32.General{Rows: m, Cols: k, Stride: k, Data: a},
		blas32.General{Rows: k, Cols: n, Stride: n, Data: b},
		0, blas32.General{Rows: m, Cols: n, Stride: n, Data: c})
	return c
}

// im2col writes out the input of every output pixel and tap, zero for padding:
// (OutH*OutW, KH*KW*InC).
func im2col(s Shape, src []float32) []float32 {
	k := s.KH * s.KW * s.InC
	cols := make([]float32, s.OutH*s.OutW*k)
	for p := 0; p < s.OutH*s.OutW; p++ {
		for tap := 0; tap < s.KH*s.KW; tap++ {
			y := p/s.OutW*s.StrideH - s.PadTop + tap/s.KW*s.DilationH
			x := p%s.OutW*s.StrideW - s.PadLeft + tap%s.KW*s.DilationW
			if y >= 0 && y < s.InH && x >= 0 && x < s.InW {
				copy(cols[p*k+tap*s.InC:][:s.InC], src[(y*s.InW+x)*s.InC:])
			}
		}
	}
	return cols
}

// gonum's BLAS rounds in float32 as well: both may be off by the bound.
func TestRunAgainstBLAS(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		r := rand.New(rand.NewSource(3))
		for i := 0; i < 300; i++ {
			s := randomShape(r)
			s.InC, s.OutC, s.SrcStride, s.DstStride = 1+r.Intn(40), 1+r.Intn(40), 0, 0
			k := s.KH * s.KW * s.InC
			src, kernel := kerneltest.Random(r, s.InH*s.InW*s.InC), kerneltest.Random(r, k*s.OutC)
			cols := im2col(s, src)
			want := gemm(cols, kernel, s.OutH*s.OutW, k, s.OutC)
			sums := kerneltest.MatMul(cols, kernel, s.OutH*s.OutW, k, s.OutC, false)
			for j, v := range want {
				sums.Value[j] = float64(v)
			}
			packed, dst := make([]float32, PackedLen(&s)), kerneltest.Guarded(t, len(want))
			Pack(packed, kernel, &s)
			Run(&s, dst, src, packed, nil, 0, s.OutH)
			kerneltest.CheckSums(t, dst, sums, 2*k)
		}
	})
}
