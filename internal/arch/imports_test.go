package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/kerasrun/kerasrun"

// allowed says which of our packages each package may import: data flows one
// way, file → config → graph → plan → step → kernels. Do not change this table
// to make a build pass; a new room needs an ADR.
var allowed = map[string][]string{
	"keras":                     {"internal/zipdir"},
	"hdf5load":                  {},
	"kernels/cpu":               {},
	"kernels/conv":              {"kernels/cpu"},
	"kernels/rnn":               {"kernels/cpu", "kernels/conv"},
	"kernels/vec":               {"kernels/cpu"},
	"kernels/pool":              {"kernels/cpu"},
	"kernels/resize":            {},
	"kernels/kerneltest":        {},
	"runtime/graph":             {},
	"runtime/npy":               {"internal/zipdir"},
	"runtime/layers/operation":  {"keras", "runtime/graph"},
	"runtime/layers/quantize":   {"keras", "runtime/graph"},
	"runtime/layers/expression": {"keras", "runtime/graph", "runtime/layers", "runtime/layers/operation"},
	"runtime/layers/thirdparty": {"keras", "runtime/graph", "runtime/layers"},
	"runtime/layers":            {"keras", "runtime/graph", "runtime/layers/operation", "runtime/layers/quantize"},
	"runtime/step/reference":    {"runtime/graph"},
	"runtime/weight":            {"runtime/graph"},
	"runtime/step":              {"runtime/graph", "runtime/step/reference", "runtime/weight", "kernels/cpu", "kernels/conv", "kernels/rnn", "kernels/vec", "kernels/pool", "kernels/resize"},
	"runtime/grad":              {"runtime/graph", "kernels/resize"},
	"runtime/plan":              {"runtime/graph", "runtime/step", "runtime/weight"},
	"runtime/source":            {"keras", "hdf5load", "runtime/graph", "runtime/layers", "runtime/npy", "runtime/weight"},
	"runtime":                   {"keras", "hdf5load", "runtime/graph", "runtime/grad", "runtime/layers", "runtime/plan", "runtime/source", "runtime/step", "runtime/weight", "runtime/npy"},
	"vision":                    {"kernels/resize", "runtime", "runtime/graph"},
	"vision/overlay":            {"vision"},
	"plot":                      {"keras", "runtime/graph", "runtime/layers"},
	"metrics":                   {"keras", "runtime/graph"},
	"metrics/evaluate":          {"", "keras", "metrics", "runtime/graph"},
	"":                          {"runtime", "runtime/graph", "runtime/layers", "runtime/layers/expression", "runtime/layers/thirdparty", "runtime/source", "vision"},
	"convert/target":            {"keras", "hdf5load", "runtime/graph", "runtime/layers", "runtime/source", "runtime/weight"},
	"convert/":                  {"keras", "hdf5load", "runtime/graph", "runtime/layers", "runtime/layers/operation", "runtime/source", "runtime/weight", "convert/target"},
	"convert/tfjs":              {"keras", "runtime/graph", "runtime/layers", "runtime/source", "convert/target", "convert/"},
	"convert/smaller":           {"keras", "runtime/graph", "runtime/layers", "runtime/layers/quantize", "runtime/source", "runtime/weight", "convert/target", "convert/"},
	"convert/gopackage":         {"runtime/graph", "convert/target", "convert/"},
	"convert/onnx":              {"runtime/graph", "runtime/source", "convert/target", "kernels/resize"},
	"convert":                   {"runtime/graph", "runtime/source", "convert/target", "convert/onnx", "convert/tfjs", "convert/gopackage", "convert/smaller", "convert/", "internal/atomicfile"},
	"examples/":                 {"", "vision", "vision/overlay"},
	"serve":                     {"", "vision"},
	"serve/daemon":              {"serve"},
	"serve/grpcserve":           {"", "serve", "serve/grpcserve/"},
	"serve/grpcserve/":          {"", "serve", "serve/daemon", "serve/grpcserve"},
	"internal/atomicfile":       {},
	"internal/zipdir":           {},
	"internal/verify":           {""},
	"internal/compat":           {"", "internal/verify"},
	"internal/loadtest":         {},
	"internal/cost":             {"", "runtime/graph"},
	"internal/diff":             {"keras", "runtime/graph", "runtime/source"},
	"cmd/kerasrun/internal/":    {"", "metrics", "plot", "vision", "internal/verify", "cmd/kerasrun/internal/"},
	"cmd/kerasrun":              {"", "convert", "keras", "metrics", "metrics/evaluate", "plot", "vision", "serve", "serve/daemon", "internal/atomicfile", "internal/cost", "internal/diff", "internal/verify", "cmd/kerasrun/internal/"},
	"internal/arch":             {},
}

// room returns the key of a folder in the table: a key that ends in a slash stands for all below it.
func room(folder string) string {
	if _, ok := allowed[folder]; ok {
		return folder
	}
	for key := range allowed {
		if strings.HasSuffix(key, "/") && strings.HasPrefix(folder, key) {
			return key
		}
	}
	return folder
}

// files calls f for every Go file of the tree, with its folder.
func files(t *testing.T, f func(folder, name string)) {
	t.Helper()
	root := "../.."
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, name)
		rel = filepath.ToSlash(rel)
		if d.IsDir() && rel != "." && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata" || d.Name() == "venv") {
			return filepath.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(name, ".go") {
			folder := path.Dir(rel)
			if folder == "." {
				folder = ""
			}
			f(folder, name)
		}
		return nil
	})
	require.NoError(t, err)
}

// TestEncodings holds that protobuf and flatbuffers each have one package that writes them, without generated code; tests may read them,
// and the module of gRPC has what gRPC needs.
func TestEncodings(t *testing.T) {
	only := map[string]struct{ folder, path string }{
		"google.golang.org/protobuf":    {"convert/onnx", "google.golang.org/protobuf/encoding/protowire"},
		"github.com/google/flatbuffers": {"convert/tflite", "github.com/google/flatbuffers/go"},
	}
	files(t, func(folder, name string) {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(folder, "serve/grpcserve") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, imp := range f.Imports {
			p := strings.Trim(imp.Path.Value, `"`)
			for module, at := range only {
				if strings.HasPrefix(p, module) && (folder != at.folder || p != at.path) {
					t.Errorf("%s imports %q", path.Join(folder, filepath.Base(name)), p)
				}
			}
		}
	})
}

func TestImports(t *testing.T) {
	files(t, func(folder, name string) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		may, ok := allowed[room(folder)]
		require.True(t, ok, "folder %q is not in the import table", folder)
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, imp := range f.Imports {
			p, ours := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), module)
			if !ours {
				continue
			}
			p = strings.TrimPrefix(p, "/")
			if !slices.Contains(may, room(p)) {
				t.Errorf("%s must not import %q", path.Join(folder, filepath.Base(name)), p)
			}
		}
	})
}
