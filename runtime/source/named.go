package source

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// WeightNames returns a unique name for each weight, by index: the path of its layer
// and its own name, "encoder/dense/kernel". One that comes again gets a number.
func WeightNames(params []graph.Param) []string {
	names := make([]string, len(params))
	seen := map[string]bool{}
	for i, p := range params {
		base := p.Layer + "/" + p.Name
		name := base
		for n := 1; seen[name]; n++ {
			name = fmt.Sprintf("%s_%d", base, n)
		}
		seen[name] = true
		names[i] = name
	}
	return names
}

// A namedStore holds weights under the names of [WeightNames], as safetensors and npz files do.
type namedStore map[string]*array

// bind pairs by name. What does not fit is listed in one error.
func (s namedStore) bind(prog *layers.Program) ([]binding, error) {
	params := prog.Graph.Params
	out := make([]binding, len(params))
	left := maps.Clone(s)
	var missing, other []string
	for i, name := range WeightNames(params) {
		p := params[i]
		a, ok := s[name]
		delete(left, name)
		switch {
		case !ok:
			missing = append(missing, fmt.Sprintf("layer %s (%s): weight %q, %v %v", p.Layer, p.Class, name, p.DType, p.Shape))
		case !slices.Equal(a.shape, p.Shape):
			other = append(other, fmt.Sprintf("layer %s (%s): weight %q is %v, want %v", p.Layer, p.Class, name, graph.Shape(a.shape), p.Shape))
		case !a.serves(p.DType):
			other = append(other, fmt.Sprintf("layer %s (%s): weight %q is %s, want %v", p.Layer, p.Class, name, a.kind, p.DType))
		default:
			out[i] = binding{stored: []hdf5load.Weight{{Name: name, Object: a}}}
		}
	}
	var faults []string
	for _, f := range []struct {
		what string
		list []string
	}{{"missing", missing}, {"of another form", other}, {"of no layer", slices.Sorted(maps.Keys(left))}} {
		if n := len(f.list); n > 0 {
			faults = append(faults, fmt.Sprintf("%d %s: %s", n, f.what, longList(f.list)))
		}
	}
	switch {
	case len(faults) == 0:
		return out, nil
	case len(missing) == 0 && len(left) == 0:
		return nil, fmt.Errorf("%w: %s", graph.ErrShape, strings.Join(faults, "; "))
	}
	return nil, fmt.Errorf("%w: %s", ErrNotFound, strings.Join(faults, "; "))
}

// longList joins what is wrong with weights, of very many the first.
func longList(all []string) string {
	const most = 20
	if n := len(all) - most; n > 0 {
		all = append(slices.Clone(all[:most]), fmt.Sprintf("and %d more", n))
	}
	return strings.Join(all, ", ")
}

// An array is a weight of a namedStore: a dataset without links and attributes.
type array struct {
	kind  string // the element type as the file names it
	dtype hdf5load.DType
	shape []int
	// load reads all elements, in the type of dtype.
	load func() (graph.Tensor, error)
	// part reads some of them, as [hdf5load.PartReader] does, or is nil.
	part func(dst []float32, from int) error
}

// elementTypes are the types that arrays may have.
var elementTypes = map[hdf5load.DType]graph.DType{
	hdf5load.Float32: graph.Float32, hdf5load.Float64: graph.Float64, hdf5load.Float16: graph.Float16, hdf5load.BFloat16: graph.BFloat16,
	hdf5load.Int8: graph.Int8, hdf5load.Int16: graph.Int16, hdf5load.Int32: graph.Int32, hdf5load.Int64: graph.Int64,
	hdf5load.Uint8: graph.Uint8, hdf5load.Uint16: graph.Uint16, hdf5load.Uint32: graph.Uint32, hdf5load.Uint64: graph.Uint64,
	hdf5load.Bool: graph.Bool,
}

// serves reports whether the elements may be those of a weight of type d. Floating types are converted; integers
// in place of them would be quantized weights without their scales.
func (a *array) serves(d graph.DType) bool {
	own, ok := elementTypes[a.dtype]
	return ok && (own == d || own.Floating() && d.Floating())
}

func (a *array) Kind() hdf5load.Kind                  { return hdf5load.Dataset }
func (a *array) Links() ([]string, error)             { return nil, nil }
func (a *array) Open(string) (hdf5load.Object, error) { return nil, hdf5load.ErrNotFound }
func (a *array) Attrs() ([]string, error)             { return nil, nil }
func (a *array) Attr(string) (*hdf5load.Attr, error)  { return nil, hdf5load.ErrNotFound }
func (a *array) DType() hdf5load.DType                { return a.dtype }
func (a *array) ElemSize() int                        { return elementTypes[a.dtype].Size() }
func (a *array) Shape() []int                         { return slices.Clone(a.shape) }

// ReadRaw is not asked for: only states of optimizers are copied as they are.
func (a *array) ReadRaw([]byte) error { return fmt.Errorf("%w: raw bytes of an array", ErrUnsupported) }

// Read reads all elements; see [hdf5load.Object].
func (a *array) Read(dst any) error {
	t, err := a.load()
	if err != nil {
		return err
	}
	switch d := dst.(type) {
	case []float32:
		copy(d, t.Cast(graph.Float32).Data.([]float32))
		return nil
	case []float64:
		copy(d, t.Cast(graph.Float64).Data.([]float64))
		return nil
	}
	if !copied(dst, t.Data) {
		return fmt.Errorf("%w: %s as %T", ErrUnsupported, a.kind, dst)
	}
	return nil
}

// ReadPart implements [hdf5load.PartReader] where part is set.
func (a *array) ReadPart(dst []float32, from int) error { return a.part(dst, from) }

// copied copies elements of equal types.
func copied(dst, src any) bool {
	switch d := dst.(type) {
	case []uint8:
		return same(d, src)
	case []uint16:
		return same(d, src)
	case []uint32:
		return same(d, src)
	case []uint64:
		return same(d, src)
	case []int8:
		return same(d, src)
	case []int16:
		return same(d, src)
	case []int32:
		return same(d, src)
	case []int64:
		return same(d, src)
	case []bool:
		return same(d, src)
	}
	return false
}

func same[T any](dst []T, src any) bool {
	s, ok := src.([]T)
	return ok && copy(dst, s) == len(s)
}
