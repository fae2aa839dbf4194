package runtime

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
	"github.com/kerasrun/kerasrun/runtime/source"
	"github.com/kerasrun/kerasrun/runtime/weight"
	"github.com/stretchr/testify/require"
)

var (
	attributesFull = flag.Bool("attributes", false, "try all bad values of all attributes, not a sample of them")
	attributesOnly = flag.String("attributes-only", "", "try only attributes that contain this, such as \"Conv2D strides\"")
)

// hostileValues are put in the place of every value in the config of a layer.
var hostileValues = []string{"-1", "0", "1", "1048576", "16777216", "2147483648", "9223372036854775807", "1e308", "NaN", `"x"`, "null", "[]", "{}"}

// An attempt is one value of one config of one golden case and what to put in its place.
type attempt struct {
	file             string
	hint             keras.Hint
	vocabularies     map[string]string
	root, at         *keras.Value
	class, attribute string // of the layer; "kernel_size[]" for an item of a list
	value            string
}

func (a attempt) String() string {
	return fmt.Sprintf("%s %s=%s in %s", a.class, a.attribute, a.value, a.file)
}

// config returns the architecture with the value in its place.
func (a attempt) config() []byte {
	var b strings.Builder
	var write func(v *keras.Value)
	write = func(v *keras.Value) {
		switch {
		case v == a.at:
			b.WriteString(a.value)
		case v.Kind() == keras.Array:
			b.WriteByte('[')
			for i, it := range v.Items() {
				if i > 0 {
					b.WriteByte(',')
				}
				write(it)
			}
			b.WriteByte(']')
		case v.Kind() == keras.Object:
			b.WriteByte('{')
			for i, k := range v.Keys() {
				if i > 0 {
					b.WriteByte(',')
				}
				b.WriteString(keras.NewString(k).JSON())
				b.WriteByte(':')
				write(v.Get(k))
			}
			b.WriteByte('}')
		default:
			b.WriteString(v.JSON())
		}
	}
	write(a.root)
	return []byte(b.String())
}

// architecture reads the config of a golden case.
func architecture(t *testing.T, file string) (text []byte, hint keras.Hint, vocabularies map[string]string) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	info, err := f.Stat()
	require.NoError(t, err)
	if strings.HasSuffix(file, ".keras") {
		a, err := keras.OpenArchive(f, info.Size(), keras.Limits{})
		require.NoError(t, err)
		z, err := zip.NewReader(f, info.Size())
		require.NoError(t, err)
		vocabularies = map[string]string{}
		for _, m := range z.File {
			if layer, ok := strings.CutSuffix(m.Name, "/vocabulary.txt"); ok {
				words, err := a.ReadFile(m.Name, 1<<20)
				require.NoError(t, err)
				vocabularies[strings.TrimPrefix(layer, "assets/")] = string(words)
			}
		}
		return a.Config, keras.Hint{Metadata: a.Metadata}, vocabularies
	}
	h, err := hdf5load.Open(f, info.Size(), hdf5load.Limits{})
	require.NoError(t, err)
	config, err := hdf5load.AttrString(h.Root(), "model_config")
	require.NoError(t, err)
	hint.Version, err = hdf5load.AttrString(h.Root(), "keras_version")
	if !errors.Is(err, hdf5load.ErrNotFound) {
		require.NoError(t, err)
	}
	return []byte(config), hint, nil
}

// attempts lists what can be put in the place of what: each value of each
// attribute of each class of each Keras, in at most two golden cases.
func attempts(t *testing.T) []attempt {
	files, err := filepath.Glob("../testdata/models/*/model.*")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	seen := map[string]int{}
	var out []attempt
	for _, file := range files {
		if strings.HasSuffix(file, ".json") || strings.Contains(file, ".weights") {
			continue
		}
		text, hint, words := architecture(t, file)
		root, err := keras.ParseJSON(text, keras.Limits{})
		require.NoError(t, err)
		found := map[string]bool{}
		var walk func(v *keras.Value, class, attribute string)
		walk = func(v *keras.Value, class, attribute string) {
			if attribute != "" && class != "" && v.Kind() != keras.Object {
				key := strings.Join([]string{hint.Version[:min(1, len(hint.Version))], class, attribute}, " ")
				if !found[key] && seen[key] < 2 {
					found[key] = true
					for _, value := range hostileValues {
						out = append(out, attempt{file, hint, words, root, v, class, attribute, value})
					}
				}
			}
			switch v.Kind() {
			case keras.Array:
				for _, it := range v.Items() {
					walk(it, class, attribute+"[]")
				}
			case keras.Object:
				name, ok := v.Get("class_name").Str()
				if ok && v.Has("config") {
					for _, k := range v.Get("config").Keys() {
						if k != "layers" && k != "name" && k != "input_layers" && k != "output_layers" {
							walk(v.Get("config").Get(k), name, k)
						} else {
							walk(v.Get("config").Get(k), "", "")
						}
					}
					return
				}
				for _, k := range v.Keys() {
					walk(v.Get(k), class, cmp.Or(attribute+".", "")+k)
				}
			}
		}
		walk(root, "", "")
		for key := range found {
			seen[key]++
		}
	}
	return out
}

// A pseudoWeight yields numbers for a weight that no file holds.
type pseudoWeight struct {
	graph.Type
	index bool // it holds places in other weights
}

// Tensor implements [weight.Source].
func (w pseudoWeight) Tensor() (graph.Tensor, error) {
	t := graph.NewTensor(w.DType, w.Shape)
	for i := range t.Len() {
		if w.DType.Floating() && !w.index {
			t.SetFloat(i, float64(i%7)/4)
		}
	}
	return t, nil
}

// Floats implements [weight.Source].
func (w pseudoWeight) Floats(dst []float32, at int) error {
	for i := range dst {
		if !w.index {
			dst[i] = float32((at+i)%7) / 4
		}
	}
	return nil
}

// errWeights is what becomes of an architecture with more weights than a small file holds.
var errWeights = errors.New("more weights than the file")

// openArchitecture makes a model of an architecture and invented weights.
func openArchitecture(text []byte, hint keras.Hint, vocabularies map[string]string, o Options) (*Model, error) {
	arch, err := keras.ParseArchitecture(text, hint, keras.Limits{})
	if err != nil {
		return nil, err
	}
	prog, err := layers.Lower(arch, layers.Options{Vocabularies: vocabularies})
	if err != nil {
		return nil, err
	}
	src := &source.Model{Arch: arch, Program: prog}
	left := 16 << 20
	for _, p := range prog.Graph.Params {
		n, ok := p.Shape.Elems()
		if !ok || n > left/8 {
			return nil, errWeights
		}
		left -= 8 * n
		src.Weights = append(src.Weights, weight.From(p.Type, pseudoWeight{p.Type, strings.Contains(p.Name, "g_idx")}))
	}
	o.Limits = o.Limits.withDefaults()
	m, err := newModel(src, o)
	if err != nil {
		return nil, source.FileError("model", err)
	}
	return m, nil
}

// predictZeros runs m on small inputs.
func predictZeros(m *Model) error {
	var in []Tensor
	for _, i := range m.Inputs() {
		shape := i.Shape.Clone()
		for k, d := range shape {
			if d < 0 {
				shape[k] = 3
			}
		}
		if n, ok := shape.Elems(); !ok || n > 1<<20 {
			return nil
		}
		t := graph.NewTensor(i.DType, shape)
		if i.DType != graph.String {
			for k := range t.Len() {
				t.SetFloat(k, float64(k%2))
			}
		}
		in = append(in, t)
	}
	_, err := m.Predict(context.Background(), in...)
	return err
}

// allocated is the number of bytes that were allocated since the process began.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// otherWords are the attributes that errors call otherwise: classes without
// their own words for them, and names of an older Keras.
var otherWords = map[string]string{
	"TensorFlowOpLayer":                 "tf_op_layer",
	"InputLayer batch_input_shape":      "shape",
	"InputLayer batch_shape":            "shape",
	"Split indices_or_sections":         "split",
	"LeakyReLU alpha":                   "negative_slope",
	"MaxoutDense output_dim":            "units",
	"MaxoutDense batch_input_shape":     "hape",
	"Merge mode":                        "Merge",
	"Merge mode_type":                   "Merge",
	"Reshape newshape":                  "reshape",
	"STFTSpectrogram frame_length":      "frame_step",
	"StringLookup invert":               "input",
	"MultiHeadAttention sliding_window": "masked attention",
}

// named reports whether an error names the layer and the attribute that was
// changed, or is about what became of it: another layer or a call that it no
// longer fits, or a limit of the whole model, whose error names the layer and
// the size.
func named(a attempt, err error) bool {
	attribute, _, _ := strings.Cut(a.attribute, "[")
	text, other := err.Error(), otherWords[a.class+" "+attribute]
	if other == "" {
		other = otherWords[a.class]
	}
	at := (*layers.Error)(nil)
	switch {
	case strings.Contains(text, attribute), other != "" && strings.Contains(text, other):
		return true
	case errors.Is(err, ErrLimit), strings.Contains(text, "is too large"):
		return strings.Contains(text, "layer ")
	case errors.As(err, &at):
		return at.Class != a.class
	}
	return strings.Contains(text, "of layer ") // a result that it no longer has
}

// TestAttributes puts wrong values in the place of every attribute of every
// layer. Each is an error that names the layer and the attribute, or a model
// that runs: there is no panic, and no more memory is used than the limits say.
func TestAttributes(t *testing.T) {
	all := attempts(t)
	if *attributesOnly != "" {
		all = slices.DeleteFunc(all, func(a attempt) bool { return !strings.Contains(a.class+" "+a.attribute, *attributesOnly) })
	}
	if !*attributesFull {
		rand.New(rand.NewSource(8)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		n := 3000
		if testing.Short() {
			n = 1000
		}
		all = all[:min(len(all), n)]
	}
	o := Options{Threads: 1, Limits: Limits{Activation: 16 << 20}}
	const most = 256 << 20 // bytes of all allocations of one attempt
	count := map[string]int{}
	slowest := time.Duration(0)
	var failed []string
	fail := func(a attempt, format string, args ...any) {
		failed = append(failed, fmt.Sprintf("%v: %s", a, fmt.Sprintf(format, args...)))
	}
	for _, a := range all {
		func() {
			text := a.config()
			before, start := allocated(), time.Now()
			defer func() {
				if r := recover(); r != nil {
					fail(a, "panic: %v", r)
				}
				took := time.Since(start)
				slowest = max(slowest, took)
				if used := allocated() - before; used > most {
					fail(a, "allocates %d MiB", used>>20)
				}
				if took > 20*time.Second && *attributesFull { // 2 on an idle machine
					fail(a, "takes %v", took)
				}
			}()
			m, err := openArchitecture(text, a.hint, a.vocabularies, o)
			if err == nil {
				if err = predictZeros(m); err == nil {
					count["runs"]++
					return
				}
				count["loads, does not run"]++
				known := slices.ContainsFunc([]error{ErrInput, ErrLimit, graph.ErrShape, graph.ErrAttr}, func(e error) bool { return errors.Is(err, e) })
				if !known || strings.Contains(err.Error(), "internal error") {
					fail(a, "Predict: %v", err)
				}
				return
			}
			if errors.Is(err, errWeights) {
				count["needs other weights"]++
				return
			}
			count["refused"]++
			if strings.Contains(err.Error(), "internal error") {
				fail(a, "%v", err)
			}
			if !named(a, err) {
				fail(a, "the error does not say what is wrong: %v", err)
			}
		}()
	}
	t.Logf("%d attempts, slowest %v: %v", len(all), slowest, count)
	for _, f := range failed {
		t.Error(f)
	}
}

// FuzzArchitecture holds that no architecture makes opening or running a model
// panic, whatever its text; a mutation of one that is valid reaches deepest.
func FuzzArchitecture(f *testing.F) {
	files, err := filepath.Glob("../testdata/models/*/model.json")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		if len(text) < 4000 {
			f.Add(text, "3.15.1")
		}
	}
	for _, class := range []string{
		`{"class_name":"Conv2D","config":{"name":"l","filters":2,"kernel_size":[2,2],"strides":[1,1],"padding":"same","groups":1,"dilation_rate":[1,1]}}`,
		`{"class_name":"LSTM","config":{"name":"l","units":2,"return_sequences":true}}`,
		`{"class_name":"MultiHeadAttention","config":{"name":"l","num_heads":2,"key_dim":2}}`,
		`{"class_name":"Resizing","config":{"name":"l","height":2,"width":3}}`,
		`{"class_name":"TimeDistributed","config":{"name":"l","layer":{"class_name":"Dense","config":{"name":"d","units":2}}}}`,
	} {
		f.Add([]byte(`{"class_name":"Sequential","config":{"name":"s","layers":[{"class_name":"InputLayer","config":{"name":"i","batch_shape":[null,4,4,2],"dtype":"float32"}},`+class+`]}}`), "3.0")
	}
	o := Options{Threads: 1, Limits: Limits{Activation: 1 << 20}}
	f.Fuzz(func(t *testing.T, text []byte, version string) {
		m, err := openArchitecture(text, keras.Hint{Version: version}, nil, o)
		if err == nil {
			err = predictZeros(m)
		}
		if err != nil && strings.Contains(err.Error(), "internal error") {
			t.Fatal(err)
		}
	})
}
