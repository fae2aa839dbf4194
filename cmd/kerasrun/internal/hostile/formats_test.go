//go:build linux

package hostile

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/input"
	"github.com/kerasrun/kerasrun/convert"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/source"
	"github.com/kerasrun/kerasrun/vision"
)

// root is the top of the tree.
const root = "../../../../"

// A seed is a valid file and those that it is read with.
type seed struct {
	name   string
	data   []byte
	beside map[string][]byte
}

// A format is a kind of file, small valid files of it, how to damage one, and
// how to read it. read returns a digest of what it read.
type format struct {
	name   string
	seeds  func() ([]seed, error)
	mutate func(*mutator, []byte) []byte
	read   func(s seed, data []byte) (digest uint64, err error)
	// open says that a shorter file can be valid too.
	open bool
}

var formats = []format{
	{name: "keras", seeds: files("testdata/models/*/model.keras", 24_000), mutate: (*mutator).archive, read: loadReader},
	{name: "h5", seeds: files("testdata/models/*/model.h5", 24_000), mutate: (*mutator).hdf5, read: loadReader},
	{name: "weights.h5", seeds: pairs("weights.h5", "model.weights.h5"), mutate: (*mutator).hdf5, read: loadPair},
	{name: "safetensors", seeds: converted("safetensors"), mutate: (*mutator).safetensors, read: loadPair},
	{name: "weights as npz", seeds: converted("npz"), mutate: (*mutator).archive, read: loadPair},
	{name: "json", seeds: pairs("model.json", "model.json"), mutate: (*mutator).json, read: loadPair},
	{name: "tfjs", seeds: tfjs("model.json"), mutate: (*mutator).json, read: loadPair},
	{name: "tfjs weights", seeds: tfjs("weights.bin"), mutate: (*mutator).bytes, read: loadPair},
	{name: "npy", seeds: files("runtime/npy/testdata/*.npy", 4000), mutate: (*mutator).bytes, read: readNpy},
	{name: "npz", seeds: files("runtime/npy/testdata/*.npz", 8000), mutate: (*mutator).archive, read: readNpz},
	{name: "images", seeds: files("testdata/vision/*.[pjg][npi][gf]", 30_000), mutate: (*mutator).bytes, read: decode},
	{name: "csv", seeds: texts("1,2\n3,4\n", "a,b\n1,2\n", "1;2\n\"3\";4\n", "1\t2\n3\t4\n"), mutate: (*mutator).bytes, read: readInput, open: true},
	{name: "inputs as JSON", seeds: texts("[[1,2],[3,4]]", `{"x":[[1,2]]}`, `{"x":[[1.5,-2e3],[0,1]]}`), mutate: (*mutator).json, read: readInput},
	{name: "inputs of any kind", seeds: files("testdata/vision/*.png", 5000), mutate: (*mutator).bytes, read: readInput, open: true},
}

// files are the files of at most most bytes that a pattern finds.
func files(pattern string, most int64) func() ([]seed, error) {
	return func() ([]seed, error) {
		names, err := filepath.Glob(root + pattern)
		if err != nil {
			return nil, err
		}
		var out []seed
		for _, name := range names {
			if st, err := os.Stat(name); err != nil || st.Size() > most {
				continue
			}
			data, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			out = append(out, seed{name: name, data: data})
		}
		return out, nil
	}
}

func texts(all ...string) func() ([]seed, error) {
	return func() (out []seed, err error) {
		for i, t := range all {
			out = append(out, seed{name: fmt.Sprint("text ", i), data: []byte(t)})
		}
		return out, nil
	}
}

// pairs are the golden cases of an architecture and weights; the file called
// one of names is damaged.
func pairs(names ...string) func() ([]seed, error) {
	return func() (out []seed, err error) {
		models, err := filepath.Glob(root + "testdata/models/*/model.json")
		if err != nil {
			return nil, err
		}
		for _, model := range models {
			all := map[string][]byte{}
			damaged := ""
			for _, name := range []string{"model.json", "weights.h5", "model.weights.h5"} {
				data, err := os.ReadFile(filepath.Join(filepath.Dir(model), name))
				if err != nil || len(data) > 40_000 {
					continue
				}
				all[name] = data
				if slices.Contains(names, name) {
					damaged = name
				}
			}
			if damaged != "" && len(all) == 2 {
				out = append(out, seed{damaged, all[damaged], all})
			}
		}
		return out, nil
	}
}

// converted are those with the weights in another format.
func converted(to string) func() ([]seed, error) {
	return func() ([]seed, error) {
		from, err := pairs("weights.h5", "model.weights.h5")()
		if err != nil {
			return nil, err
		}
		var out []seed
		for _, s := range from {
			fsys := fstest.MapFS{"model.json": {Data: s.beside["model.json"]}, s.name: {Data: s.data}}
			m, err := source.OpenFS(fsys, "model.json", s.name, source.Options{})
			if err != nil {
				return nil, err
			}
			var b bytes.Buffer
			err = convert.Write(context.Background(), &b, m, to, convert.Options{})
			m.Close()
			if err != nil {
				return nil, err
			}
			name := "w." + to
			made := seed{name, b.Bytes(), map[string][]byte{"model.json": s.beside["model.json"], name: b.Bytes()}}
			if _, err := loadPair(made, made.data); err == nil {
				out = append(out, made)
			}
		}
		return out, nil
	}
}

func tfjs(damaged string) func() ([]seed, error) {
	return func() ([]seed, error) {
		all := map[string][]byte{}
		for _, name := range []string{"model.json", "weights.bin"} {
			data, err := os.ReadFile(root + "convert/testdata/tfjs/" + name)
			if err != nil {
				return nil, err
			}
			all[name] = data
		}
		return []seed{{damaged, all[damaged], all}}, nil
	}
}

// A digest is the hash of all that was read.
func digestOf(what ...any) uint64 {
	h := fnv.New64a()
	for _, w := range what {
		fmt.Fprint(h, w)
	}
	return h.Sum64()
}

// activations bounds the intermediate values of a prediction: a tenth of a child's memory.
const activations = 64 << 20

var options = []kerasrun.Option{
	kerasrun.WithThreads(1), kerasrun.WithLimits(kerasrun.Limits{Activation: activations, Weights: activations}),
}

func loadReader(_ seed, data []byte) (uint64, error) {
	m, err := kerasrun.LoadReader(bytes.NewReader(data), int64(len(data)), options...)
	if err != nil {
		return 0, err
	}
	return predict(m)
}

// loadPair loads an architecture and the weights beside it.
func loadPair(s seed, data []byte) (uint64, error) {
	fsys := fstest.MapFS{}
	weights := ""
	for name, d := range s.beside {
		fsys[name] = &fstest.MapFile{Data: d}
		if name != "model.json" && !strings.HasSuffix(name, ".bin") {
			weights = name
		}
	}
	fsys[s.name] = &fstest.MapFile{Data: data}
	o := options
	if weights != "" {
		o = append(slices.Clone(options), kerasrun.WithWeights(weights))
	}
	m, err := kerasrun.LoadFS(fsys, "model.json", o...)
	if err != nil {
		return 0, err
	}
	return predict(m)
}

// predict runs a model on small inputs.
func predict(m *kerasrun.Model) (uint64, error) {
	defer m.Close()
	var in []kerasrun.Tensor
	for _, i := range m.Inputs() {
		shape := slices.Clone(i.Shape)
		for k, d := range shape {
			if d < 0 {
				shape[k] = 2
			}
		}
		if n, ok := shape.Elems(); !ok || n > 1<<20 {
			return 0, nil
		}
		t := graph.NewTensor(i.DType, shape)
		if i.DType != kerasrun.String {
			for k := range t.Len() {
				t.SetFloat(k, float64(k%2))
			}
		}
		in = append(in, t)
	}
	out, err := m.Predict(context.Background(), in...)
	return digestOf(out), err
}

func readNpy(_ seed, data []byte) (uint64, error) {
	t, err := kerasrun.ReadNpy(bytes.NewReader(data), 16<<20)
	return digestOf(t), err
}

func readNpz(_ seed, data []byte) (uint64, error) {
	z, err := kerasrun.OpenNpz(bytes.NewReader(data), int64(len(data)), 1<<20)
	if err != nil {
		return 0, err
	}
	var all []any
	for _, name := range z.Names() {
		t, err := z.Read(name)
		if err != nil {
			return 0, err
		}
		all = append(all, name, t)
	}
	return digestOf(all...), nil
}

func decode(_ seed, data []byte) (uint64, error) {
	img, err := vision.Decode(bytes.NewReader(data), 1<<20)
	if err != nil {
		return 0, err
	}
	p, err := vision.FromImage(img, 3)
	return digestOf(p), err
}

func readInput(_ seed, data []byte) (uint64, error) {
	in := []kerasrun.IO{{Name: "x", DType: kerasrun.Float32, Shape: kerasrun.Shape{-1, 2}}}
	if bytes.HasPrefix(data, []byte("\x89PNG")) {
		in[0].Shape = kerasrun.Shape{-1, 8, 8, 3}
	}
	r := &input.Reader{Inputs: in, Stdin: io.Reader(bytes.NewReader(data))}
	g, err := r.Read(context.Background(), input.Stdin)
	if err != nil {
		return 0, err
	}
	return digestOf(g.Tensors), nil
}
