package operation

import (
	"maps"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A Node is one call of an operation in a model.
type Node struct {
	Class  string       // of keras.ops: "Add"
	Config *keras.Value // holds arguments too
	Call   keras.Call
	// Value returns the value of an argument that is a tensor.
	Value func(*keras.Arg) graph.Value
}

// A rule says how an operation converts its operands.
type rule uint8

const (
	kerasRule rule = iota // Keras 3: a common type by its promotion lattice
	tfRule                // TensorFlow: types must agree, constants take the tensor's
)

// A row translates a class of keras.ops.
type row struct {
	params string // names of the call's parameters, in order
	lower  func(o *call) []graph.Value
}

// Lower writes an operation and returns its results. A failure is an error of b
// that wraps [keras.ErrUnsupported] for a class or argument that this package
// does not know, [keras.ErrFormat] for arguments that Keras would not have
// written, or an error of package graph; the results are then nil.
//
// Names and defaults are those of https://keras.io/api/ops/.
func Lower(b *graph.Builder, n Node) []graph.Value {
	r, ok := find(n.Class)
	if !ok {
		b.Failf("%w: operation %q", keras.ErrUnsupported, n.Class)
		return nil
	}
	return r.run(b, n, kerasRule)
}

// Classes lists the classes that [Lower] knows, sorted.
func Classes() []string {
	var out []string
	for _, table := range tables() {
		out = slices.AppendSeq(out, maps.Keys(table))
	}
	slices.Sort(out)
	return out
}

// tables returns the tables of classes.
func tables() []map[string]row {
	return []map[string]row{elementwiseOps, productOps, reduceOps, layoutOps, nnOps}
}

// find looks a class up in the tables.
func find(class string) (row, bool) {
	for _, table := range tables() {
		if r, ok := table[class]; ok {
			return r, true
		}
	}
	return row{}, false
}

// run binds arguments to parameters, lowers, and refuses arguments that the
// lowering has not looked at.
func (r row) run(b *graph.Builder, n Node, by rule) []graph.Value {
	o := &call{Builder: b, rule: by, args: map[string]*keras.Arg{}, used: map[string]bool{}, value: n.Value}
	for i, k := range n.Config.Keys() {
		if k != "name" && k != "trainable" && k != "dtype" || k == "dtype" && dtypeArgument(n.Class) {
			o.args[k] = &keras.Arg{Kind: keras.ArgConst, Const: n.Config.Items()[i]}
		}
	}
	params := strings.Fields(r.params)
	if len(n.Call.Args) > len(params) {
		b.Failf("%w: %d arguments, want %d", keras.ErrFormat, len(n.Call.Args), len(params))
		return nil
	}
	for i, a := range n.Call.Args {
		o.args[params[i]] = a
	}
	for _, k := range n.Call.Kwargs {
		if k.Name != "name" {
			o.args[k.Name] = k.Arg
		}
	}
	out := r.lower(o)
	if b.Err() != nil {
		return nil
	}
	var unread []string
	for k, a := range o.args {
		if !o.used[k] && !a.Neutral() {
			unread = append(unread, k)
		}
	}
	if len(unread) > 0 {
		slices.Sort(unread)
		b.Failf("%w: argument %q", keras.ErrUnsupported, unread[0])
		return nil
	}
	return out
}

// dtypeArgument reports the operations whose config key "dtype" is an argument.
func dtypeArgument(class string) bool {
	return slices.Contains([]string{"Cast", "SaturateCast", "ZerosLike", "OnesLike", "FullLike", "OneHot", "Prod", "ConvertToTensor", "Array"}, class)
}
