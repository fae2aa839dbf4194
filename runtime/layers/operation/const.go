package operation

import (
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// constTensor returns a constant argument as a tensor. weak reports a Python
// number, which takes the type of the other operand.
func constTensor(a *keras.Arg) (t graph.Tensor, weak, ok bool) {
	switch a.Kind {
	case keras.ArgConst:
		return valueTensor(a.Const)
	case keras.ArgDict:
		if i := index(a.Keys, "config"); i >= 0 {
			return arrayArg(a.Items[i])
		}
		return t, false, false
	case keras.ArgList:
		c := &collector{depth: -1}
		c.addArg(a, 0)
		t, ok = c.tensor()
		return t, false, ok
	}
	return t, false, false
}

func index(keys []string, k string) int {
	for i, s := range keys {
		if s == k {
			return i
		}
	}
	return -1
}

// arrayArg reads the config of a serialized array that was parsed as a dict.
func arrayArg(a *keras.Arg) (t graph.Tensor, weak, ok bool) {
	v, d := index(a.Keys, "value"), index(a.Keys, "dtype")
	if v < 0 {
		return t, false, false
	}
	t, _, ok = constTensor(a.Items[v])
	if ok && d >= 0 {
		name, _ := a.Items[d].Const.Str()
		if dt, known := graph.ParseDType(name); known {
			t = t.Cast(dt)
		}
	}
	return t, false, ok
}

// valueTensor is constTensor of a JSON value: a number, a bool, a (nested)
// list of them, or an array as Keras 3 writes it:
// {"class_name": "__numpy__", "config": {"value": [...], "dtype": "float32"}}.
func valueTensor(v *keras.Value) (t graph.Tensor, weak, ok bool) {
	switch v.Kind() {
	case keras.Object:
		config := v.Get("config")
		if t, _, ok = valueTensor(config.Get("value")); !ok {
			return t, false, false
		}
		name, _ := config.Get("dtype").Str()
		if d, known := graph.ParseDType(name); known {
			t = t.Cast(d)
		}
		return t, false, true
	case keras.Number, keras.Bool, keras.Array:
		c := &collector{depth: -1}
		c.add(v, 0)
		t, ok = c.tensor()
		return t, v.Kind() != keras.Array, ok
	}
	return t, false, false
}

// A collector reads a nested list of numbers row by row.
type collector struct {
	shape  graph.Shape
	depth  int // of the numbers, -1 before the first one
	data   []float64
	float  bool
	bools  int
	uneven bool
}

// enter checks the length of a list at a depth.
func (c *collector) enter(depth, n int) {
	switch {
	case depth == len(c.shape) && c.depth < 0:
		c.shape = append(c.shape, n)
	case depth >= len(c.shape) || c.shape[depth] != n:
		c.uneven = true
	}
}

func (c *collector) add(v *keras.Value, depth int) {
	if v.Kind() == keras.Array {
		c.enter(depth, len(v.Items()))
		for _, it := range v.Items() {
			c.add(it, depth+1)
		}
		return
	}
	if c.depth < 0 {
		c.depth = depth
	}
	b, isBool := v.Bool()
	x, isNumber := v.Float()
	if b {
		x = 1
	}
	if isBool {
		c.bools++
	}
	if _, isInt := v.Int(); isNumber && (!isInt || writtenAsFloat(v)) {
		c.float = true
	}
	c.uneven = c.uneven || depth != c.depth || !isBool && !isNumber
	c.data = append(c.data, x)
}

func (c *collector) addArg(a *keras.Arg, depth int) {
	switch a.Kind {
	case keras.ArgConst:
		c.add(a.Const, depth)
	case keras.ArgList:
		c.enter(depth, len(a.Items))
		for _, it := range a.Items {
			c.addArg(it, depth+1)
		}
	default:
		c.uneven = true
	}
}

// writtenAsFloat reports a number with a point or an exponent: 2.0 is no int in Python.
func writtenAsFloat(v *keras.Value) bool {
	for _, r := range v.JSON() {
		if r == '.' || r == 'e' || r == 'E' {
			return true
		}
	}
	return false
}

// tensor returns what was read, in the type Keras gives it: float32, int32
// (int64 where that is too narrow) or bool.
func (c *collector) tensor() (graph.Tensor, bool) {
	if n, ok := c.shape.Elems(); c.uneven || !ok || n != len(c.data) || c.bools > 0 && c.bools < len(c.data) {
		return graph.Tensor{}, false
	}
	d := graph.Int32
	switch {
	case c.bools > 0:
		d = graph.Bool
	case c.float:
		d = graph.Float32
	}
	for _, x := range c.data {
		if d == graph.Int32 && (x > 1<<31-1 || x < -1<<31) {
			d = graph.Int64
		}
	}
	t := graph.NewTensor(d, c.shape)
	for i, x := range c.data {
		t.SetFloat(i, x)
	}
	return t, true
}
