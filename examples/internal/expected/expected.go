// Package expected compares what an example made with the files beside it. With the flag -update, texts and pictures
// are rewritten instead; look at them then.
package expected

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision"
)

var update = flag.Bool("update", false, "rewrite expected texts and pictures")

// Arrays reads an npz file.
func Arrays(t *testing.T, name string) map[string]kerasrun.Tensor {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	z, err := kerasrun.OpenNpz(bytes.NewReader(b), int64(len(b)), 0)
	require.NoError(t, err)
	out := map[string]kerasrun.Tensor{}
	for _, n := range z.Names() {
		out[n], err = z.Read(n)
		require.NoError(t, err)
	}
	return out
}

// Figures reads the numbers of a JSON file into into.
func Figures(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, into))
}

// Text demands that a file holds got.
func Text(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(got), 0o666))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// Picture demands that the image files name and got have the same size and, on average, values that differ by less than one of 255: a
// box may move by a pixel where numbers are rounded differently.
func Picture(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		b, err := os.ReadFile(got)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(name, b, 0o666))
	}
	want := Pixels(t, name, 3)
	have := Pixels(t, got, 3)
	require.Equal(t, []int{want.H, want.W}, []int{have.H, have.W})
	sum := 0.0
	for i, v := range want.Data {
		sum += float64(max(v-have.Data[i], have.Data[i]-v))
	}
	require.Less(t, sum/float64(len(want.Data)), 1.0, "%s differs from %s", got, name)
}

// Pixels reads an image file.
func Pixels(t *testing.T, name string, channels int) vision.Pixels {
	t.Helper()
	p, err := vision.LoadImage(name, channels)
	require.NoError(t, err)
	return p
}

// Cut returns the scenes of a sheet: size x size pixels each, row by row.
func Cut(sheet vision.Pixels, size int) []vision.Pixels {
	var out []vision.Pixels
	for top := 0; top < sheet.H; top += size {
		for left := 0; left < sheet.W; left += size {
			p := vision.NewPixels(size, size, sheet.C)
			for y := range size {
				copy(p.Data[y*size*p.C:][:size*p.C], sheet.Data[((top+y)*sheet.W+left)*sheet.C:])
			}
			out = append(out, p)
		}
	}
	return out
}

// Close demands that no number differs by more than tolerance from Keras's.
func Close(t *testing.T, want, got []float32, tolerance float64) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.InDelta(t, want[i], got[i], tolerance, "element %d", i)
	}
}
