package kerasfile

import (
	"math"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/layers/operation"
)

// An opRow says how Keras 3 writes a call of a class of keras.ops.
type opRow struct {
	module string
	init   string // parameters that stand in the config
	call   string // parameters that stand in the inbound node
}

// operation makes the object and the inbound nodes of a node that is an
// operation, or is one today; nil when it is a layer.
func (a *architect) operation(l *keras.Layer, n nodes) (*keras.Value, []*keras.Value) {
	switch {
	case l.Operation:
		module, class := l.Module, l.Class
		if module == "" {
			module = operations[class].module
		}
		return object(module, class, orClass(l.Registered, class), l.Config), n.calls(l)
	case l.Class == "TFOpLambda" || l.Class == "SlicingOpLambda":
		return a.fromTensorFlow(l, n)
	}
	return nil, nil
}

func orClass(registered, class string) string {
	if registered == "" {
		return class
	}
	return registered
}

// fromTensorFlow makes the operation that a call of a TensorFlow function is today.
func (a *architect) fromTensorFlow(l *keras.Layer, n nodes) (*keras.Value, []*keras.Value) {
	a.rewritten[l] = true
	name, _ := l.Config.Get("function").Str()
	var made *keras.Value
	var calls []*keras.Value
	for _, c := range l.Calls {
		class, args, ok := operation.FromTF(name, c)
		op, known := operations[class]
		if !ok || !known {
			a.j.Refuse(a.path(l), "TensorFlow function %q", name)
			return keras.NewObject(), nil
		}
		init, params := strings.Fields(op.init), strings.Fields(op.call)
		config := keras.NewObject().With("name", keras.NewString(n.names[l]))
		args = withTFDefaults(class, args)
		called := make([]*keras.Arg, len(params))
		for _, arg := range args {
			switch k := slices.Index(params, arg.Name); {
			case k >= 0:
				called[k] = arg.Arg
			case slices.Contains(init, arg.Name) && len(arg.Arg.Tensors(nil)) == 0:
				config = config.With(arg.Name, n.arg(arg.Arg))
			case arg.Arg.Neutral(), arg.Name == "name":
			default:
				a.j.Refuse(a.path(l), "argument %q of TensorFlow function %q", arg.Name, name)
			}
		}
		for len(called) > 0 && called[len(called)-1] == nil {
			called = called[:len(called)-1]
		}
		if slices.Contains(called, nil) {
			a.j.Refuse(a.path(l), "TensorFlow function %q without its first arguments", name)
			return keras.NewObject(), nil
		}
		next := object(op.module, class, class, config)
		if made != nil && made.JSON() != next.JSON() {
			a.j.Refuse(a.path(l), "TensorFlow function %q called with different arguments", name)
		}
		made = next
		calls = append(calls, n.node(called, keras.NewObject()))
	}
	return made, calls
}

// withTFDefaults adds arguments whose default is another one in TensorFlow.
func withTFDefaults(class string, args []keras.NamedArg) []keras.NamedArg {
	given := func(name string) int {
		return slices.IndexFunc(args, func(k keras.NamedArg) bool { return k.Name == name })
	}
	constant := func(v *keras.Value) *keras.Arg { return &keras.Arg{Kind: keras.ArgConst, Const: v} }
	switch class {
	case "Gelu":
		if given("approximate") < 0 {
			args = append(args, keras.NamedArg{Name: "approximate", Arg: constant(keras.NewBool(false))})
		}
	case "Normalize": // TensorFlow bounds the sum of squares from below, Keras its root
		epsilon := 1e-12
		args = slices.Clone(args)
		if k := given("epsilon"); k >= 0 {
			if f, ok := args[k].Arg.Const.Float(); ok {
				epsilon = f
			}
			args = slices.Delete(args, k, k+1)
		}
		args = append(args, keras.NamedArg{Name: "epsilon", Arg: constant(keras.NewNumber(math.Sqrt(epsilon)))})
	}
	return args
}
