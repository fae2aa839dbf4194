package step

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Chunks are powers of two, no shorter than half of what is worth a chunk, and
// more for more work.
func TestChunksFor(t *testing.T) {
	last := 1
	for ns := 0.0; ns < 1e6; ns += 100 {
		n := chunksFor(ns)
		require.Zero(t, n&(n-1))
		require.GreaterOrEqual(t, n, last)
		require.LessOrEqual(t, n, maxChunks)
		require.Equal(t, ns < alone, n == 1)
		if n > 1 {
			require.GreaterOrEqual(t, ns/float64(n), float64(perChunk)/2)
		}
		last = n
	}
	require.Equal(t, maxChunks, last)
}

// A model of caches: more bytes never take less.
func TestStreamGrows(t *testing.T) {
	last := 0.0
	for bytes := int64(1); bytes < 1<<30; bytes *= 2 {
		require.Greater(t, nsStream(bytes), last)
		last = nsStream(bytes)
	}
}
