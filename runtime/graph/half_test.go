package graph

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every bit pattern must survive the way out and back, and the neighbours of
// each number must round to it or to each other at the exact half.
func TestHalfRoundTrip(t *testing.T) {
	for _, f := range []struct {
		name string
		to   func(uint16) float32
		from func(float64) uint16
		inf  uint16
	}{{"float16", HalfToFloat, FloatToHalf, 0x7c00}, {"bfloat16", BFloatToFloat, FloatToBFloat, 0x7f80}} {
		t.Run(f.name, func(t *testing.T) {
			for b := 0; b < 1<<16; b++ {
				h := uint16(b)
				x := float64(f.to(h))
				if x != x {
					back := float64(f.to(f.from(x)))
					require.True(t, back != back)
					continue
				}
				require.Equal(t, h, f.from(x), "%#x = %v", h, x)
				if h&0x7fff >= f.inf-1 || h&0x8000 != 0 {
					continue
				}
				next := float64(f.to(h + 1))
				mid := (x + next) / 2
				even := h + h&1
				require.Equal(t, even, f.from(mid), "half way above %v", x)
				require.Equal(t, h, f.from(math.Nextafter(mid, x)), "below half way above %v", x)
				require.Equal(t, h+1, f.from(math.Nextafter(mid, next)), "above half way above %v", x)
			}
			require.Equal(t, f.inf, f.from(1e300))
			require.Equal(t, f.inf|0x8000, f.from(math.Inf(-1)))
		})
	}
}
