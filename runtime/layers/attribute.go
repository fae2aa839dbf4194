package layers

import (
	"fmt"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// maxSize bounds the sizes in a config, so that products of a few of them fit an int.
const maxSize = 1 << 24

// whole is a config value that is a whole number or a list of them, such as
// kernel_size, strides or axis. Null is the empty list.
type whole struct {
	list   []int
	scalar bool // written as a number
}

// number is the whole n.
func number(n int) whole { return whole{[]int{n}, true} }

// UnmarshalKeras implements [keras.Unmarshaler].
func (w *whole) UnmarshalKeras(v *keras.Value) error {
	*w = whole{}
	if v.IsNull() {
		return nil
	}
	items := []*keras.Value{v}
	if v.Kind() == keras.Array {
		items = v.Items()
	} else {
		w.scalar = true
	}
	for _, it := range items {
		n, ok := it.Int()
		if !ok {
			return fmt.Errorf("%w: %s, want a whole number or a list of them", keras.ErrFormat, v.JSON())
		}
		w.list = append(w.list, n)
	}
	return nil
}

// String returns w as Keras writes it.
func (w whole) String() string {
	switch {
	case w.scalar:
		return fmt.Sprint(w.list[0])
	case w.list == nil:
		return "null"
	}
	return keras.NewInts(w.list...).JSON()
}

// each returns w for each of rank axes, where a number stands for all of them,
// and checks that none is smaller than least. After an error it returns ones.
func (s *scope) each(key string, w whole, rank, least int) []int {
	out := make([]int, rank)
	for i := range out {
		out[i] = 1
	}
	list := w.list
	if w.scalar {
		for len(list) < rank {
			list = append(list[:len(list):len(list)], list[0])
		}
	}
	if len(list) != rank {
		s.Failf("%w: %s is %v, want %d numbers", graph.ErrAttr, key, w, rank)
		return out
	}
	for _, n := range list {
		if n < least || n > maxSize {
			s.Failf("%w: %s is %v, want numbers from %d to %d", graph.ErrAttr, key, w, least, maxSize)
			return out
		}
	}
	return list
}

// size checks that n, the value of a config key, is a size of at least 1, and
// returns it, or 1 after an error.
func (s *scope) size(key string, n int) int {
	if n < 1 || n > maxSize {
		s.Failf("%w: %s is %d, want a number from 1 to %d", graph.ErrAttr, key, n, maxSize)
		return 1
	}
	return n
}

// axes resolves the axes in the value of a config key against the rank of x, in
// ascending order. There must be one at least.
func (s *scope) axes(key string, w whole, x graph.Value) []int {
	if s.Err() != nil {
		return nil
	}
	ax, err := graph.Axes(w.list, x.Rank())
	if err != nil || len(ax) == 0 {
		s.Failf("%w: %s is %v for an input %v", graph.ErrAttr, key, w, x.Shape)
		return nil
	}
	return ax
}

// borders holds the cells before and after each spatial axis that a padding or
// cropping layer adds or removes.
type borders[T [1][2]int | [2][2]int | [3][2]int] struct{ cells T }

// UnmarshalKeras reads n, or for each axis n or [before, after]. For one axis
// [before, after] may stand alone.
func (b *borders[T]) UnmarshalKeras(v *keras.Value) error {
	items := v.Items()
	if len(b.cells) == 1 && len(items) == 2 {
		items = []*keras.Value{v}
	}
	if v.Kind() != keras.Array {
		items = nil
		for range len(b.cells) {
			items = append(items, v)
		}
	}
	wrong := fmt.Errorf("%w: %s, want a number or %d pairs", keras.ErrFormat, v.JSON(), len(b.cells))
	if len(items) != len(b.cells) {
		return wrong
	}
	for i, it := range items {
		pair := []*keras.Value{it, it}
		if it.Kind() == keras.Array {
			pair = it.Items()
		}
		if len(pair) != 2 {
			return wrong
		}
		var ok [2]bool
		var cells [2]int
		for k := range pair {
			cells[k], ok[k] = pair[k].Int()
		}
		if !ok[0] || !ok[1] {
			return wrong
		}
		b.cells[i] = cells
	}
	return nil
}

// String returns b as Keras writes it.
func (b borders[T]) String() string {
	var pairs []*keras.Value
	for i := range len(b.cells) {
		pairs = append(pairs, keras.NewInts(b.cells[i][0], b.cells[i][1]))
	}
	return keras.NewArray(pairs...).JSON()
}

// list returns the borders of each axis after checking them.
func (b borders[T]) list(s *scope, key string) [][2]int {
	out := make([][2]int, len(b.cells))
	for i := range out {
		out[i] = b.cells[i]
		for _, n := range out[i] {
			if n < 0 || n > maxSize {
				s.Failf("%w: %s is %v, want numbers from 0 to %d", graph.ErrAttr, key, b, maxSize)
				return make([][2]int, len(b.cells))
			}
		}
	}
	return out
}

// numbers is a config value that is a number or a nested list of numbers, such
// as a scale or the mean of a Normalization. Null leaves data nil.
type numbers struct {
	shape []int
	data  []float64
}

// UnmarshalKeras implements [keras.Unmarshaler].
func (n *numbers) UnmarshalKeras(v *keras.Value) error {
	*n = numbers{}
	if v.IsNull() {
		return nil
	}
	for w := v; w.Kind() == keras.Array; w = w.Items()[0] {
		n.shape = append(n.shape, w.Len())
		if w.Len() == 0 {
			return fmt.Errorf("%w: %s, want numbers", keras.ErrFormat, v.JSON())
		}
	}
	return n.read(v, 0)
}

// read appends the numbers in v, which lies depth lists deep. The depth of the
// JSON document bounds the recursion.
func (n *numbers) read(v *keras.Value, depth int) error {
	if depth == len(n.shape) {
		f, ok := v.Float()
		if !ok {
			return fmt.Errorf("%w: %s, want a number", keras.ErrFormat, v.JSON())
		}
		n.data = append(n.data, f)
		return nil
	}
	if v.Kind() != keras.Array || v.Len() != n.shape[depth] {
		return fmt.Errorf("%w: %s, want a list of %d", keras.ErrFormat, v.JSON(), n.shape[depth])
	}
	for _, it := range v.Items() {
		if err := n.read(it, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// String returns n as Keras writes it, flat.
func (n numbers) String() string {
	switch {
	case n.data == nil:
		return "null"
	case len(n.shape) == 0:
		return fmt.Sprint(n.data[0])
	}
	return fmt.Sprint(n.data)
}

// constant returns f of the numbers as a constant of type d.
func (s *scope) constant(d graph.DType, n numbers, f func(float64) float64) graph.Value {
	t := graph.NewTensor(d, n.shape)
	for i, x := range n.data {
		t.SetFloat(i, f(x))
	}
	return s.Const(t)
}

// dataFormat says where the channels of an image are.
type dataFormat string

// The data formats.
const (
	channelsLast  dataFormat = "channels_last"
	channelsFirst dataFormat = "channels_first"
)

// UnmarshalKeras implements [keras.Unmarshaler]; null is channels_last.
func (f *dataFormat) UnmarshalKeras(v *keras.Value) error {
	name, ok := v.Str()
	switch {
	case v.IsNull():
		*f = channelsLast
	case ok && (dataFormat(name) == channelsLast || dataFormat(name) == channelsFirst):
		*f = dataFormat(name)
	default:
		return fmt.Errorf("%w: %s, want \"channels_last\" or \"channels_first\"", keras.ErrFormat, v.JSON())
	}
	return nil
}

// toLast moves the channels of x, in format f, to the end.
func (s *scope) toLast(f dataFormat, x graph.Value) graph.Value {
	n := x.Rank()
	if f != channelsFirst || n < 3 || s.Err() != nil {
		return x
	}
	perm := []int{0}
	for i := 2; i < n; i++ {
		perm = append(perm, i)
	}
	return s.Apply(graph.Transpose{Perm: append(perm, 1)}, x)
}

// fromLast is the inverse of toLast.
func (s *scope) fromLast(f dataFormat, x graph.Value) graph.Value {
	n := x.Rank()
	if f != channelsFirst || n < 3 || s.Err() != nil {
		return x
	}
	perm := []int{0, n - 1}
	for i := 1; i < n-1; i++ {
		perm = append(perm, i)
	}
	return s.Apply(graph.Transpose{Perm: perm}, x)
}

// rank checks the rank of an input and returns whether it is n.
func (s *scope) rank(x graph.Value, n int) bool {
	if s.Err() == nil && x.Rank() != n {
		s.Failf("%w: input is %v, want %d dimensions", graph.ErrShape, x.Shape, n)
	}
	return s.Err() == nil
}

// padding checks a padding mode; causal says whether the layer knows that one.
func (s *scope) padding(m graph.PadMode, causal bool) graph.Padding {
	if m != graph.Valid && m != graph.Same && (m != graph.Causal || !causal) {
		s.Failf("%w: padding is %q", graph.ErrAttr, m)
	}
	return graph.Padding{Mode: m}
}

// inFloat32 returns a scope and an operand that calculate in float32 when x is
// of a half-precision type, as Keras's normalizations do.
func (s *scope) inFloat32(x graph.Value) (*scope, graph.Value) {
	x = s.floating(x)
	if x.DType != graph.Float16 && x.DType != graph.BFloat16 {
		return s, x
	}
	return s.in(graph.Float32), s.cast(x, graph.Float32)
}
