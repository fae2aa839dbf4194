package keras

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestArchitectureGoldens reads architectures that Keras 1.2.2 to 3.15.1 wrote
// (the version is the first part of the name) and compares layers, calls and
// weight paths with text that was checked by eye.
func TestArchitectureGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/arch/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			version, _, _ := strings.Cut(name, "_")
			m, err := ParseArchitecture(data, Hint{Version: version}, Limits{})
			require.NoError(t, err)
			got := describe(m)
			golden := strings.TrimSuffix(file, ".json") + ".txt"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), got)

			// Without a version, the dialect gives the generation away.
			guessed, err := ParseArchitecture(data, Hint{}, Limits{})
			require.NoError(t, err)
			require.Equal(t, m.Version.Major, guessed.Version.Major)
		})
	}
}

// TestContainersAgree compares the .h5 and the .keras of the same models: the
// dialects differ, what they mean does not.
func TestContainersAgree(t *testing.T) {
	for _, name := range []string{
		"2.21.0_func_dict", "2.21.0_nested_seq", "3.0.5_func", "3.15.1_func_shared_multi",
		"3.15.1_nested", "3.15.1_ops", "3.15.1_nested_func_twice", "3.15.1_embed_mask_lstm",
	} {
		t.Run(name, func(t *testing.T) {
			var text [2]string
			for i, container := range []string{"h5", "keras"} {
				data, err := os.ReadFile("testdata/arch/" + name + "_" + container + ".json")
				require.NoError(t, err)
				version, _, _ := strings.Cut(name, "_")
				m, err := ParseArchitecture(data, Hint{Version: version}, Limits{})
				require.NoError(t, err)
				text[i] = describe(m)
			}
			require.Equal(t, text[0], text[1])
		})
	}
}

// describe returns a model as text: a line for each layer, with its weight path
// and what its config says about shapes and units, and one for each call.
func describe(m *Model) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Keras %d, tf %t\n", m.Version.Major, m.Version.TF)
	describeLayer(&b, m.Root, "", "")
	return b.String()
}

func describeLayer(b *strings.Builder, l *Layer, path, indent string) {
	fmt.Fprintf(b, "%s%s %s", indent, l.Name, l.Class)
	if l.FileClass != l.Class {
		fmt.Fprintf(b, " (%s)", l.FileClass)
	}
	if l.Operation {
		b.WriteString(" operation")
	}
	if l.Synthetic {
		b.WriteString(" synthetic")
	}
	if path != "" {
		fmt.Fprintf(b, " at %s", path)
	}
	for _, k := range l.Config.Keys() {
		switch k {
		case "batch_shape", "units", "filters", "kernel_size", "padding", "data_format", "rate", "axis", "recurrent_activation",
			"reset_after", "function", "use_bias", "strides", "pool_size":
			fmt.Fprintf(b, " %s=%s", k, l.Config.Get(k).JSON())
		case "dtype":
			p, err := ParseDTypePolicy(l.Config.Get(k))
			if err != nil {
				fmt.Fprintf(b, " dtype: %v", err)
			} else if p != DefaultPolicy() {
				fmt.Fprintf(b, " dtype=%s", p)
			}
		}
	}
	b.WriteByte('\n')
	for _, c := range l.Calls {
		fmt.Fprintf(b, "%s  <-", indent)
		for _, a := range c.Args {
			b.WriteString(" " + argText(a))
		}
		for _, k := range c.Kwargs {
			b.WriteString(" " + k.Name + "=" + argText(k.Arg))
		}
		b.WriteByte('\n')
	}
	for _, k := range innerKeys {
		for _, in := range l.Inner[k] {
			describeLayer(b, in, k, indent+"  | ")
		}
	}
	if g := l.Graph; g != nil {
		if !g.Sequential {
			fmt.Fprintf(b, "%s  inputs %s outputs %s\n", indent, argText(g.Inputs), argText(g.Outputs))
		}
		paths := FilePaths(g)
		for _, in := range g.Layers {
			describeLayer(b, in, paths[in], indent+"  ")
		}
	}
}

func argText(a *Arg) string {
	var items []string
	for i, it := range a.Items {
		s := argText(it)
		if a.Kind == ArgDict {
			s = a.Keys[i] + ": " + s
		}
		items = append(items, s)
	}
	switch a.Kind {
	case ArgTensor:
		return fmt.Sprintf("%s[%d][%d]", a.Layer.Name, a.Node, a.Tensor)
	case ArgConst:
		return a.DType + a.Const.JSON()
	case ArgList:
		return "[" + strings.Join(items, ", ") + "]"
	case ArgDict:
		return "{" + strings.Join(items, ", ") + "}"
	case ArgSlice:
		return "(" + strings.Join(items, ":") + ")"
	}
	return "..."
}
