package step

import (
	"fmt"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step/reference"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// New makes the step that spec describes. Constant weights are packed into
// packs; with nil packs, into the step alone. It returns an error that wraps
// [graph.ErrShape], [graph.ErrDType] or [graph.ErrAttr] when the types do not
// fit the op, or the op does not fuse the epilogue.
func New(spec Spec, packs *weight.Packs) (Step, error) {
	if spec.Op == nil {
		return nil, fmt.Errorf("%w: no op", graph.ErrAttr)
	}
	m := &maker{Spec: spec, packs: packs}
	if packs == nil {
		m.packs = weight.NewPacks(1)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", graph.Name(spec.Op), err)
	}
	if err := m.checkStrides(); err != nil {
		return nil, fmt.Errorf("%s: %w", graph.Name(spec.Op), err)
	}
	s, err := m.step()
	if err == nil {
		m.holdOthers()
		err = m.err
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", graph.Name(spec.Op), err)
	}
	return s, nil
}

// Reference computes op on whole tensors without kernels: in float64, rounded
// once to the types of out, or exactly where elements are integers or only
// move. The operands must be ones that op.Infer accepts and out what it returns.
func Reference(op graph.Op, in []graph.Tensor, out []graph.Type) ([]graph.Tensor, error) {
	switch op.(type) {
	case graph.Resize, graph.CenterCrop:
		return imageReference(op, in, out)
	}
	return reference.Apply(op, in, out)
}

// A maker makes a step from its spec.
type maker struct {
	Spec
	packs *weight.Packs
	args  int          // operands of the op itself
	own   []graph.Type // the op's results before the pooling of the epilogue
	// packed says which constants the step reads in a packed form only.
	packed [8]bool
	err    error // the first of reading a constant
}

// check holds the spec against the op's own inference.
func (m *maker) check() error {
	if !Fuses(m.Op, m.Epilogue) {
		return fmt.Errorf("%w: epilogue %+v", graph.ErrAttr, m.Epilogue)
	}
	m.args = len(m.In)
	for _, more := range []bool{m.Epilogue.Bias, m.Epilogue.Residual} {
		if more {
			m.args--
		}
	}
	if m.args < 1 || len(m.Const) != 0 && len(m.Const) != len(m.In) {
		return fmt.Errorf("%w: %d operands, %d constants", graph.ErrShape, len(m.In), len(m.Const))
	}
	for _, t := range slices.Concat(m.In, m.Out) {
		if _, ok := t.Shape.Elems(); !ok {
			return fmt.Errorf("%w: %v is no concrete shape", graph.ErrShape, t.Shape)
		}
	}
	out, err := m.Op.Infer(m.In[:m.args])
	if err != nil {
		return err
	}
	want := out
	if p := m.Epilogue.Pool; p != nil {
		if want, err = p.Infer(out); err != nil {
			return err
		}
	}
	if !slices.EqualFunc(m.Out, want, sameType) || len(out) == 0 {
		return fmt.Errorf("%w: results %v, want %v", graph.ErrShape, m.Out, want)
	}
	m.own = out
	if m.Epilogue.Bias {
		b, c := m.In[m.args], out[0].Shape
		if len(b.Shape) != 1 || len(c) == 0 || b.Shape[0] != c[len(c)-1] || b.DType != out[0].DType {
			return fmt.Errorf("%w: bias %v on %v", graph.ErrShape, b.Shape, c)
		}
	}
	if r := m.In[len(m.In)-1]; m.Epilogue.Residual && !sameType(r, out[0]) {
		return fmt.Errorf("%w: residual %v on %v", graph.ErrShape, r.Shape, out[0].Shape)
	}
	if a := m.Epilogue.Act; a != nil {
		if _, err := a.Infer(out); err != nil {
			return err
		}
	}
	return reference.Runs(m.Op, m.In[0])
}

func sameType(a, b graph.Type) bool { return a.DType == b.DType && slices.Equal(a.Shape, b.Shape) }

// step picks the form: movers and casts run every element type, kernels
// float32, the plain form the rest.
func (m *maker) step() (Step, error) {
	if c, ok := m.Op.(graph.Call); ok {
		return m.call(c)
	}
	if !slices.ContainsFunc(m.Out, func(t graph.Type) bool { return elems(t.Shape) > 0 }) {
		return &nothing{m.base("nothing", 0, split{0, 1, 0})}, nil
	}
	switch op := m.Op.(type) {
	case graph.Reshape, graph.Transpose, graph.Concat, graph.Slice, graph.Repeat, graph.Tile:
		return m.move(), nil
	case graph.Pad:
		return m.pad(op), nil
	case graph.Gather:
		return m.gather(), nil
	case graph.Where:
		return m.where(), nil
	case graph.Band:
		return m.band(op), nil
	case graph.Cast:
		return m.cast(op), nil
	case graph.Resize, graph.CenterCrop:
		return m.image()
	case graph.LSTM, graph.GRU, graph.SimpleRNN:
		return m.recurrent(), nil
	case graph.ConvLSTM:
		return m.convLSTM(op), nil
	case graph.Hash, graph.CrossHash, graph.Lookup, graph.Tokens:
		return m.text(), nil
	}
	if _, ok := m.Op.(graph.MatMul); ok && m.In[0].DType == graph.Int8 && m.value(1) != nil && len(m.In[1].Shape) == 2 {
		return m.integerProduct(), nil
	}
	if m.float32s() {
		if s := m.fast(); s != nil {
			return s, nil
		}
	}
	return m.plain(), nil
}

// float32s reports whether all operands are Float32 and none is empty.
func (m *maker) float32s() bool {
	return !slices.ContainsFunc(m.In, func(t graph.Type) bool { return t.DType != graph.Float32 || elems(t.Shape) == 0 })
}

// fast returns the float32 form, or nil when no kernel takes these operands.
func (m *maker) fast() Step {
	switch op := m.Op.(type) {
	case graph.Conv:
		return m.conv(op)
	case graph.DepthwiseConv:
		return m.depthwise(op)
	case graph.ConvTranspose:
		return m.transposed(op)
	case graph.MatMul:
		return m.matmul()
	case graph.Pool:
		return m.pool(op)
	case graph.MaxPoolGrad:
		return m.poolGrad(op)
	case graph.Activation:
		return m.activation(op)
	case graph.Unary:
		return m.unary(op)
	case graph.Binary:
		return m.binary(op.Func)
	case graph.AddBias:
		return m.binary(graph.Add)
	case graph.PReLU:
		return m.prelu()
	case graph.BatchNorm:
		return m.batchNorm(op)
	case graph.LayerNorm:
		return m.layerNorm(op)
	case graph.GroupNorm:
		return m.groupNorm(op)
	case graph.Equalize:
		return m.equalize(op)
	case graph.Softmax:
		return m.softmax(op)
	case graph.Sparsemax:
		return m.sparsemax()
	case graph.Reduce:
		return m.reduce(op)
	case graph.ArgReduce:
		return m.argReduce(op)
	}
	return nil
}

// value returns operand i when it is known before the run, else nil.
func (m *maker) value(i int) *weight.Value {
	if i >= len(m.Const) {
		return nil
	}
	return m.Const[i]
}

// constant returns the elements of operand i when they are known before the
// run, and keeps them in memory as they are.
func (m *maker) constant(i int) *graph.Tensor {
	v := m.value(i)
	if v == nil {
		return nil
	}
	t, err := v.Hold()
	if err != nil { // New returns it
		m.fail(err)
		z := graph.NewTensor(v.DType, v.Shape)
		return &z
	}
	return t
}

// constants returns all operands as constant does.
func (m *maker) constants() []*graph.Tensor {
	out := make([]*graph.Tensor, len(m.Const))
	for i := range out {
		out[i] = m.constant(i)
	}
	return out
}

func (m *maker) fail(err error) {
	if m.err == nil {
		m.err = err
	}
}

// pack returns constant i in a form that a kernel reads. The operand as it is
// will be absent from Args.
func (m *maker) pack(i int, form string, l weight.Layout) []float32 {
	if i < len(m.packed) {
		m.packed[i] = true
	}
	packed, err := m.packs.Pack(m.Const[i], form, l)
	if err != nil {
		m.fail(err)
		return make([]float32, l.Len)
	}
	return packed
}

// holdOthers keeps the constants that were not packed for the runs to read.
func (m *maker) holdOthers() {
	for i := range m.Const {
		if i >= len(m.packed) || !m.packed[i] {
			m.constant(i)
		}
	}
}

// An operand is where a run finds a float32 operand: in the step when it is
// constant, else in Args.In. The zero operand stands for none.
type operand struct {
	fixed []float32
	index int // 1 + index into Args.In
}

func (m *maker) operand(i int) operand {
	if t := m.constant(i); t != nil {
		return operand{fixed: t.Float32s()}
	}
	return operand{index: i + 1}
}

// bias and residual are the operands of the epilogue.
func (m *maker) bias() operand {
	if !m.Epilogue.Bias {
		return operand{}
	}
	return m.operand(m.args)
}

func (m *maker) residual() operand {
	if !m.Epilogue.Residual {
		return operand{}
	}
	return m.operand(len(m.In) - 1)
}

func (o operand) of(a *Args) []float32 {
	if o.index == 0 {
		return o.fixed
	}
	return a.In[o.index-1].Data.([]float32)
}

// result is the float32 result of a run.
func result(a *Args) []float32 { return a.Out[0].Data.([]float32) }

// elems is the number of elements of a shape that was checked.
func elems(s graph.Shape) int {
	n, _ := s.Elems()
	return n
}

// nothing runs ops whose result has no elements.
type nothing struct{ base }

func (*nothing) Run(*Args, int, []float32) error { return nil }
