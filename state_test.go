package kerasrun_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/internal/verify"
	"github.com/stretchr/testify/require"
)

// TestStateful holds a session's runs, one after the other, to what Keras's
// predict returned for the same batches in the same order.
func TestStateful(t *testing.T) {
	files, err := filepath.Glob("testdata/models/*/expect_1.npz")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			m := loadStateful(t, dir)
			var s *kerasrun.Session
			ctx := context.Background()
			for call := 0; ; call++ {
				name := filepath.Join(dir, "expect.npz")
				if call > 0 {
					name = filepath.Join(dir, fmt.Sprintf("expect_%d.npz", call))
				}
				if _, err := os.Stat(name); err != nil {
					require.Greater(t, call, 1)
					break
				}
				c, err := verify.ReadCase(name, m)
				require.NoError(t, err)
				if s == nil {
					var shapes []kerasrun.Shape
					for _, in := range c.Inputs {
						shapes = append(shapes, in.Shape)
					}
					s, err = m.NewSession(shapes...)
					require.NoError(t, err)
					require.NotEmpty(t, s.State().Names())
				}
				out := s.Outputs()
				require.NoError(t, s.Run(ctx, c.Inputs, out))
				for i := range out {
					d := verify.Exact{Factor: 3}.Compare(out[i], c.Outputs[i], c.Exact[i])
					require.True(t, d.OK, "call %d: output %d: %s", call, i, d.Reason)
				}
			}
		})
	}
}

func loadStateful(t *testing.T, dir string) *kerasrun.Model {
	t.Helper()
	names, err := filepath.Glob(dir + "/model.*")
	require.NoError(t, err)
	require.Len(t, names, 1)
	m, err := kerasrun.Load(names[0])
	require.NoError(t, err)
	return m
}

// A state is saved, restored and made zeros; a prediction without a session, and
// a run that fails, leave it alone.
func TestState(t *testing.T) {
	m := loadStateful(t, "testdata/models/lstm_stateful")
	x := pattern(4, 5, 7)
	ctx := context.Background()
	s, err := m.NewSession(x.Shape)
	require.NoError(t, err)
	run := func() []float32 {
		out := s.Outputs()
		require.NoError(t, s.Run(ctx, []kerasrun.Tensor{x}, out))
		return out[0].Float32s()
	}
	first := run()
	require.Equal(t, []string{"lstm/h", "lstm/c"}, s.State().Names())
	saved := s.State().Save()
	require.Equal(t, first, saved["lstm/h"].Float32s())
	second := run()
	require.NotEqual(t, first, second)
	out, err := m.Predict(ctx, x)
	require.NoError(t, err)
	require.Equal(t, first, out[0].Float32s())
	require.NoError(t, s.State().Restore(saved))
	require.Equal(t, second, run())
	s.State().Reset()
	require.Equal(t, first, run())

	canceled, cancel := context.WithCancel(ctx)
	cancel()
	require.Error(t, s.Run(canceled, []kerasrun.Tensor{x}, s.Outputs()))
	require.Equal(t, second, run())

	other, err := m.NewSession(x.Shape)
	require.NoError(t, err)
	require.NoError(t, other.State().Restore(saved))
	for want, edit := range map[string]func(map[string]kerasrun.Tensor){
		`state "lstm/c" is missing`:                                 func(s map[string]kerasrun.Tensor) { delete(s, "lstm/c") },
		`state "lstm/h": shape mismatch: it is (4, 5), want (4, 6)`: func(s map[string]kerasrun.Tensor) { s["lstm/h"] = pattern(4, 5) },
		`the model has no state "gru/h"`:                            func(s map[string]kerasrun.Tensor) { s["gru/h"] = pattern(4, 6) },
	} {
		wrong := s.State().Save()
		edit(wrong)
		err := other.State().Restore(wrong)
		require.ErrorIs(t, err, kerasrun.ErrInput)
		require.ErrorContains(t, err, want)
	}
	results := other.Outputs()
	in := []kerasrun.Tensor{x}
	require.NoError(t, other.Run(ctx, in, results)) // with the state that no wrong Restore changed
	require.Equal(t, second, results[0].Float32s())
	require.Zero(t, testing.AllocsPerRun(5, func() {
		if err := other.Run(ctx, in, results); err != nil {
			panic(err)
		}
	}))

	plain, err := kerasrun.Load("testdata/models/dense/model.keras")
	require.NoError(t, err)
	s, err = plain.NewSession(kerasrun.Shape{2, 7})
	require.NoError(t, err)
	require.Empty(t, s.State().Save())
}
