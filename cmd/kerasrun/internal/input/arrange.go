package input

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun"
)

// npz reads the arrays that the inputs need; others are not read.
func (g *Group) npz(f io.ReaderAt, size int64, inputs []kerasrun.IO) error {
	z, err := kerasrun.OpenNpz(f, size, 0)
	if err != nil {
		return err
	}
	names := z.Names()
	if len(inputs) == 1 && len(names) == 1 {
		t, err := z.Read(names[0])
		if err != nil {
			return err
		}
		return g.arrange(map[string]kerasrun.Tensor{"": t}, inputs)
	}
	arrays := map[string]kerasrun.Tensor{}
	for i, in := range inputs {
		for _, name := range keys(i, in) {
			if !slices.Contains(names, name) {
				continue
			}
			if arrays[name], err = z.Read(name); err != nil {
				return err
			}
			break
		}
	}
	if len(arrays) < len(inputs) {
		for i, in := range inputs {
			if !slices.ContainsFunc(keys(i, in), func(k string) bool { _, ok := arrays[k]; return ok }) {
				return missing(i, in, names)
			}
		}
	}
	return g.arrange(arrays, inputs)
}

// keys are the names under which the array of an input is looked for.
func keys(i int, in kerasrun.IO) []string { return []string{in.Name, fmt.Sprintf("input_%d", i)} }

func missing(i int, in kerasrun.IO, found []string) error {
	if len(found) == 0 {
		return fmt.Errorf("%w: the file holds no array", kerasrun.ErrInput)
	}
	k := keys(i, in)
	return fmt.Errorf("%w: no array for input %q: want %q or %q, found %s", kerasrun.ErrInput, in.Name, k[0], k[1], strings.Join(found, ", "))
}

// arrange brings arrays into the order of the inputs, with a batch in front.
// The name "" stands for the only array of a file.
func (g *Group) arrange(arrays map[string]kerasrun.Tensor, inputs []kerasrun.IO) error {
	g.Tensors, g.Single = make([]kerasrun.Tensor, len(inputs)), true
	for i, in := range inputs {
		t, ok := arrays[""]
		if ok && len(inputs) > 1 {
			return fmt.Errorf("%w: one array, but the model has %d inputs; want their names", kerasrun.ErrInput, len(inputs))
		}
		for _, k := range keys(i, in) {
			if !ok {
				t, ok = arrays[k]
			}
		}
		if !ok {
			return missing(i, in, slices.Sorted(maps.Keys(arrays)))
		}
		t, single, err := withBatch(t, in)
		if err != nil {
			return err
		}
		if err := checkValues(t, in); err != nil {
			return err
		}
		g.Tensors[i] = t
		g.Single = g.Single && single
	}
	for i, in := range inputs {
		if n, want := g.Tensors[i].Shape, g.Tensors[0].Shape; len(n) > 0 && len(want) > 0 && n[0] != want[0] {
			return fmt.Errorf("%w: input %q has %d examples, input %q has %d", kerasrun.ErrInput, in.Name, n[0], inputs[0].Name, want[0])
		}
	}
	return nil
}

// withBatch gives t the rank of the input: an array without the batch is one
// example. As in Keras, a trailing dimension of 1 may be missing or extra.
func withBatch(t kerasrun.Tensor, in kerasrun.IO) (_ kerasrun.Tensor, single bool, _ error) {
	if s, ok := match(t.Shape, in.Shape); ok {
		t.Shape = s
		return t, false, nil
	}
	if len(in.Shape) > 1 && (in.Shape[0] < 0 || in.Shape[0] == 1) {
		if s, ok := match(t.Shape, in.Shape[1:]); ok {
			t.Shape = append(kerasrun.Shape{1}, s...)
			return t, true, nil
		}
	}
	return t, false, fmt.Errorf("%w: input %q: shape %v, want %v", kerasrun.ErrInput, in.Name, t.Shape, in.Shape)
}

// match fits got to want, which may add or drop one trailing dimension of 1.
func match(got, want kerasrun.Shape) (kerasrun.Shape, bool) {
	n := len(got)
	switch {
	case want.Fits(got):
		return got, true
	case n == len(want)+1 && got[n-1] == 1 && want.Fits(got[:n-1]):
		return got[:n-1], true
	case n+1 == len(want) && want[n] == 1 && want[:n].Fits(got):
		return append(got.Clone(), 1), true
	}
	return nil, false
}

// checkValues refuses what the model's element type cannot hold: text where it
// takes numbers, and fractions where it takes integers.
func checkValues(t kerasrun.Tensor, in kerasrun.IO) error {
	if (t.DType == kerasrun.String) != (in.DType == kerasrun.String) {
		return fmt.Errorf("%w: input %q: elements of type %v, want %v", kerasrun.ErrInput, in.Name, t.DType, in.DType)
	}
	if !t.DType.Floating() || !in.DType.Integer() {
		return nil
	}
	for i := range t.Len() {
		if v := t.Float(i); v != math.Trunc(v) || math.Abs(v) > math.MaxInt64 {
			return fmt.Errorf("%w: input %q: element %d is %v, want an integer (%v)", kerasrun.ErrInput, in.Name, i, v, in.DType)
		}
	}
	return nil
}
