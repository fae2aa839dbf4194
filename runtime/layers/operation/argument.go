package operation

import (
	"fmt"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A call is one call of an operation: its arguments by name, wherever the file
// keeps them (position, keyword or config).
type call struct {
	*graph.Builder
	rule  rule
	args  map[string]*keras.Arg
	used  map[string]bool
	value func(*keras.Arg) graph.Value
}

// arg returns an argument, or nil when it is absent or None.
func (o *call) arg(name string) *keras.Arg {
	o.used[name] = true
	a := o.args[name]
	if a == nil || a.Kind == keras.ArgConst && a.Const.Kind() == keras.Null {
		return nil
	}
	return a
}

// bad reports an argument of a kind that is not implemented.
func (o *call) bad(name string, a *keras.Arg) {
	what := "a tensor"
	if a == nil {
		o.Failf("%w: argument %q is missing", keras.ErrFormat, name)
		return
	}
	if a.Kind == keras.ArgConst {
		what = a.Const.JSON()
	} else if len(a.Tensors(nil)) == 0 {
		what = "a structure"
	}
	o.Failf("%w: argument %q is %s", keras.ErrUnsupported, name, what)
}

func (o *call) int(name string, def int) int {
	a := o.arg(name)
	if a == nil {
		return def
	}
	n, ok := a.Const.Int()
	if a.Kind != keras.ArgConst || !ok {
		o.bad(name, a)
	}
	return n
}

func (o *call) float(name string, def float64) float64 {
	a := o.arg(name)
	if a == nil {
		return def
	}
	x, ok := a.Const.Float()
	if a.Kind != keras.ArgConst || !ok {
		o.bad(name, a)
	}
	return x
}

func (o *call) bool(name string, def bool) bool {
	a := o.arg(name)
	if a == nil {
		return def
	}
	x, ok := a.Const.Bool()
	if a.Kind != keras.ArgConst || !ok {
		o.bad(name, a)
	}
	return x
}

func (o *call) str(name, def string) string {
	a := o.arg(name)
	if a == nil {
		return def
	}
	x, ok := a.Const.Str()
	if a.Kind != keras.ArgConst || !ok {
		o.bad(name, a)
	}
	return x
}

// ints reads an integer or a list of integers; ok is false when it is absent.
func (o *call) ints(name string) (out []int, ok bool) {
	a := o.arg(name)
	if a == nil {
		return nil, false
	}
	for _, it := range constItems(a) {
		n, ok := it.Int()
		if !ok {
			o.bad(name, a)
			return nil, true
		}
		out = append(out, n)
	}
	if len(a.Tensors(nil)) > 0 {
		o.bad(name, a)
	}
	return out, true
}

// constItems lists the constants of a list, or a constant alone. An entry that
// is no constant is nil.
func constItems(a *keras.Arg) []*keras.Value {
	var out []*keras.Value
	switch {
	case a.Kind == keras.ArgConst && a.Const.Kind() == keras.Array:
		return a.Const.Items()
	case a.Kind == keras.ArgConst:
		return []*keras.Value{a.Const}
	}
	for _, it := range a.Items {
		out = append(out, it.Const)
	}
	return out
}

// axes reads axes of a tensor of the given rank: all of them when absent.
func (o *call) axes(name string, rank int) []int {
	ax, ok := o.ints(name)
	if !ok {
		for i := range rank {
			ax = append(ax, i)
		}
		return ax
	}
	ax, err := graph.Axes(ax, rank)
	if err != nil {
		o.Fail(err)
	}
	return ax
}

// axis reads one axis and resolves it against rank.
func (o *call) axis(name string, def, rank int) int {
	ax, err := graph.Axes([]int{o.int(name, def)}, rank)
	if err != nil {
		o.Fail(err)
		return 0
	}
	return ax[0]
}

// dtypeArg reads an element type by name; ok is false when it is absent.
func (o *call) dtypeArg(name string) (d graph.DType, ok bool) {
	a := o.arg(name)
	if a == nil {
		return 0, false
	}
	text, _ := a.Const.Str()
	d, ok = graph.ParseDType(text)
	if !ok {
		o.Fail(fmt.Errorf("%w: dtype %s", keras.ErrUnsupported, a.Const.JSON()))
	}
	return d, true
}

// tensor returns an operand: a tensor, or a constant with the type that Keras
// gives it on its own (int32, float32 or bool).
func (o *call) tensor(name string) graph.Value {
	a := o.arg(name)
	if a == nil {
		o.bad(name, a)
		return none()
	}
	if a.Kind == keras.ArgTensor {
		return o.value(a)
	}
	t, _, ok := constTensor(a)
	if !ok {
		o.bad(name, a)
		return none()
	}
	return o.Const(t)
}

// tensors returns the tensors of a list operand, brought to one type.
func (o *call) tensors(name string) []graph.Value {
	a := o.arg(name)
	if a == nil {
		o.bad(name, a)
		return nil
	}
	items := a.Items
	if a.Kind == keras.ArgTensor {
		items = []*keras.Arg{a}
	}
	return o.promoteArgs(name, items)
}

// operands returns several operands brought to a common type.
func (o *call) operands(names ...string) []graph.Value {
	var args []*keras.Arg
	for _, n := range names {
		a := o.arg(n)
		if a == nil {
			o.bad(n, a)
			return failedOperands(len(names))
		}
		args = append(args, a)
	}
	return o.promoteArgs(names[0], args)
}

// none is what a lowering returns after an error.
func none() graph.Value { return graph.Value{ID: -1} }

func failedOperands(n int) []graph.Value {
	out := make([]graph.Value, n)
	for i := range out {
		out[i] = none()
	}
	return out
}
