package layers

import (
	"fmt"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers/operation"
)

type denseConfig struct {
	Units      int           `json:"units"`
	Activation activationArg `json:"activation"`
	UseBias    bool          `json:"use_bias"`
	storedForm
}

// denseLayer computes activation(x · kernel + bias) over the last axis.
//
//	x       (batch, ..., in)
//	kernel  (in, units)
//	bias    (units)              when use_bias
//	result  (batch, ..., units)
//
// See https://keras.io/api/layers/core_layers/dense/.
var denseLayer = define1("Dense", denseConfig{UseBias: true}, func(s *scope, c denseConfig, x graph.Value) graph.Value {
	units := s.size("units", c.Units)
	if x.Rank() < 2 {
		s.Failf("%w: input is %v, want at least 2 dimensions", graph.ErrShape, x.Shape)
	}
	in := x.Dim(-1)
	p := &contraction{
		kernel: graph.Shape{in, units}, summed: []int{-1}, scale: graph.Shape{units}, late: true, reduced: []int{0},
		multiply: func(x, kernel graph.Value) graph.Value { return s.Apply(graph.MatMul{}, x, kernel) },
		aligned:  func(scale graph.Value) graph.Value { return scale },
		split:    func() (int, int) { return in, units },
	}
	if c.UseBias {
		p.bias = graph.Shape{units}
	}
	y, bias := s.contract(x, p, c.storedForm)
	if c.UseBias {
		y = s.Apply(graph.AddBias{}, y, bias)
	}
	return s.activate(c.Activation, y)
})

type maxoutConfig struct {
	Units     int  `json:"units"`
	NbFeature int  `json:"nb_feature"`
	UseBias   bool `json:"use_bias"`
}

// maxoutDenseLayer is the largest of nb_feature results x · kernel + bias
// (Goodfellow et al., 2013). Keras 1 and Keras 2.0 to 2.3 have it.
//
//	x       (batch, in)
//	kernel  (nb_feature, in, units)
//	bias    (nb_feature, units)      when use_bias
//	result  (batch, units)
//
// See https://github.com/keras-team/keras/blob/2.3.1/keras/legacy/layers.py.
var maxoutDenseLayer = define1("MaxoutDense", maxoutConfig{NbFeature: 4, UseBias: true}, func(s *scope, c maxoutConfig, x graph.Value) graph.Value {
	units, features := s.size("units", c.Units), s.size("nb_feature", c.NbFeature)
	if !s.rank(x, 2) {
		return none()
	}
	x = s.floating(x)
	kernel := s.Apply(graph.Transpose{Perm: []int{1, 0, 2}}, s.Weight("kernel", features, x.Dim(-1), units))
	y := s.Apply(graph.MatMul{}, x, s.Apply(graph.Reshape{Dims: []int{x.Dim(-1), features * units}}, kernel))
	y = s.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), features, units}}, y)
	if c.UseBias {
		y = s.Apply(graph.Binary{Func: graph.Add}, y, s.Weight("bias", features, units))
	}
	return s.Apply(graph.Reduce{Func: graph.ReduceMax, Axes: []int{1}}, y)
})

type highwayConfig struct {
	Activation activationArg `json:"activation"`
	UseBias    bool          `json:"use_bias"`
}

// highwayLayer is c·activation(x · kernel + bias) + (1 - c)·x with the carry gate c
// = sigmoid(x · carry_kernel + carry_bias) (Srivastava et al., 2015). Keras 1
// and Keras 2.0 to 2.3 have it.
//
//	x             (batch, n)
//	kernel        (n, n)
//	carry_kernel  (n, n)
//	bias          (n)         when use_bias
//	carry_bias    (n)         when use_bias
//	result        (batch, n)
//
// See https://github.com/keras-team/keras/blob/2.3.1/keras/legacy/layers.py.
var highwayLayer = define1("Highway", highwayConfig{UseBias: true}, func(s *scope, c highwayConfig, x graph.Value) graph.Value {
	if !s.rank(x, 2) {
		return none()
	}
	x = s.floating(x)
	n := x.Dim(-1)
	var bias, carryBias graph.Value
	kernel := s.Weight("kernel", n, n)
	early := s.version.Before(1, 2) // which kept each bias beside its kernel
	if c.UseBias && early {
		bias = s.Weight("bias", n)
	}
	carry := s.Weight("carry_kernel", n, n)
	if c.UseBias && !early {
		bias = s.Weight("bias", n)
	}
	y, gate := s.Apply(graph.MatMul{}, x, kernel), s.Apply(graph.MatMul{}, x, carry)
	if c.UseBias {
		carryBias = s.Weight("carry_bias", n)
		y, gate = s.Apply(graph.AddBias{}, y, bias), s.Apply(graph.AddBias{}, gate, carryBias)
	}
	gate = s.Apply(graph.Activation{Func: graph.Sigmoid}, gate)
	y = s.times(gate, s.activate(c.Activation, y))
	rest := s.Apply(graph.Binary{Func: graph.Sub}, s.Scalar(x.DType, 1), gate)
	return s.Apply(graph.Binary{Func: graph.Add}, y, s.times(rest, x))
})

type activationConfig struct {
	Activation activationArg `json:"activation"`
}

// activationLayer applies an activation function.
//
//	x       (batch, ...)
//	result  (batch, ...)
//
// See https://keras.io/api/layers/core_layers/activation/.
var activationLayer = define1("Activation", activationConfig{}, func(s *scope, c activationConfig, x graph.Value) graph.Value {
	return s.activate(c.Activation, x)
})

type embeddingConfig struct {
	InputDim    int                `json:"input_dim"`
	OutputDim   int                `json:"output_dim"`
	MaskZero    bool               `json:"mask_zero"`
	InputLength keras.TrainingOnly `json:"input_length"` // Keras 1 and 2: only checked against the input
	storedForm
}

// embeddingLayer looks up the rows of a table. With mask_zero, the result has a
// mask that is false where x is 0.
//
//	x           (batch, ...)             whole numbers below input_dim
//	embeddings  (input_dim, output_dim)
//	result      (batch, ..., output_dim)
//
// See https://keras.io/api/layers/core_layers/embedding/.
var embeddingLayer = define1("Embedding", embeddingConfig{}, func(s *scope, c embeddingConfig, x graph.Value) graph.Value {
	e := s.embeddings(s.size("input_dim", c.InputDim), s.size("output_dim", c.OutputDim), c.storedForm)
	return s.lookUp(e, x, c.MaskZero)
})

// lookUp returns the rows of a table, with a mask where x is 0.
func (s *scope) lookUp(e *embeddings, x graph.Value, maskZero bool) graph.Value {
	ids := x
	if !x.DType.Integer() {
		x = s.cast(x, graph.Int32)
	}
	y := e.rows(x)
	if maskZero && s.Err() == nil {
		s.setMask(y, s.Apply(graph.Binary{Func: graph.NotEqual}, ids, s.Scalar(ids.DType, 0)))
	}
	return y
}

type reversibleEmbeddingConfig struct {
	InputDim     int      `json:"input_dim"`
	OutputDim    int      `json:"output_dim"`
	MaskZero     bool     `json:"mask_zero"`
	TieWeights   bool     `json:"tie_weights"`
	ReverseDType *string  `json:"reverse_dtype"`
	LogitSoftCap *float64 `json:"logit_soft_cap"`
	storedForm
}

// reversibleEmbeddingLayer looks up the rows of a table; called with
// reverse=True it computes x · embeddingsᵀ, or x · reverse_embeddings without
// tie_weights. With logit_soft_cap that is then cap·tanh(y/cap).
//
//	x                   (batch, ...)             whole numbers below input_dim
//	embeddings          (input_dim, output_dim)
//	reverse_embeddings  (output_dim, input_dim)  without tie_weights
//	result              (batch, ..., output_dim)
//	reversed            (batch, ..., output_dim) to (batch, ..., input_dim)
//
// See https://keras.io/api/layers/core_layers/reversible_embedding/.
var reversibleEmbeddingLayer = define1("ReversibleEmbedding", reversibleEmbeddingConfig{TieWeights: true},
	func(s *scope, c reversibleEmbeddingConfig, x graph.Value) graph.Value {
		e := s.embeddings(s.size("input_dim", c.InputDim), s.size("output_dim", c.OutputDim), c.storedForm)
		e.declareReverse(c.TieWeights)
		if !s.flags["reverse"] {
			return s.lookUp(e, x, c.MaskZero)
		}
		y := e.reversed(x, c.ReverseDType)
		if s.Err() != nil {
			return none()
		}
		if c.LogitSoftCap != nil {
			limit := s.Scalar(y.DType, *c.LogitSoftCap)
			y = s.Apply(graph.Activation{Func: graph.Tanh}, s.Apply(graph.Binary{Func: graph.Div}, y, limit))
			y = s.Apply(graph.Binary{Func: graph.Mul}, y, limit)
		}
		return y
	})

type maskingConfig struct {
	MaskValue float64 `json:"mask_value"`
}

// maskingLayer masks the time steps whose elements all equal mask_value, and
// sets them to 0.
//
//	x       (batch, time, ...)
//	result  (batch, time, ...)
//
// See https://keras.io/api/layers/core_layers/masking/.
var maskingLayer = define1("Masking", maskingConfig{}, func(s *scope, c maskingConfig, x graph.Value) graph.Value {
	differs := s.Apply(graph.Binary{Func: graph.NotEqual}, x, s.Scalar(x.DType, c.MaskValue))
	kept := s.Apply(graph.Reduce{Func: graph.ReduceAny, Axes: []int{-1}, KeepDims: true}, differs)
	y := s.Apply(graph.Binary{Func: graph.Mul}, x, s.cast(kept, x.DType))
	if s.Err() == nil {
		s.setMask(y, s.Apply(graph.Reduce{Func: graph.ReduceAny, Axes: []int{-1}}, differs))
	}
	return y
})

// identityLayer returns its input.
//
//	x       (batch, ...)
//	result  (batch, ...)
//
// See https://keras.io/api/layers/core_layers/identity/.
var identityLayer = define1("Identity", struct{}{}, same[struct{}])

// same is the lowering of a layer that does nothing at inference.
func same[C any](_ *scope, _ C, x graph.Value) graph.Value { return x }

type einsumDenseConfig struct {
	Equation    string        `json:"equation"`
	OutputShape dimensions    `json:"output_shape"`
	Activation  activationArg `json:"activation"`
	BiasAxes    *string       `json:"bias_axes"`
	storedForm
	Columns keras.TrainingOnly `json:"gptq_unpacked_column_size"` // the shape of the kernel tells
}

// dimensions holds a number or a list of numbers, null being unknown.
type dimensions graph.Shape

// UnmarshalKeras implements [keras.Unmarshaler].
func (d *dimensions) UnmarshalKeras(v *keras.Value) error {
	items := v.Items()
	if v.Kind() == keras.Number {
		items = []*keras.Value{v}
	}
	*d = dimensions{}
	for _, it := range items {
		n, ok := it.Int()
		if it.IsNull() {
			n, ok = graph.Dyn, true
		}
		if !ok || n < graph.Dyn || n > maxSize || n == 0 {
			return keras.ErrFormat
		}
		*d = append(*d, n)
	}
	return nil
}

// String returns d as Keras writes it.
func (d dimensions) String() string { return graph.Shape(d).String() }

// einsumDenseLayer computes activation(einsum(equation, x, kernel) + bias). The
// kernel's dimensions have labels of the result or of x in the equation; the
// bias has those of bias_axes, and 1 for axes between them.
//
//	x       (batch, ...)
//	kernel  as its labels say
//	bias    as bias_axes says
//	result  (batch, output_shape...)
//
// See https://keras.io/api/layers/core_layers/einsum_dense/.
var einsumDenseLayer = define1("EinsumDense", einsumDenseConfig{}, func(s *scope, c einsumDenseConfig, x graph.Value) graph.Value {
	e, err := parseEinsum(c.Equation, x.Shape, c.OutputShape)
	if err == nil && c.BiasAxes != nil {
		err = e.bias(*c.BiasAxes)
	}
	if err != nil {
		s.Fail(err)
		return none()
	}
	y, bias := s.contract(x, e.contraction(s, c.Equation), c.storedForm)
	if c.BiasAxes != nil {
		y = s.Apply(graph.Binary{Func: graph.Add}, y, bias)
	}
	return s.activate(c.Activation, y)
})

// An einsumShape holds the dimensions of an EinsumDense.
type einsumShape struct {
	in, labels, out string // labels of x, the kernel and the result, without "..."
	size            map[byte]int
	dots, behind    int // axes that a "..." stands for, and one behind them
	kernel          []int
	biasShape       []int // nil for no bias
}

// parseEinsum reads an equation "ab...,bc->ac...", where "..." may stand first
// or last or be absent, and finds the size of every label: that of out, the
// result without its batch, else that of x.
func parseEinsum(equation string, x graph.Shape, out []int) (*einsumShape, error) {
	bad := fmt.Errorf("%w: equation %q for an input %v and an output_shape %v", graph.ErrAttr, equation, x, out)
	equation = strings.ReplaceAll(equation, " ", "")
	operands, result, _ := strings.Cut(equation, "->")
	in, kernel, _ := strings.Cut(operands, ",")
	e := &einsumShape{labels: kernel, out: strings.Replace(result, "...", "", 1), size: map[byte]int{}}
	if in == "" || kernel == "" || len(x) == 0 || strings.Contains(kernel, ".") || strings.Contains(in, ".") != strings.Contains(result, ".") {
		return nil, bad
	}
	in, left := strings.Replace(in, "...", "", 1), strings.HasPrefix(in, "...")
	elided := len(x) - len(in)
	if e.in, e.dots = in, elided; !left {
		e.behind = elided
	}
	if elided < 0 || elided > 0 && !strings.Contains(result, ".") {
		return nil, bad
	}
	shape := append(graph.Shape{x[0]}, out...)
	if left {
		shape = append(append(graph.Shape{}, x[:elided]...), out...)
		x = x[elided:]
		if len(shape) < elided {
			return nil, bad
		}
		shape = shape[elided:]
	}
	if len(shape) < len(e.out) {
		return nil, bad
	}
	for i := range len(in) {
		e.size[in[i]] = x[i]
	}
	for i := range len(e.out) {
		if n, ok := e.size[e.out[i]]; !ok || shape[i] != graph.Dyn {
			if ok && n != graph.Dyn && n != shape[i] {
				return nil, bad
			}
			e.size[e.out[i]] = shape[i]
		}
	}
	for i := range len(kernel) {
		n, ok := e.size[kernel[i]]
		if !ok || n < 1 {
			return nil, bad
		}
		e.kernel = append(e.kernel, n)
	}
	return e, nil
}

// bias finds the shape of a bias over axes, labels of the result.
func (e *einsumShape) bias(axes string) error {
	first := len(e.out)
	for _, a := range axes {
		i := strings.IndexRune(e.out, a)
		if i < 0 {
			return fmt.Errorf("%w: bias_axes is %q", graph.ErrAttr, axes)
		}
		first = min(first, i)
	}
	for i := first; i < len(e.out); i++ {
		n := 1
		if strings.IndexByte(axes, e.out[i]) >= 0 {
			n = e.size[e.out[i]]
		}
		e.biasShape = append(e.biasShape, n)
	}
	for range e.behind {
		e.biasShape = append(e.biasShape, 1)
	}
	return nil
}

// contraction describes the product of an equation.
func (e *einsumShape) contraction(s *scope, equation string) *contraction {
	p := &contraction{
		kernel: e.kernel, bias: e.biasShape,
		multiply: func(x, kernel graph.Value) graph.Value { return operation.Einsum(s.Builder, equation, x, kernel) },
		split: func() (rows, columns int) {
			switch k := e.kernel; len(k) {
			case 2:
				return k[0], k[1]
			case 3: // Keras takes the longest axis for that of the model
				if k[0] >= k[1] && k[0] >= k[2] {
					return k[0], k[1] * k[2]
				}
				return k[0] * k[1], k[2]
			}
			s.Failf("%w: quantized kernel %v", keras.ErrUnsupported, graph.Shape(e.kernel))
			return 0, 0
		},
	}
	for i := range e.labels {
		if strings.IndexByte(e.out, e.labels[i]) < 0 {
			p.reduced = append(p.reduced, i)
		}
	}
	if e.dots > 0 {
		return p
	}
	// An axis of the result, if x has it, is axis perm[i] of x.
	var perm, dims []int
	for i := range e.out {
		if at := strings.IndexByte(e.in, e.out[i]); at >= 0 {
			dims = append(dims, graph.KeepDim(len(perm)))
			perm = append(perm, at)
		} else {
			dims = append(dims, 1)
		}
		if at := strings.IndexByte(e.labels, e.out[i]); at >= 0 {
			p.scale = append(p.scale, e.kernel[at])
		} else {
			p.scale = append(p.scale, 1)
		}
	}
	for i := range e.in {
		if strings.IndexByte(e.out, e.in[i]) < 0 {
			p.summed = append(p.summed, i)
		}
	}
	perm = append(perm, p.summed...)
	p.aligned = func(scale graph.Value) graph.Value {
		return s.Apply(graph.Reshape{Dims: dims}, s.Apply(graph.Transpose{Perm: perm}, scale))
	}
	return p
}
