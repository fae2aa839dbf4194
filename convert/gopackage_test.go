package convert_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/convert"
	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/internal/verify"
)

// goCases are golden cases of one input and output that TestGoPackage runs.
var goCases = []string{"digits", "cnn", "gru"}

// TestGoPackage writes Go packages into a module of their own, runs their tests
// and a program that predicts with all of them, and compares with what Keras gave.
func TestGoPackage(t *testing.T) {
	gotool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command")
	}
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	dir := t.TempDir()
	put := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	put("go.mod", strings.Replace(string(mod), "module github.com/kerasrun/kerasrun", "module example.test/program", 1)+
		"\nrequire github.com/kerasrun/kerasrun v0.0.0\n\nreplace github.com/kerasrun/kerasrun => "+root+"\n")
	put("go.sum", string(sum))

	type argument struct {
		Data  []float32
		Shape []int
	}
	inputs := map[string]argument{}
	want := map[string]kerasrun.Tensor{}
	imports, calls := "", ""
	for _, c := range goCases {
		m, err := kerasrun.Load(models + c + "/model.keras")
		require.NoError(t, err)
		defer m.Close()
		recorded, err := verify.ReadCase(models+c+"/expect.npz", m)
		require.NoError(t, err)
		x := recorded.Inputs[0]
		inputs[c] = argument{x.Float32s(), x.Shape}
		want[c] = recorded.Outputs[0]
		require.NoError(t, os.Mkdir(filepath.Join(dir, c), 0o755))
		require.NoError(t, convert.ToPath(context.Background(), filepath.Join(dir, c, c+".go"), open(t, c+"/model.keras"), "", convert.Options{}))
		imports += fmt.Sprintf("%q\n", "example.test/program/"+c)
		calls += fmt.Sprintf("{\ny, err := %s.Predict(context.Background(), in[%q].Shape[0], %[1]s.Inputs{in[%[2]q].Data})\n"+
			"if err != nil { panic(err) }\nout[%[2]q] = firstField(y)\n}\n", c, c)
	}
	// Several inputs and outputs, other types, dimensions that are free: their own tests must pass.
	for _, c := range []string{"functional_dict_inputs", "many_kinds", "conv_lstm1d_any_time"} {
		name := strings.ReplaceAll(c, "_", "")
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
		require.NoError(t, convert.ToPath(context.Background(), filepath.Join(dir, name, name+".go"), open(t, c+"/model.keras"), "", convert.Options{}))
	}
	put("main.go", "package main\nimport (\n\"context\"\n\"encoding/json\"\n\"os\"\n\"reflect\"\n"+imports+")\n"+
		"func firstField(y any) any { return reflect.ValueOf(y).Field(0).Interface() }\n"+
		"func main() {\nvar in map[string]struct { Data []float32; Shape []int }\n"+
		"if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil { panic(err) }\nout := map[string]any{}\n"+calls+
		"if err := json.NewEncoder(os.Stdout).Encode(out); err != nil { panic(err) }\n}\n")
	run := func(in string, args ...string) string {
		cmd := exec.Command(gotool, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		cmd.Stdin = strings.NewReader(in)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		require.NoError(t, err, "%s%s", out, stderr.String())
		return string(out)
	}
	run("", "test", "-vet=all", "./digits", "./cnn", "./gru", "./functionaldictinputs", "./manykinds", "./convlstm1danytime")
	text, err := json.Marshal(inputs)
	require.NoError(t, err)
	var got map[string][]float32
	require.NoError(t, json.Unmarshal([]byte(run(string(text), "run", ".")), &got))
	for name, w := range want {
		d := verify.DefaultTolerance.Compare(kerasrun.Floats(got[name], w.Shape...), w)
		require.True(t, d.OK, "%s: %s", name, d.Reason)
	}
}

// Every golden case is written as a package, twice the same, or refused as an archive would be.
func TestGoPackageFiles(t *testing.T) {
	eachCase(t, func(t *testing.T, _ string, m *kerasrun.Source) {
		written := func() (map[string]string, error) {
			dir := t.TempDir()
			if err := convert.ToPath(context.Background(), filepath.Join(dir, "x.go"), m, "", convert.Options{}); err != nil {
				require.ErrorIs(t, err, kerasrun.ErrUnsupported)
				require.Error(t, convert.Write(context.Background(), io.Discard, m, "keras", convert.Options{}))
				left, err2 := os.ReadDir(dir)
				require.NoError(t, err2)
				require.Empty(t, left)
				return nil, err
			}
			files := map[string]string{}
			for _, name := range []string{"x.go", "x_test.go", "x.keras"} {
				b, err := os.ReadFile(filepath.Join(dir, name))
				require.NoError(t, err)
				files[name] = string(b)
			}
			return files, nil
		}
		first, err := written()
		if err != nil {
			return
		}
		second, err := written()
		require.NoError(t, err)
		require.Equal(t, first, second)
	})
}

func TestGoPackageNames(t *testing.T) {
	m := open(t, "dense/model.keras")
	for _, name := range []string{"a_test.go", "a_linux.go", "1.go", "func.go", "a b.go"} {
		err := convert.ToPath(context.Background(), filepath.Join(t.TempDir(), name), m, "go", convert.Options{})
		require.ErrorIs(t, err, convert.ErrOptions, name)
	}
	err := convert.ToPath(context.Background(), filepath.Join(t.TempDir(), "a.go"), m, "go", convert.Options{Options: target.Options{Package: "main"}})
	require.ErrorIs(t, err, convert.ErrOptions)
}
