package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/examples/internal/expected"
)

func TestDoorbell(t *testing.T) {
	sound, err := os.Open("doorbell.wav")
	require.NoError(t, err)
	defer sound.Close()
	var out bytes.Buffer
	picture := filepath.Join(t.TempDir(), "heard.png")
	require.NoError(t, run(&out, "model.keras", sound, picture))
	expected.Text(t, "heard.txt", out.String())
	expected.Picture(t, "heard.png", picture)
}

// accuracy returns the share of all steps, and of those in which a bell sounds, that scores name right.
func accuracy(scores []float32, truth []uint8) (all, bells float64) {
	n := 0.0
	for i, want := range truth {
		three := scores[3*i:][:3]
		right := slices.Index(three, slices.Max(three)) == int(want)
		if right {
			all++
		}
		if want > 0 {
			n++
			if right {
				bells++
			}
		}
	}
	return all / float64(len(truth)), bells / n
}

// The states that Keras's stateful LSTM keeps from batch to batch, a session keeps from run to run: the scores are
// Keras's. Without them no bell is told from the other.
func TestMemory(t *testing.T) {
	model, err := kerasrun.Load("model.keras")
	require.NoError(t, err)
	session, err := model.NewSession(kerasrun.Shape{1, 2 * step, 1})
	require.NoError(t, err)
	sound, err := os.ReadFile("doorbell.wav")
	require.NoError(t, err)
	keras := expected.Arrays(t, "expect.npz")
	truth := keras["truth"].Data.([]uint8)
	listen := func(forget bool) (all []float32) {
		for samples := range slices.Chunk(sound[header:], 2*step) {
			if forget {
				session.State().Reset()
			}
			scores, err := hear(session, samples)
			require.NoError(t, err)
			all = append(all, scores...)
		}
		return all
	}
	scores := listen(false)
	expected.Close(t, keras["scores"].Float32s(), scores, 1e-5)
	var figures struct {
		Accuracy float64 `json:"accuracy"`
		OfBells  float64 `json:"of_bells"`
	}
	expected.Figures(t, "expect.json", &figures)
	all, bells := accuracy(scores, truth)
	t.Logf("accuracy %.4f, of bells %.4f", all, bells)
	require.InDelta(t, figures.Accuracy, all, 1e-3)
	require.InDelta(t, figures.OfBells, bells, 1e-3)
	require.GreaterOrEqual(t, bells, 0.95)

	_, bells = accuracy(listen(true), truth)
	require.Less(t, bells, 0.6, "without memory")
}

func TestRefused(t *testing.T) {
	require.ErrorIs(t, run(nil, "none.keras", nil, ""), kerasrun.ErrNotFound)
	require.ErrorIs(t, run(nil, "model.keras", strings.NewReader("RIFF"), ""), io.EOF)
	broken := io.MultiReader(strings.NewReader(strings.Repeat("x", header)), iotest.ErrReader(io.ErrClosedPipe))
	require.ErrorIs(t, run(nil, "model.keras", broken, ""), io.ErrClosedPipe)
}
