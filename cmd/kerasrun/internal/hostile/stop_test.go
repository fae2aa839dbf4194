//go:build linux

package hostile

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"
	"time"

	"github.com/kerasrun/kerasrun"
	"github.com/stretchr/testify/require"
)

// A canceller calls cancel at a read.
type canceller struct {
	io.ReaderAt
	left   int
	cancel func()
}

func (c *canceller) ReadAt(p []byte, off int64) (int, error) {
	if c.left--; c.left == 0 {
		c.cancel()
	}
	return c.ReaderAt.ReadAt(p, off)
}

// Loading stops at the next read after its context is done, with the context's error.
func TestCancelledLoad(t *testing.T) {
	for _, name := range []string{"dense/model.keras", "dense_k2_h5/model.h5"} {
		data, err := os.ReadFile(root + "testdata/models/" + name)
		require.NoError(t, err)
		for at := 1; ; at++ {
			ctx, cancel := context.WithCancel(context.Background())
			r := &canceller{bytes.NewReader(data), at, cancel}
			m, err := kerasrun.LoadReader(r, int64(len(data)), kerasrun.WithContext(ctx))
			cancel()
			if r.left > 0 { // there are fewer reads
				require.NoError(t, err)
				_, err = predict(m) // the model does not keep the context
				require.NoError(t, err)
				break
			}
			require.GreaterOrEqual(t, r.left, -1, "it read on")
			if err == nil { // at the last read
				m.Close()
				continue
			}
			require.ErrorIs(t, err, context.Canceled, "%s, read %d", name, at)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := kerasrun.Load(root+"testdata/models/dense/model.keras", kerasrun.WithContext(ctx))
	require.ErrorIs(t, err, context.Canceled)
}

// A long prediction stops soon after its context is done, inside a step too: on
// an idle machine within 100 ms, which is not asserted.
func TestCancelledPrediction(t *testing.T) {
	for _, threads := range []int{1, 4} {
		m, err := kerasrun.Load(root+"testdata/models/conv2d_grid/model.keras", kerasrun.WithThreads(threads))
		require.NoError(t, err)
		in := ramp(m, 3000)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		start := time.Now()
		_, err = m.Predict(ctx, in)
		require.NoError(t, err)
		whole := time.Since(start)
		time.AfterFunc(whole/20, cancel)
		start = time.Now()
		_, err = m.Predict(ctx, in)
		t.Logf("%d threads: %v, stopped after %v of %v", threads, err, time.Since(start), whole)
		require.ErrorIs(t, err, context.Canceled)
		_, err = m.Predict(ctx, in)
		require.ErrorIs(t, err, context.Canceled)
		_, err = m.Predict(context.Background(), ramp(m, 2))
		require.NoError(t, err)
		require.NoError(t, m.Close())
	}
}
