package expression

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
	"github.com/kerasrun/kerasrun/runtime/layers/operation"
)

// Layer returns the function of a Lambda layer that computes the expression text. If
// that cannot be read, the function says so.
func Layer(text string) layers.LayerFunc {
	e, err := Parse(text)
	if err != nil {
		return func(*layers.LayerBuilder, *keras.Value, []graph.Value) ([]graph.Value, error) {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
	}
	return e.Layer
}

// Layer is the function of a Lambda layer that computes e: a [layers.LayerFunc].
// The first parameter is the operand, or the list of them where there are several;
// the others are the layer's arguments by name, or have their defaults.
//
// Arithmetic is TensorFlow's: operands have one type, and numbers take it.
func (e *Expression) Layer(b *layers.LayerBuilder, config *keras.Value, in []graph.Value) ([]graph.Value, error) {
	l := &lowering{b: b, values: map[*keras.Arg]graph.Value{}, names: map[string]*keras.Arg{}}
	operands := make([]*keras.Arg, len(in))
	for i, v := range in {
		operands[i] = l.tensor(v)
	}
	l.names[e.params[0].name] = &keras.Arg{Kind: keras.ArgList, Items: operands}
	if len(in) == 1 {
		l.names[e.params[0].name] = operands[0]
	}
	for _, p := range e.params[1:] {
		switch given := config.Get("arguments").Get(p.name); {
		case given != nil:
			l.names[p.name] = &keras.Arg{Kind: keras.ArgConst, Const: given}
		case p.def != nil:
			l.names[p.name] = l.eval(p.def)
		default:
			return nil, fmt.Errorf("%w: parameter %s has no value", ErrSyntax, p.name)
		}
	}
	out := l.eval(e.body)
	if l.err != nil {
		return nil, fmt.Errorf("%q: %w", e.text, l.err)
	}
	var results []graph.Value
	items := []*keras.Arg{out}
	if out.Kind == keras.ArgList {
		items = out.Items
	}
	for _, it := range items {
		if it.Kind != keras.ArgTensor {
			return nil, fmt.Errorf("%w: %q is no tensor of its operand", ErrSyntax, e.text)
		}
		results = append(results, l.values[it])
	}
	return results, nil
}

// A lowering is one walk through an expression.
type lowering struct {
	b      *layers.LayerBuilder
	values map[*keras.Arg]graph.Value
	names  map[string]*keras.Arg
	err    error
}

func (l *lowering) tensor(v graph.Value) *keras.Arg {
	a := &keras.Arg{Kind: keras.ArgTensor}
	l.values[a] = v
	return a
}

// fail keeps the first error, at a node, and returns a stand-in.
func (l *lowering) fail(n *node, format string, args ...any) *keras.Arg {
	if l.err == nil {
		l.err = fmt.Errorf("column %d: %w", n.at+1, fmt.Errorf(format, args...))
	}
	return none()
}

func none() *keras.Arg { return &keras.Arg{Kind: keras.ArgConst, Const: keras.NewNull()} }

func number(f float64, whole bool) *keras.Arg {
	if whole && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return &keras.Arg{Kind: keras.ArgConst, Const: keras.NewInt(int(f))}
	}
	return &keras.Arg{Kind: keras.ArgConst, Const: keras.NewNumber(f)}
}

// eval computes a node: a tensor, a list, or a constant.
func (l *lowering) eval(n *node) *keras.Arg {
	if l.err != nil {
		return none()
	}
	switch n.kind {
	case constant:
		return &keras.Arg{Kind: keras.ArgConst, Const: n.value}
	case name:
		return l.name(n)
	case list:
		return l.list(n)
	case operator:
		return l.operator(n)
	case call:
		return l.call(n)
	case attribute:
		return l.attribute(n, l.eval(n.parts[0]), n.text)
	case index:
		return l.index(n)
	}
	return l.fail(n, "%w: a slice outside of an index", ErrSyntax)
}

// name is a parameter, or an attribute of one: x, x.shape.
func (l *lowering) name(n *node) *keras.Arg {
	first, rest, more := strings.Cut(n.text, ".")
	a, ok := l.names[first]
	switch {
	case !ok && (n.text == "math.pi" || n.text == "np.pi" || n.text == "numpy.pi"):
		return number(math.Pi, false)
	case !ok && strings.HasPrefix(n.text, "tf."): // a dtype
		return &keras.Arg{Kind: keras.ArgConst, Const: keras.NewString(n.text[3:])}
	case !ok:
		return l.fail(n, "%w: unknown name %q", ErrSyntax, n.text)
	case more:
		return l.attribute(n, a, rest)
	}
	return a
}

func (l *lowering) attribute(n *node, of *keras.Arg, text string) *keras.Arg {
	if of.Kind != keras.ArgTensor || text != "shape" && text != "dtype" {
		return l.fail(n, "%w: unknown attribute %q", ErrSyntax, text)
	}
	v := l.values[of]
	if text == "dtype" {
		return &keras.Arg{Kind: keras.ArgConst, Const: keras.NewString(v.DType.String())}
	}
	return shapeOf(v)
}

func shapeOf(v graph.Value) *keras.Arg {
	var dims []*keras.Value
	for _, d := range v.Shape {
		if d < 0 {
			dims = append(dims, keras.NewNull())
		} else {
			dims = append(dims, keras.NewInt(d))
		}
	}
	return &keras.Arg{Kind: keras.ArgConst, Const: keras.NewArray(dims...)}
}

// list is a list of constants as a constant, else as a list.
func (l *lowering) list(n *node) *keras.Arg {
	a := &keras.Arg{Kind: keras.ArgList}
	var values []*keras.Value
	for _, p := range n.parts {
		it := l.eval(p)
		a.Items = append(a.Items, it)
		if it.Kind == keras.ArgConst && it.DType == "" {
			values = append(values, it.Const)
		}
	}
	if len(values) == len(a.Items) {
		return &keras.Arg{Kind: keras.ArgConst, Const: keras.NewArray(values...)}
	}
	return a
}

// operators of two tensors, or of a tensor and a constant.
var binary = map[string]string{
	"+": "math.add", "-": "math.subtract", "*": "math.multiply", "/": "math.truediv", "//": "math.floordiv", "%": "math.floormod", "**": "math.pow",
	"@": "linalg.matmul", "<": "math.less", "<=": "math.less_equal", ">": "math.greater", ">=": "math.greater_equal", "==": "math.equal", "!=": "math.not_equal",
}

func (l *lowering) operator(n *node) *keras.Arg {
	args := make([]*keras.Arg, len(n.parts))
	constants := true
	for i, p := range n.parts {
		args[i] = l.eval(p)
		constants = constants && args[i].Kind == keras.ArgConst
	}
	if l.err != nil {
		return none()
	}
	if constants {
		return l.fold(n, args)
	}
	if len(args) == 1 {
		return l.apply(n, function{tensorflow: "math.negative"}, args, nil)
	}
	for _, a := range args {
		if a.Kind != keras.ArgTensor && a.Kind != keras.ArgConst {
			return l.fail(n, "%w: %q of a list", ErrSyntax, n.text)
		}
	}
	return l.apply(n, function{tensorflow: binary[n.text]}, args, nil)
}

// fold computes an operator of numbers as Python does.
func (l *lowering) fold(n *node, args []*keras.Arg) *keras.Arg {
	whole := true
	x := make([]float64, len(args))
	for i, a := range args {
		f, ok := a.Const.Float()
		if !ok {
			return l.fail(n, "%w: %q of %s", ErrSyntax, n.text, a.Const.JSON())
		}
		_, isInt := a.Const.Int()
		x[i], whole = f, whole && isInt && !strings.ContainsAny(a.Const.JSON(), ".eE")
	}
	if len(x) == 1 {
		return number(-x[0], whole)
	}
	switch n.text {
	case "+":
		return number(x[0]+x[1], whole)
	case "-":
		return number(x[0]-x[1], whole)
	case "*":
		return number(x[0]*x[1], whole)
	case "**":
		return number(math.Pow(x[0], x[1]), whole && x[1] >= 0)
	case "/", "//", "%":
		if x[1] == 0 {
			return l.fail(n, "%w: division by 0", ErrSyntax)
		}
		switch q := math.Floor(x[0] / x[1]); n.text {
		case "/":
			return number(x[0]/x[1], false)
		case "//":
			return number(q, whole)
		default:
			return number(x[0]-q*x[1], whole)
		}
	}
	return l.fail(n, "%w: %q of numbers", ErrSyntax, n.text)
}

func (l *lowering) call(n *node) *keras.Arg {
	dotted := n.text
	var args []*keras.Arg
	if n.parts[0] != nil {
		return l.fail(n, "%w: methods of tensors are not known, here %q", ErrSyntax, n.text)
	}
	for _, p := range n.parts[1:] {
		args = append(args, l.eval(p))
	}
	if l.err != nil {
		return none()
	}
	positional, named := args[:len(args)-len(n.names)], args[len(args)-len(n.names):]
	base := dotted[strings.LastIndexByte(dotted, '.')+1:]
	switch {
	case base == "epsilon" && len(args) == 0:
		return number(1e-7, false)
	case (base == "int_shape" || base == "shape") && len(args) == 1 && args[0].Kind == keras.ArgTensor && base != dotted:
		return shapeOf(l.values[args[0]])
	case base == "sqrt" && strings.HasSuffix(dotted, "K.sqrt") || strings.HasSuffix(dotted, "backend.sqrt"):
		if len(args) == 1 && len(n.names) == 0 { // it takes numbers below 0 for 0
			zero := l.apply(n, function{tensorflow: "math.maximum"}, []*keras.Arg{args[0], number(0, false)}, nil)
			return l.apply(n, function{tensorflow: "math.sqrt"}, []*keras.Arg{zero}, nil)
		}
	case dotted == "float" && len(args) == 1 && args[0].Kind == keras.ArgConst:
		if f, ok := args[0].Const.Float(); ok {
			return number(f, false)
		}
	}
	f, backend, ok := find(dotted)
	if !ok {
		return l.fail(n, "%w: function %q", keras.ErrUnsupported, dotted)
	}
	var kwargs []keras.NamedArg
	for i, a := range named {
		kwargs = append(kwargs, keras.NamedArg{Name: n.names[i], Arg: a})
	}
	if backend != nil {
		var err error
		if kwargs, err = backend.arguments(positional, kwargs); err != nil {
			return l.fail(n, "%w: %s: %w", ErrSyntax, dotted, err)
		}
		positional = nil
	}
	return l.apply(n, f, positional, kwargs)
}

// arguments names those of a call of keras.backend as TensorFlow does.
func (b backendFunction) arguments(positional []*keras.Arg, named []keras.NamedArg) ([]keras.NamedArg, error) {
	var out []keras.NamedArg
	params := strings.Fields(b.params)
	if len(positional) > len(params) {
		return nil, fmt.Errorf("%d arguments, want at most %d", len(positional), len(params))
	}
	for i, p := range params {
		there, here, renamed := strings.Cut(p, "=")
		if !renamed {
			here = there
		}
		k := slices.IndexFunc(named, func(a keras.NamedArg) bool { return a.Name == here || there == "input_tensor" && a.Name == "x" })
		switch {
		case i < len(positional):
			out = append(out, keras.NamedArg{Name: there, Arg: positional[i]})
			if k >= 0 {
				return nil, fmt.Errorf("argument %q twice", here)
			}
		case k >= 0:
			out = append(out, keras.NamedArg{Name: there, Arg: named[k].Arg})
			named = slices.Delete(slices.Clone(named), k, k+1)
		case b.defaults[here] != nil:
			out = append(out, keras.NamedArg{Name: there, Arg: &keras.Arg{Kind: keras.ArgConst, Const: b.defaults[here]}})
		}
	}
	if len(named) > 0 {
		return nil, fmt.Errorf("unknown argument %q", named[0].Name)
	}
	return out, nil
}

// apply lowers a call.
func (l *lowering) apply(n *node, f function, args []*keras.Arg, kwargs []keras.NamedArg) *keras.Arg {
	if l.err != nil {
		return none()
	}
	o := operation.Node{Class: f.class, Config: keras.NewObject(), Call: keras.Call{Args: args, Kwargs: kwargs}, Value: func(a *keras.Arg) graph.Value { return l.values[a] }}
	if f.tensorflow != "" {
		o.Class, o.Config = "TFOpLambda", keras.NewObject().With("function", keras.NewString(f.tensorflow))
	}
	out, err := l.b.Operation(o)
	if err != nil {
		what := n.text
		if what == "" {
			what = "index"
		}
		return l.fail(n, "%s: %w", what, err)
	}
	if len(out) == 1 {
		return l.tensor(out[0])
	}
	a := &keras.Arg{Kind: keras.ArgList}
	for _, v := range out {
		a.Items = append(a.Items, l.tensor(v))
	}
	return a
}

// index is an element of a list, or a part of a tensor.
func (l *lowering) index(n *node) *keras.Arg {
	of := l.eval(n.parts[0])
	var keys []*keras.Arg
	for _, p := range n.parts[1:] {
		keys = append(keys, l.key(p))
	}
	if l.err != nil {
		return none()
	}
	if of.Kind == keras.ArgTensor {
		key := &keras.Arg{Kind: keras.ArgList, Items: keys}
		return l.apply(n, function{class: "GetItem"}, []*keras.Arg{of, key}, nil)
	}
	size := len(of.Items)
	if of.Kind == keras.ArgConst {
		size = of.Const.Len()
	}
	i, ok := keys[0].Const.Int()
	if i < 0 {
		i += size
	}
	switch {
	case len(keys) != 1 || keys[0].Kind != keras.ArgConst || !ok || i < 0 || i >= size:
		return l.fail(n, "%w: index of a list of %d", ErrSyntax, size)
	case of.Kind == keras.ArgConst:
		return &keras.Arg{Kind: keras.ArgConst, Const: of.Const.Items()[i]}
	}
	return of.Items[i]
}

func (l *lowering) key(n *node) *keras.Arg {
	switch n.kind {
	case ellipsis:
		return &keras.Arg{Kind: keras.ArgEllipsis}
	case slice:
		s := &keras.Arg{Kind: keras.ArgSlice}
		for _, p := range n.parts {
			bound := none()
			if p != nil {
				bound = l.eval(p)
			}
			if bound.Kind != keras.ArgConst {
				return l.fail(n, "%w: a tensor for a bound of a slice", ErrSyntax)
			}
			s.Items = append(s.Items, bound)
		}
		return s
	}
	a := l.eval(n)
	if a.Kind != keras.ArgConst {
		return l.fail(n, "%w: a tensor for an index", keras.ErrUnsupported)
	}
	return a
}
