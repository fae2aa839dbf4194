package source

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// openTFJS opens a layers model of TensorFlow.js: its architecture is that of
// Keras 2, and its weights lie in the files that the manifest names, beside it.
func (l *loader) openTFJS(root *keras.Value) (*contents, error) {
	l.info.Format = "TensorFlow.js layers model"
	topology := root.Get("modelTopology")
	if format, _ := root.Get("format").Str(); format == "graph-model" || topology.Has("node") {
		return nil, fmt.Errorf("%w: a graph model of TensorFlow.js, which has operations of TensorFlow and no Keras layers; convert the Keras file it was made from", ErrUnsupported)
	}
	topology, err := topology.Embedded(l.options.Limits.Keras)
	if err != nil {
		return nil, err
	}
	hint := keras.Hint{}
	hint.Version, _ = topology.Get("keras_version").Str()
	// TensorFlow.js writes its own version, and reads what Keras 2 wrote.
	if major := keras.ParseVersion(hint.Version).Major; major < 1 || strings.HasPrefix(hint.Version, "tfjs") {
		hint.Version = "2.15.0"
	}
	arch, err := keras.ParseArchitecture([]byte(topology.JSON()), hint, l.options.Limits.Keras)
	if err != nil {
		return nil, err
	}
	return &contents{arch: arch, weights: func(*layers.Program) (store, error) {
		return l.tfjsWeights(root.Get("weightsManifest"))
	}}, nil
}

// tfjsWeights opens the files of a manifest: groups of files, each with a list
// of the weights that their bytes, one after the other, hold.
func (l *loader) tfjsWeights(manifest *keras.Value) (store, error) {
	s := tfjsStore{}
	opened := map[string]bool{}
	for _, group := range manifest.Items() {
		files := &joinedFiles{}
		for _, p := range group.Get("paths").Items() {
			name, _ := p.Str()
			if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, `\:`) {
				return nil, fmt.Errorf("%w: weights in %s: want the name of a file beside the model", ErrFormat, p.JSON())
			}
			if opened[name] {
				return nil, fmt.Errorf("%w: weights in %q: named twice", ErrFormat, name)
			}
			opened[name] = true
			if l.fsys == nil {
				return nil, fmt.Errorf("%w: the weights are in %q; open the model by the name of its file", ErrNotFound, name)
			}
			r, size, err := l.file(l.fsys, path.Join(path.Dir(l.at), name))
			if err != nil {
				return nil, fmt.Errorf("%w: weights: %w", ErrNotFound, err)
			}
			files.add(r, size)
		}
		if err := s.group(group.Get("weights"), files); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// A tfjsStore holds the weights of a layers model of TensorFlow.js by name.
type tfjsStore map[string]hdf5load.Weight

// group adds the weights of a group of files.
func (s tfjsStore) group(weights *keras.Value, files *joinedFiles) error {
	at := int64(0)
	for _, w := range weights.Items() {
		name, _ := w.Get("name").Str()
		a, err := newTFJSArray(w, at, files)
		if err != nil {
			return fmt.Errorf("weight %q: %w", name, err)
		}
		at += a.bytes()
		if of, _ := w.Get("group").Str(); of == "optimizer" {
			continue
		}
		if _, twice := s[name]; twice {
			return fmt.Errorf("%w: two weights are called %q", ErrFormat, name)
		}
		s[name] = hdf5load.Weight{Name: name, Object: a}
	}
	if at != files.size {
		return fmt.Errorf("%w: the files of a group of weights have %d bytes, want %d", ErrFormat, files.size, at)
	}
	return nil
}

// bind pairs by name, as TensorFlow.js does.
func (s tfjsStore) bind(prog *layers.Program) ([]binding, error) {
	params := prog.Graph.Params
	byName := map[string]hdf5load.Weight{}
	for name, w := range s {
		byName[name] = w
	}
	stored := slices.Sorted(maps.Keys(s))
	// TensorFlow 2.2 and later put the cell into the names: "lstm/lstm_cell/kernel".
	for _, name := range stored {
		parts := strings.Split(name, "/")
		if len(parts) < 3 {
			continue
		}
		short := strings.Join(slices.Delete(parts, len(parts)-2, len(parts)-1), "/")
		if _, taken := byName[short]; !taken {
			byName[short] = s[name]
		}
	}
	out := make([]binding, len(params))
	used := map[string]bool{}
	for i, name := range TFJSNames(prog) {
		w, ok := byName[name]
		if !ok {
			return nil, fmt.Errorf("%w: layer %s (%s): no weight %q in the manifest", ErrNotFound, params[i].Layer, params[i].Class, name)
		}
		if used[w.Name] {
			return nil, fmt.Errorf("%w: layer %s (%s): weight %q is another layer's too", ErrFormat, params[i].Layer, params[i].Class, name)
		}
		used[w.Name] = true
		out[i] = binding{stored: []hdf5load.Weight{w}}
	}
	for _, name := range stored {
		if !used[name] {
			return nil, fmt.Errorf("%w: weight %q is of no layer", ErrFormat, name)
		}
	}
	return out, nil
}

// joinedFiles are files one after the other.
type joinedFiles struct {
	files  []io.ReaderAt
	starts []int64
	size   int64
}

func (j *joinedFiles) add(r io.ReaderAt, size int64) {
	if size == 0 {
		return
	}
	j.files, j.starts = append(j.files, r), append(j.starts, j.size)
	j.size += size
}

// read fills b with the bytes from at on.
func (j *joinedFiles) read(b []byte, at int64) error {
	for len(b) > 0 {
		i := sort.Search(len(j.starts), func(i int) bool { return j.starts[i] > at }) - 1
		if i < 0 || at >= j.size {
			return io.ErrUnexpectedEOF
		}
		end := j.size
		if i+1 < len(j.starts) {
			end = j.starts[i+1]
		}
		n := int(min(int64(len(b)), end-at))
		if got, err := j.files[i].ReadAt(b[:n], at-j.starts[i]); got < n {
			return err
		}
		b, at = b[n:], at+int64(n)
	}
	return nil
}

// A tfjsArray is a weight in the files of a group: a dataset without links and attributes.
type tfjsArray struct {
	files *joinedFiles
	at    int64 // of its first byte
	shape []int
	n     int64          // elements
	dtype hdf5load.DType // of the weight
	raw   hdf5load.DType // of the stored elements
	// A stored integer q is scale q + low, where quantized.
	quantized  bool
	scale, low float64
}

var tfjsDTypes = map[string]hdf5load.DType{"float32": hdf5load.Float32, "int32": hdf5load.Int32, "bool": hdf5load.Bool}

// newTFJSArray makes the array that a manifest describes, whose bytes begin at at.
func newTFJSArray(about *keras.Value, at int64, files *joinedFiles) (*tfjsArray, error) {
	a := &tfjsArray{files: files, at: at, n: 1, shape: []int{}}
	name, _ := about.Get("dtype").Str()
	dtype, ok := tfjsDTypes[name]
	if !ok {
		return nil, fmt.Errorf("%w: dtype %s", ErrUnsupported, about.Get("dtype").JSON())
	}
	a.dtype, a.raw = dtype, dtype
	if about.Get("shape").Kind() != keras.Array {
		return nil, fmt.Errorf("%w: it has no shape", ErrFormat)
	}
	for _, v := range about.Get("shape").Items() {
		d, ok := v.Int()
		if !ok || d < 0 || d > 0 && a.n > math.MaxInt64/8/int64(d) || len(a.shape) == maxRank {
			return nil, fmt.Errorf("%w: shape %s", ErrFormat, about.Get("shape").JSON())
		}
		a.shape = append(a.shape, d)
		a.n *= int64(d)
	}
	if q := about.Get("quantization"); !q.IsNull() {
		kind, _ := q.Get("dtype").Str()
		a.raw, ok = map[string]hdf5load.DType{"uint8": hdf5load.Uint8, "uint16": hdf5load.Uint16, "float16": hdf5load.Float16}[kind]
		if !ok || dtype == hdf5load.Bool || a.raw == hdf5load.Float16 && dtype != hdf5load.Float32 {
			return nil, fmt.Errorf("%w: %s quantized as %s", ErrUnsupported, name, q.Get("dtype").JSON())
		}
		if a.raw != hdf5load.Float16 {
			var hasScale, hasMin bool
			a.scale, hasScale = q.Get("scale").Float()
			a.low, hasMin = q.Get("min").Float()
			if !hasScale || !hasMin {
				return nil, fmt.Errorf("%w: quantized without scale or min", ErrFormat)
			}
			a.quantized = true
		}
	}
	if a.n > files.size || a.bytes() > files.size-at {
		return nil, fmt.Errorf("%w: %v elements of shape %v are more than the files hold", ErrFormat, a.dtype, graph.Shape(a.shape))
	}
	return a, nil
}

// maxRank is the most dimensions of a weight.
const maxRank = 8

var rawBytes = map[hdf5load.DType]int64{hdf5load.Float32: 4, hdf5load.Int32: 4, hdf5load.Bool: 1, hdf5load.Uint8: 1, hdf5load.Uint16: 2, hdf5load.Float16: 2}

// bytes are those of the stored elements.
func (a *tfjsArray) bytes() int64 { return a.n * rawBytes[a.raw] }

func (a *tfjsArray) Kind() hdf5load.Kind                  { return hdf5load.Dataset }
func (a *tfjsArray) Links() ([]string, error)             { return nil, nil }
func (a *tfjsArray) Open(string) (hdf5load.Object, error) { return nil, hdf5load.ErrNotFound }
func (a *tfjsArray) Attrs() ([]string, error)             { return nil, nil }
func (a *tfjsArray) Attr(string) (*hdf5load.Attr, error)  { return nil, hdf5load.ErrNotFound }
func (a *tfjsArray) DType() hdf5load.DType                { return a.dtype }
func (a *tfjsArray) ElemSize() int                        { return int(rawBytes[a.dtype]) }
func (a *tfjsArray) Shape() []int                         { return slices.Clone(a.shape) }
func (a *tfjsArray) ReadRaw(dst []byte) error             { return a.files.read(dst, a.at) }
func (a *tfjsArray) ReadPart(dst []float32, from int) error {
	return a.each(int64(from), int64(len(dst)), func(i int, x float64) { dst[i] = float32(x) })
}

// Read reads all elements; see [hdf5load.Object].
func (a *tfjsArray) Read(dst any) error {
	switch d := dst.(type) {
	case []float32:
		return a.ReadPart(d, 0)
	case []float64:
		return a.each(0, int64(len(d)), func(i int, x float64) { d[i] = x })
	case []int32:
		return a.each(0, int64(len(d)), func(i int, x float64) { d[i] = int32(x) })
	case []int64:
		return a.each(0, int64(len(d)), func(i int, x float64) { d[i] = int64(x) })
	case []bool:
		return a.each(0, int64(len(d)), func(i int, x float64) { d[i] = x != 0 })
	}
	return fmt.Errorf("%w: %v as %T", ErrUnsupported, a.dtype, dst)
}

// each calls f with n elements from number from on.
func (a *tfjsArray) each(from, n int64, f func(i int, x float64)) error {
	if from < 0 || n > a.n-from {
		return fmt.Errorf("%w: elements %d to %d of %d", ErrFormat, from, from+n, a.n)
	}
	size := rawBytes[a.raw]
	block := make([]byte, min(n, 1<<16)*size)
	for done := int64(0); done < n; {
		part := block[:min(n-done, 1<<16)*size]
		if err := a.files.read(part, a.at+(from+done)*size); err != nil {
			return err
		}
		for k := int64(0); k < int64(len(part)); k += size {
			f(int(done+k/size), a.value(part[k:]))
		}
		done += int64(len(part)) / size
	}
	return nil
}

// value decodes the element that b begins with.
func (a *tfjsArray) value(b []byte) float64 {
	var x float64
	switch a.raw {
	case hdf5load.Float32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	case hdf5load.Float16:
		return float64(graph.HalfToFloat(binary.LittleEndian.Uint16(b)))
	case hdf5load.Int32:
		return float64(int32(binary.LittleEndian.Uint32(b)))
	case hdf5load.Uint16:
		x = float64(binary.LittleEndian.Uint16(b))
	default:
		x = float64(b[0])
	}
	if !a.quantized {
		return x
	}
	x = x*a.scale + a.low
	if a.dtype == hdf5load.Int32 {
		return math.Floor(x + 0.5) // as Math.round does
	}
	return x
}
