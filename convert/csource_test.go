package convert_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/convert"
	"github.com/kerasrun/kerasrun/internal/verify"
)

// cMain runs the examples that it reads.
const cMain = `#include <stdio.h>
#include "model.h"

%s
int main(void)
{
    for (;;) {
%s        model_predict(%s);
%s    }
}
`

// TestC compiles golden cases as C99 without a warning, runs them and compares with our own numbers.
func TestC(t *testing.T) {
	compiler, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc")
	}
	agreed, refused, n := 0, 0, 0
	eachCase(t, func(t *testing.T, dir string, m *kerasrun.Source) {
		if n++; n%8 != 0 && !strings.HasPrefix(filepath.Base(dir), "net_") { // a compiler takes its time
			return
		}
		temp := t.TempDir()
		err := convert.ToPath(context.Background(), filepath.Join(temp, "model.c"), m, "", convert.Options{})
		if err != nil {
			require.ErrorIs(t, err, kerasrun.ErrUnsupported)
			refused++
			return
		}
		model, err := kerasrun.LoadSource(m, kerasrun.WithExact())
		require.NoError(t, err)
		defer model.Close()
		recorded, err := verify.ReadCase(filepath.Join(dir, "expect.npz"), model)
		require.NoError(t, err)
		want, err := model.Predict(context.Background(), recorded.Inputs...)
		require.NoError(t, err)
		runC(t, compiler, temp, recorded.Inputs, want)
		agreed++
	})
	require.NotZero(t, agreed)
	t.Logf("%d agreed, %d refused", agreed, refused)
}

// TestCRefused lists all that C is not written for, and leaves no file.
func TestCRefused(t *testing.T) {
	dir := t.TempDir()
	err := convert.ToPath(context.Background(), filepath.Join(dir, "a.c"), open(t, "mask_embedding/model.keras"), "", convert.Options{})
	require.ErrorIs(t, err, kerasrun.ErrUnsupported)
	err = convert.ToPath(context.Background(), filepath.Join(dir, "a.c"), open(t, "hashing/model.keras"), "", convert.Options{})
	require.ErrorContains(t, err, "input of string: numbers are float")
	err = convert.ToPath(context.Background(), filepath.Join(dir, "a.c"), open(t, "conv_lstm1d/model.keras"), "", convert.Options{})
	require.ErrorContains(t, err, "op ConvLSTM: there is no C for it")
	err = convert.ToPath(context.Background(), filepath.Join(dir, "my-model.c"), open(t, "cnn/model.keras"), "", convert.Options{})
	require.ErrorIs(t, err, convert.ErrOptions)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, convert.ToPath(context.Background(), filepath.Join(dir, "a.c"), open(t, "cnn/model.keras"), "", convert.Options{}))
	first, err := os.ReadFile(filepath.Join(dir, "a.c"))
	require.NoError(t, err)
	require.NoError(t, convert.ToPath(context.Background(), filepath.Join(dir, "a.c"), open(t, "cnn/model.keras"), "", convert.Options{Overwrite: true}))
	again, err := os.ReadFile(filepath.Join(dir, "a.c"))
	require.NoError(t, err)
	require.Equal(t, string(first), string(again), "written twice")
	require.FileExists(t, filepath.Join(dir, "a.h"))
}

// runC compiles the model.c of a folder, runs it on the examples of inputs and compares.
func runC(t *testing.T, compiler, dir string, inputs, want []kerasrun.Tensor) {
	examples := inputs[0].Shape[0]
	var declared, read, args, write []string
	var stdin bytes.Buffer
	for i := range inputs {
		declared = append(declared, fmt.Sprintf("static float in%d[MODEL_IN%d];", i, i))
		read = append(read, fmt.Sprintf("        if (fread(in%d, sizeof(float), MODEL_IN%d, stdin) != MODEL_IN%d)\n            return 0;\n", i, i, i))
		args = append(args, fmt.Sprint("in", i))
	}
	for i := range want {
		declared = append(declared, fmt.Sprintf("static float out%d[MODEL_OUT%d];", i, i))
		args = append(args, fmt.Sprint("out", i))
		write = append(write, fmt.Sprintf("        fwrite(out%d, sizeof(float), MODEL_OUT%d, stdout);\n", i, i))
	}
	for b := range examples {
		for _, in := range inputs {
			n := in.Len() / examples
			require.NoError(t, binary.Write(&stdin, binary.LittleEndian, in.Float32s()[b*n:(b+1)*n]))
		}
	}
	text := fmt.Sprintf(cMain, strings.Join(declared, "\n"), strings.Join(read, ""), strings.Join(args, ", "), strings.Join(write, ""))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.c"), []byte(text), 0o644))
	program := filepath.Join(dir, "program")
	out, err := exec.Command(compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", "-o", program,
		filepath.Join(dir, "main.c"), filepath.Join(dir, "model.c"), "-lm").CombinedOutput()
	require.NoError(t, err, "%s", out)
	command := exec.Command(program)
	command.Stdin = &stdin
	results, err := command.Output()
	require.NoError(t, err)
	got := make([]kerasrun.Tensor, len(want))
	for i, w := range want {
		got[i] = kerasrun.Floats(make([]float32, w.Len()), w.Shape...)
	}
	for b := range examples {
		for i := range got {
			n := got[i].Len() / examples
			part := got[i].Float32s()[b*n : (b+1)*n]
			for k := range part {
				part[k] = math.Float32frombits(binary.LittleEndian.Uint32(results))
				results = results[4:]
			}
		}
	}
	require.Empty(t, results)
	for i, w := range want {
		d := verify.DefaultTolerance.Compare(got[i], w)
		require.True(t, d.OK, "output %d: %s", i, d.Reason)
	}
}
