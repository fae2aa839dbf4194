package graph

import (
	"fmt"
	"slices"
)

// Call runs a function of the program. Name finds it in a table that lies beside
// the graph, so that the op is plain data; what writes a graph to another format
// refuses the op by that name. Its operands and results are whatever the
// function takes.
type Call struct {
	Name    string
	Results []Type // what the function's Infer returned for the operands
}

// Infer implements [Op]: the results are those that the function's own Infer
// returned. [Func.Call] asks it again for other operands.
func (c Call) Infer(in []Type) ([]Type, error) {
	if c.Name == "" || len(c.Results) == 0 || len(in) == 0 {
		return nil, fmt.Errorf("%w: call of %q on %d operands with %d results", ErrAttr, c.Name, len(in), len(c.Results))
	}
	out := make([]Type, len(c.Results))
	for i, t := range c.Results {
		if int(t.DType) >= len(dtypes) {
			return nil, fmt.Errorf("%w: result %d of dtype %d", ErrAttr, i, t.DType)
		}
		for _, d := range t.Shape {
			if d < 0 && d != Dyn {
				return nil, fmt.Errorf("%w: result %d is %v", ErrAttr, i, []int(t.Shape))
			}
		}
		out[i] = Type{t.DType, t.Shape.Clone()}
	}
	return out, nil
}

// A Func is the Go code of a [Call]. Both functions may be called at the same
// time for different predictions, and so must be safe for concurrent use; their
// results must depend on the operands alone.
type Func struct {
	// Infer returns the types of the results for operands of the given types.
	// It is called when a model is loaded, with [Dyn] for dimensions that are not
	// known yet (the batch, as a rule), and again for each new shape of the inputs,
	// with dimensions that are all known: those of the results must be then, too.
	// Nil stands for one result of the type of the first operand.
	Infer func(in []Type) ([]Type, error)
	// Run computes the results into the elements of out, which are of the types
	// that Infer returned and hold whatever was there before: it must write them
	// all. It must not change in, nor keep either after it returns. A prediction
	// that it is part of fails with its error, or with an error when it panics.
	Run func(in, out []Tensor) error
}

// Call returns the op that runs f, known as name, on operands of types in.
func (f Func) Call(name string, in []Type) (Call, error) {
	if f.Run == nil {
		return Call{}, fmt.Errorf("%w: call of %q, which has no Run", ErrAttr, name)
	}
	if len(in) == 0 {
		return Call{}, fmt.Errorf("%w: call of %q without operands", ErrShape, name)
	}
	types := make([]Type, len(in))
	for i, t := range in {
		types[i] = Type{t.DType, t.Shape.Clone()}
	}
	if f.Infer == nil {
		return Call{name, types[:1]}, nil
	}
	out, err := f.Infer(types)
	if err != nil {
		return Call{}, err
	}
	c := Call{name, slices.Clone(out)}
	if _, err := c.Infer(in); err != nil {
		return Call{}, err
	}
	return c, nil
}
