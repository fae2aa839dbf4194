package plan

import (
	"fmt"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A Plan is a list of steps for concrete input shapes. It is immutable and safe
// for concurrent use; the buffers of a run belong to its caller.
type Plan struct {
	Steps []Step
	// Slots are the places of values: what steps read and write.
	Slots []Slot
	// Inputs and Outputs are the slots of the model's inputs and of its outputs,
	// followed by kept values.
	Inputs, Outputs []int
	// States are what the model remembers from run to run.
	States []State
	// Arena is the number of float32 elements that the slots in the arena need.
	Arena int
	// Scratch is the number of float32 elements that each worker needs.
	Scratch int
	// Bytes is the memory of the slots, the arena and other element types together.
	Bytes int64
}

// A Step is a step with its operands.
type Step struct {
	step.Step        // nil for a chain
	Chain     *Chain // nil for other steps
	Op        graph.Op
	Fused     step.Epilogue
	Layers    []string // Keras layers whose work it does
	Into      string   // the layer of the concatenation that the result is written into
	In, Out   []int    // slots; a negative operand was packed into the step
}

// Place says where the elements of a Slot are.
type Place uint8

// The places of a Slot.
const (
	InArena  Place = iota // Arena[Offset:], float32
	InBuffer              // a buffer of its own, any element type
	InConst               // Tensor
	InInput               // the caller's input number Offset
	InState               // the first value of state number Offset
)

// A Slot is the place of a value in a run.
type Slot struct {
	graph.Type
	Place  Place
	Offset int
	// Stride is the distance from pixel to pixel (elements along the last axis)
	// of a part of a wider value, 0 where pixels lie side by side.
	Stride int
	Tensor *graph.Tensor // InConst; nil when steps have packed it
}

// A State is remembered from run to run: what the slot Last holds at the end of
// one is in the slot First when the next begins.
type State struct {
	Layer, Name string
	First, Last int
}

// Span is the number of elements from the first of s to behind its last.
func (s *Slot) Span() int {
	n, _ := s.Shape.Elems()
	if s.Stride == 0 || n == 0 {
		return n
	}
	c := s.Shape[len(s.Shape)-1]
	return (n/c-1)*s.Stride + c
}

// Plan makes the plan for inputs of the given shapes, which must fit the model's.
func (c *Compiled) Plan(inputs []graph.Shape) (*Plan, error) {
	return c.plan(c.p, inputs, (*planner).partBatches)
}

// plan makes the plan of p. parts says which nodes go over parts of the batch,
// as partBatches does; nil for none.
func (c *Compiled) plan(p *program, inputs []graph.Shape, parts func(*planner) []int) (*Plan, error) {
	b := &planner{p: p, packs: c.packs, limit: c.limit, winograd: c.winograd, joins: c.joins, types: make([]graph.Type, len(p.values)), slot: make([]int, len(p.values)), parts: map[*node][]bool{}, into: map[int]string{}, calls: map[*node]graph.Call{}}
	for i := range b.slot {
		b.slot[i] = -1
	}
	if err := b.infer(inputs); err != nil {
		return nil, err
	}
	if parts != nil && c.joins {
		var err error
		if b.p, err = c.chain(b, parts(b)); err != nil {
			return nil, err
		}
	}
	blocks, err := b.place() // before any step allocates: it holds the limit
	if err != nil {
		return nil, err
	}
	if err := b.steps(blocks); err != nil {
		return nil, err
	}
	b.slots(blocks)
	return &b.plan, nil
}

// Inputs returns the model's inputs.
func (c *Compiled) Inputs() []graph.Named { return c.p.inputs }

type planner struct {
	p        *program
	packs    *weight.Packs
	limit    int64
	winograd int64
	joins    bool
	types    []graph.Type         // by value, concrete
	slot     []int                // by value
	parts    map[*node][]bool     // of concatenations: operands that are written into the result
	into     map[int]string       // by value that is a part: the layer of the concatenation
	calls    map[*node]graph.Call // for the concrete operands
	plan     Plan
}

// infer computes the concrete type of every value.
func (b *planner) infer(inputs []graph.Shape) error {
	if len(inputs) != len(b.p.inputs) {
		return fmt.Errorf("%w: %d inputs, want %d", graph.ErrShape, len(inputs), len(b.p.inputs))
	}
	for i, in := range b.p.inputs {
		if !in.Shape.Fits(inputs[i]) || !inputs[i].Known() {
			return fmt.Errorf("%w: input %q is %v, want %v", graph.ErrShape, in.Name, inputs[i], in.Shape)
		}
		b.types[in.ID] = graph.Type{DType: in.DType, Shape: inputs[i].Clone()}
	}
	for id, t := range b.p.consts {
		b.types[id] = t.Type
	}
	for _, n := range b.p.nodes {
		in := make([]graph.Type, n.args())
		for i, v := range n.in[:n.args()] {
			if k := slices.IndexFunc(b.p.states, func(s graph.State) bool { return s.First == v }); k >= 0 {
				b.types[v] = b.p.values[v].Type
				b.types[v].Shape = append(in[0].Shape[:1:1], b.types[v].Shape[1:]...)
			}
			in[i] = b.types[v]
		}
		out, err := b.results(n, in)
		if err != nil {
			return fmt.Errorf("layer %s: %s: %w", n.layers[0], graph.Name(n.op), err)
		}
		if n.epi.Pool != nil {
			if out, err = n.epi.Pool.Infer(out); err != nil {
				return fmt.Errorf("layer %s: %s: %w", n.layers[0], graph.Name(*n.epi.Pool), err)
			}
		}
		for i, v := range n.out {
			if _, ok := out[i].Shape.Elems(); !ok {
				return fmt.Errorf("layer %s: %w: result %v is too large", n.layers[0], graph.ErrShape, out[i].Shape)
			}
			b.types[v] = out[i]
		}
	}
	return nil
}

// results infers the types of the results of n. Of a Call it asks the function,
// whose answer must fit the one it gave when the model was lowered.
func (b *planner) results(n *node, in []graph.Type) ([]graph.Type, error) {
	c, ok := n.op.(graph.Call)
	if !ok {
		return n.op.Infer(in)
	}
	c, err := b.p.funcs[c.Name].Call(c.Name, in)
	if err != nil {
		return nil, err
	}
	if len(c.Results) != len(n.out) {
		return nil, fmt.Errorf("%w: %d results, but %d when the model was loaded", graph.ErrShape, len(c.Results), len(n.out))
	}
	for i, v := range n.out {
		t, was := c.Results[i], b.p.values[v].Type
		if t.DType != was.DType || !was.Shape.Fits(t.Shape) || !t.Shape.Known() {
			return nil, fmt.Errorf("%w: result %d is %v %v for operands of known shapes, but was %v %v when the model was loaded", graph.ErrShape, i, t.DType, t.Shape, was.DType, was.Shape)
		}
	}
	b.calls[n] = c
	return c.Results, nil
}

// spec describes the step of n.
func (b *planner) spec(n *node) step.Spec {
	spec := step.Spec{Op: n.op, Epilogue: n.epi, Winograd: b.winograd, Fixed: b.p.fixed(n)}
	if c, ok := b.calls[n]; ok {
		spec.Op, spec.Func = c, b.p.funcs[c.Name]
	}
	for _, v := range n.in {
		spec.In = append(spec.In, b.types[v])
		spec.Const = append(spec.Const, b.p.consts[v])
	}
	for _, v := range n.out {
		spec.Out = append(spec.Out, b.types[v])
	}
	return spec
}

// steps makes the step of every node and the slots it touches. Reshapes of
// values make no step: they share the slot's memory (see place). Nor do
// concatenations whose operands were all written into the result.
func (b *planner) steps(of []*block) error {
	for _, n := range b.p.nodes {
		if n.chain != nil {
			b.plan.Steps = append(b.plan.Steps, Step{Chain: n.chain, Into: b.into[n.out[0]], Layers: n.layers})
			continue
		}
		var s step.Step
		if parts := b.parts[n]; !alias(n) && (parts == nil || slices.Contains(parts, false)) {
			spec := b.spec(n)
			spec.InPlace = parts
			for _, v := range n.in {
				spec.InStride = append(spec.InStride, of[v].stride)
			}
			for _, v := range n.out {
				spec.OutStride = of[v].stride
			}
			var err error
			if s, err = step.New(spec, b.packs); err != nil {
				return fmt.Errorf("layer %s: %s: %w", n.layers[0], graph.Name(n.op), err)
			}
			b.plan.Scratch = max(b.plan.Scratch, s.Info().Scratch)
		}
		if s == nil {
			for _, v := range n.in {
				if err := b.hold(v); err != nil {
					return err
				}
			}
		}
		b.plan.Steps = append(b.plan.Steps, Step{Step: s, Op: n.op, Fused: n.epi, Into: b.into[n.out[0]], Layers: n.layers})
	}
	for _, v := range b.p.outputs {
		if err := b.hold(v); err != nil {
			return err
		}
	}
	return nil
}

// hold keeps the elements of value v when it is a constant that is read as it is.
func (b *planner) hold(v int) error {
	if c := b.p.consts[v]; c != nil {
		_, err := c.Hold()
		return err
	}
	return nil
}

// alias reports whether n gives its operand another shape only.
func alias(n *node) bool {
	_, ok := n.op.(graph.Reshape)
	return ok && n.epi == (step.Epilogue{})
}
