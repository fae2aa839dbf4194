package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/examples/internal/expected"
	"github.com/kerasrun/kerasrun/vision"
)

func TestDigits(t *testing.T) {
	var out bytes.Buffer
	for d := range 10 {
		f, err := os.Open("../../testdata/images/digit_" + string(rune('0'+d)) + ".png")
		require.NoError(t, err)
		require.NoError(t, run(&out, f))
		require.NoError(t, f.Close())
	}
	expected.Text(t, "digits.txt", out.String())
	require.ErrorIs(t, run(&out, strings.NewReader("no image")), vision.ErrFormat)
}

func TestAccuracy(t *testing.T) {
	model, err := kerasrun.LoadFS(files, "digits.keras")
	require.NoError(t, err)
	split := expected.Arrays(t, "../../testdata/models/digits/split.npz")
	out, err := model.Predict(context.Background(), split["x_test"].Cast(kerasrun.Float32))
	require.NoError(t, err)
	keras := expected.Arrays(t, "expect.npz")
	expected.Close(t, keras["scores"].Float32s(), out[0].Float32s(), 1e-5)
	right, labels := 0.0, split["y_test"].Data.([]int64)
	for i, label := range labels {
		scores := out[0].Float32s()[10*i:][:10]
		if int64(slices.Index(scores, slices.Max(scores))) == label {
			right++
		}
	}
	require.InDelta(t, keras["accuracy"].Float(0), right/float64(len(labels)), 1e-3)
	require.GreaterOrEqual(t, right/float64(len(labels)), 0.98)
}

// The program is one file, for this system and for others, built without cgo; nothing lies beside it when it runs.
func TestBuild(t *testing.T) {
	build := func(system, machine string) string {
		name := filepath.Join(t.TempDir(), "embed.exe")
		c := exec.Command("go", "build", "-o", name, ".")
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		if system != "" {
			c.Env = append(c.Env, "GOOS="+system, "GOARCH="+machine)
		}
		text, err := c.CombinedOutput()
		require.NoError(t, err, "%s/%s: %s", system, machine, text)
		return name
	}
	program := exec.Command(build("", ""))
	program.Dir = t.TempDir()
	digit, err := os.ReadFile("../../testdata/images/digit_7.png")
	require.NoError(t, err)
	program.Stdin = bytes.NewReader(digit)
	text, err := program.Output()
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(text), "7 "), "%s", text)
	if testing.Short() {
		t.Skip("not built for other systems in a short run")
	}
	for system, begins := range map[string]string{"windows/amd64": "MZ", "darwin/arm64": "\xcf\xfa\xed\xfe", "linux/arm64": "\x7fELF"} {
		name, machine, _ := strings.Cut(system, "/")
		b, err := os.ReadFile(build(name, machine))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(b), begins), system)
	}
}
