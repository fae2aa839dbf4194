package kerasrun_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/kerasrun/kerasrun"
	"github.com/stretchr/testify/require"
)

const digits = "testdata/models/digits/model.keras"

func load(t testing.TB, path string, options ...kerasrun.Option) *kerasrun.Model {
	t.Helper()
	m, err := kerasrun.Load(path, options...)
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	return m
}

func readNpz(t testing.TB, path string) *kerasrun.Npz {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	require.NoError(t, err)
	z, err := kerasrun.OpenNpz(f, info.Size(), 0)
	require.NoError(t, err)
	return z
}

func array(t testing.TB, z *kerasrun.Npz, name string) kerasrun.Tensor {
	t.Helper()
	a, err := z.Read(name)
	require.NoError(t, err)
	return a
}

// pattern returns a tensor whose elements differ.
func pattern(shape ...int) kerasrun.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32((i*7919)%1000)/500 - 1
	}
	return kerasrun.Floats(x, shape...)
}

// The trained model must know at least 98 % of its test split.
func TestDigitsAccuracy(t *testing.T) {
	m := load(t, digits)
	z := readNpz(t, "testdata/models/digits/split.npz")
	x, y := array(t, z, "x_test"), array(t, z, "y_test")
	out, err := m.Predict(context.Background(), x)
	require.NoError(t, err)
	right, n := 0, y.Len()
	scores := out[0].Float32s()
	require.Equal(t, kerasrun.Shape{n, 10}, out[0].Shape)
	for i := range n {
		best := 0
		for k := range 10 {
			if scores[i*10+k] > scores[i*10+best] {
				best = k
			}
		}
		if best == int(y.Float(i)) {
			right++
		}
	}
	require.GreaterOrEqual(t, float64(right)/float64(n), 0.98)
}

// A session allocates nothing after its first run, and Predict its results only.
func TestSessionAllocations(t *testing.T) {
	m := load(t, digits, kerasrun.WithThreads(1))
	x := pattern(2, 32, 32, 1)
	s, err := m.NewSession(x.Shape)
	require.NoError(t, err)
	in, out := []kerasrun.Tensor{x}, s.Outputs()
	ctx := context.Background()
	require.NoError(t, s.Run(ctx, in, out))
	want, err := m.Predict(ctx, x)
	require.NoError(t, err)
	require.Equal(t, want[0].Data, out[0].Data)
	require.Zero(t, testing.AllocsPerRun(10, func() {
		if err := s.Run(ctx, in, out); err != nil {
			t.Fatal(err)
		}
	}))
}

// One model serves many goroutines with several shapes, with the same bits each
// time and for every number of threads.
func TestConcurrentPredictions(t *testing.T) {
	one := load(t, digits, kerasrun.WithThreads(1))
	many := load(t, digits, kerasrun.WithThreads(3))
	var want [4]kerasrun.Tensor
	for b := range want {
		out, err := one.Predict(context.Background(), pattern(b+1, 32, 32, 1))
		require.NoError(t, err)
		want[b] = out[0]
	}
	var wg sync.WaitGroup
	errs := make(chan error, 64)
	for g := range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for k := range 4 {
				b := (g + k) % len(want)
				out, err := many.Predict(context.Background(), pattern(b+1, 32, 32, 1))
				if err == nil && fmt.Sprint(out[0].Data) != fmt.Sprint(want[b].Data) {
					err = fmt.Errorf("batch %d differs", b+1)
				}
				if err != nil {
					errs <- err
				}
			}
		}()
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
}

func TestLoadFSAndReader(t *testing.T) {
	x := pattern(2, 32, 32, 1)
	want, err := load(t, digits).Predict(context.Background(), x)
	require.NoError(t, err)
	m, err := kerasrun.LoadFS(os.DirFS("testdata/models"), "digits/model.keras")
	require.NoError(t, err)
	got, err := m.Predict(context.Background(), x)
	require.NoError(t, err)
	require.Equal(t, want, got)
	data, err := os.ReadFile(digits)
	require.NoError(t, err)
	m, err = kerasrun.LoadReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	got, err = m.Predict(context.Background(), x)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestPredictNamedAndLayers(t *testing.T) {
	m := load(t, "testdata/models/net_unet/model.keras")
	in := m.Inputs()[0]
	shape := append(kerasrun.Shape{3}, in.Shape[1:]...)
	x := pattern(shape...)
	ctx := context.Background()
	want, err := m.Predict(ctx, x)
	require.NoError(t, err)
	named, err := m.PredictNamed(ctx, map[string]kerasrun.Tensor{in.Name: x})
	require.NoError(t, err)
	require.Equal(t, want[0], named[m.Outputs()[0].Name])

	var paths []string
	for _, l := range m.Layers() {
		paths = append(paths, l.Path)
	}
	out, taps, err := m.PredictLayers(ctx, paths, x)
	require.NoError(t, err)
	require.Len(t, taps, len(paths))
	last := m.Layers()[len(paths)-1]
	require.Equal(t, out[0], taps[last.Path])
	require.Equal(t, x.Data, taps[in.Name].Data)
	// What a tap shows unfused is what the fused plan computes, up to rounding.
	for i, v := range want[0].Float32s() {
		require.InDelta(t, v, out[0].Float32s()[i], 1e-4)
	}
	_, _, err = m.PredictLayers(ctx, []string{"no_such_layer"}, x)
	require.ErrorIs(t, err, kerasrun.ErrNotFound)
}

func TestPredictErrors(t *testing.T) {
	m := load(t, digits)
	ctx := context.Background()
	name := m.Inputs()[0].Name
	for _, c := range []struct {
		what string
		run  func() error
		is   error
		text string
	}{
		{"shape", func() error { _, err := m.Predict(ctx, pattern(2, 31, 32, 1)); return err }, kerasrun.ErrShape,
			`invalid input: input "` + name + `": shape mismatch: it is (2, 31, 32, 1), want (None, 32, 32, 1)`},
		{"number", func() error { _, err := m.Predict(ctx); return err }, kerasrun.ErrInput, "invalid input: 0 inputs, want 1"},
		{"length", func() error { _, err := m.Predict(ctx, kerasrun.Floats(make([]float32, 3), 1, 32, 32, 1)); return err }, kerasrun.ErrInput,
			`invalid input: input "` + name + `": shape mismatch: shape (1, 32, 32, 1) asks for 1024 elements, got 3`},
		{"empty", func() error { _, err := m.Predict(ctx, kerasrun.Floats(nil, 0, 32, 32, 1)); return err }, kerasrun.ErrInput,
			`invalid input: input "` + name + `": dtype mismatch: a float32 tensor holds []float32`},
		{"strings", func() error {
			_, err := m.Predict(ctx, kerasrun.Tensor{DType: kerasrun.String, Shape: kerasrun.Shape{1, 32, 32, 1}, Data: make([]string, 1024)})
			return err
		}, kerasrun.ErrInput, `invalid input: input "` + name + `": dtype mismatch: it is string, want float32`},
		{"name", func() error {
			_, err := m.PredictNamed(ctx, map[string]kerasrun.Tensor{"x": pattern(1, 32, 32, 1)})
			return err
		}, kerasrun.ErrInput, `invalid input: input "` + name + `" is missing`},
		{"cancelled", func() error {
			done, cancel := context.WithCancel(ctx)
			cancel()
			_, err := m.Predict(done, pattern(1, 32, 32, 1))
			return err
		}, context.Canceled, "context canceled"},
	} {
		t.Run(c.what, func(t *testing.T) {
			err := c.run()
			require.ErrorIs(t, err, c.is)
			if c.what != "empty" {
				require.EqualError(t, err, c.text)
			}
		})
	}
	require.NoError(t, m.Close())
	_, err := m.Predict(ctx, pattern(1, 32, 32, 1))
	require.ErrorIs(t, err, kerasrun.ErrClosed)
}

// Bytes of any numeric type and a missing trailing dimension of 1 are taken, as Keras takes them.
func TestPredictConverts(t *testing.T) {
	m := load(t, digits)
	ctx := context.Background()
	bytesIn := make([]uint8, 2*32*32)
	floats := make([]float32, len(bytesIn))
	for i := range bytesIn {
		bytesIn[i] = uint8(i * 13)
		floats[i] = float32(bytesIn[i])
	}
	want, err := m.Predict(ctx, kerasrun.Floats(floats, 2, 32, 32, 1))
	require.NoError(t, err)
	got, err := m.Predict(ctx, kerasrun.Tensor{DType: kerasrun.Uint8, Shape: kerasrun.Shape{2, 32, 32}, Data: bytesIn})
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func TestActivationLimit(t *testing.T) {
	_, err := kerasrun.Load(digits, kerasrun.WithLimits(kerasrun.Limits{Activation: 1000}))
	require.ErrorIs(t, err, kerasrun.ErrLimit)
	_, err = kerasrun.Load(digits, kerasrun.WithLimits(kerasrun.Limits{Weights: 1000}))
	require.ErrorIs(t, err, kerasrun.ErrLimit)
}

// Exact, and a budget that is too small, leave Winograd's convolution out.
func TestExact(t *testing.T) {
	x := pattern(3, 32, 32, 1)
	run := func(options ...kerasrun.Option) (winograd int, y []float32) {
		m := load(t, digits, options...)
		info, err := m.PlanInfo(x.Shape)
		require.NoError(t, err)
		for _, s := range info.Steps {
			if strings.HasPrefix(s.Kernel, "winograd/") {
				winograd++
			}
		}
		out, err := m.Predict(context.Background(), x)
		require.NoError(t, err)
		return winograd, out[0].Float32s()
	}
	steps, usual := run()
	require.Positive(t, steps)
	steps, exact := run(kerasrun.WithExact())
	require.Zero(t, steps)
	require.InDeltaSlice(t, exact, usual, 1e-5)
	steps, direct := run(kerasrun.WithLimits(kerasrun.Limits{Winograd: 1}))
	require.Zero(t, steps)
	require.Equal(t, exact, direct)
}

// A file that is cut short anywhere is an error or the same model, and never a panic.
func TestTruncatedFiles(t *testing.T) {
	for _, name := range []string{"dense/model.keras", "dense_h5/model.h5"} {
		data, err := os.ReadFile(filepath.Join("testdata/models", name))
		require.NoError(t, err)
		x := pattern(2, 7)
		m, err := kerasrun.LoadReader(bytes.NewReader(data), int64(len(data)))
		require.NoError(t, err)
		want, err := m.Predict(context.Background(), x)
		require.NoError(t, err)
		step := 1
		if testing.Short() {
			step = 97
		}
		for n := 0; n < len(data); n += step {
			m, err := kerasrun.LoadReader(bytes.NewReader(data[:n]), int64(n))
			if err != nil {
				continue
			}
			got, err := m.Predict(context.Background(), x)
			require.NoError(t, err)
			require.Equal(t, want, got, "%s cut to %d bytes", name, n)
		}
	}
}

// TestLayerOutputs holds outputs that are results of layers to what PredictLayers returns.
func TestLayerOutputs(t *testing.T) {
	const file = "testdata/models/digits/model.keras"
	plain, err := kerasrun.Load(file)
	require.NoError(t, err)
	defer plain.Close()
	tapped, err := kerasrun.Load(file, kerasrun.WithLayerOutputs("conv2d", "dense"))
	require.NoError(t, err)
	defer tapped.Close()
	x := kerasrun.Floats(make([]float32, 2*32*32), 2, 32, 32, 1)
	for i := range x.Data.([]float32) {
		x.Data.([]float32)[i] = float32(i % 255)
	}
	want, taps, err := plain.PredictLayers(context.Background(), []string{"conv2d", "dense"}, x)
	require.NoError(t, err)
	got, err := tapped.Predict(context.Background(), x)
	require.NoError(t, err)
	require.Equal(t, append(want, taps["conv2d"], taps["dense"]), got)
	require.Equal(t, "dense", tapped.Outputs()[2].Name)
	require.Equal(t, kerasrun.Shape{-1, 128}, tapped.Outputs()[2].Shape)
	require.Len(t, plain.Outputs(), 1)

	_, err = kerasrun.Load(file, kerasrun.WithLayerOutputs("dens"))
	require.ErrorIs(t, err, kerasrun.ErrNotFound)
	require.ErrorContains(t, err, `layer "dens"; did you mean`)
}
