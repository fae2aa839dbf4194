package conv

import (
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"
)

// Rows packed part by part, in any order, are those packed at once, and come
// back as they were.
func TestPackRows(t *testing.T) {
	rng := rand.New(rand.NewSource(5))
	eachVariant(t, func(t *testing.T) {
		for _, out := range []int{1, 3, 8, 9, 24, 64, 70, 130} {
			for _, groups := range []int{1, 3} {
				s := DenseShape(1, 5*groups, out*groups)
				s.KH, s.KW, s.Groups = 2, 3, groups
				rows := 2 * 3 * 5
				kernel := make([]float32, rows*s.OutC)
				for i := range kernel {
					kernel[i] = rng.Float32()
				}
				want := make([]float32, PackedLen(&s))
				Pack(want, kernel, &s)
				got, back := make([]float32, len(want)), make([]float32, len(kernel))
				for i := range got {
					got[i] = -1 // padding is written too
				}
				cut := []int{rows, 19, 18, 7, 0}
				for i, hi := range cut[:len(cut)-1] {
					lo := cut[i+1]
					PackRows(got, kernel[lo*s.OutC:hi*s.OutC], &s, lo, hi)
				}
				require.Equal(t, want, got, "%d channels, %d groups", out, groups)
				for i, hi := range cut[:len(cut)-1] {
					lo := cut[i+1]
					UnpackRows(back[lo*s.OutC:hi*s.OutC], got, &s, lo, hi)
				}
				require.Equal(t, kernel, back, "%d channels, %d groups", out, groups)
			}
		}
	})
}

func TestUnpackTransposed(t *testing.T) {
	rng := rand.New(rand.NewSource(6))
	eachVariant(t, func(t *testing.T) {
		for _, out := range []int{1, 8, 9, 24, 70, 130} {
			s := TransposedShape{InC: 5, OutC: out, KH: 2, KW: 3}
			kernel := make([]float32, 2*3*5*out)
			for i := range kernel {
				kernel[i] = rng.Float32()
			}
			packed, back := make([]float32, TransposedPackedLen(&s)), make([]float32, len(kernel))
			PackTransposed(packed, kernel, &s)
			UnpackTransposed(back, packed, &s)
			require.Equal(t, kernel, back, "%d channels", out)
		}
	})
}
