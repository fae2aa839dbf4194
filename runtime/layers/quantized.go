package layers

import (
	"slices"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers/quantize"
)

// A storedForm holds the config keys of layers whose weights may be quantized
// or have a LoRA adapter beside them.
type storedForm struct {
	Quantization quantize.Config `json:"quantization_config"`
	adaptedForm
}

// An adaptedForm holds the config keys of a LoRA adapter.
type adaptedForm struct {
	LoRARank  *int     `json:"lora_rank"`
	LoRAAlpha *float64 `json:"lora_alpha"`
}

// A contraction is the product of a layer's input with its kernel.
type contraction struct {
	kernel   graph.Shape
	bias     graph.Shape // nil for none
	multiply func(x, kernel graph.Value) graph.Value
	summed   []int // axes of the input that the product sums
	// aligned brings a scale of the input, whose summed axes have length 1, into
	// the form that broadcasts to the result; it is nil where Keras cannot.
	aligned func(scale graph.Value) graph.Value
	scale   graph.Shape // of an int8 kernel; it broadcasts to the result
	reduced []int       // axes of the kernel that the product sums
	// late says that a scale per column of an int4 kernel divides the product
	// rather than the kernel.
	late bool
	// split returns the rows and columns of the kernel as GPTQ and AWQ see it.
	split func() (rows, columns int)
}

// A storedKernel is a contraction with a kernel in some stored form.
type storedKernel struct {
	*scope
	*contraction
	form storedForm
	mode quantize.Mode
	bias graph.Value // after declareBias
}

// contract computes p with the kernel in the form that the layer's policy says,
// and returns the bias too, which it declares where Keras does.
func (s *scope) contract(x graph.Value, p *contraction, f storedForm) (y, bias graph.Value) {
	mode, err := quantize.ParseMode(s.dtype.Quantization)
	if err != nil {
		s.Fail(err)
		return none(), none()
	}
	k := &storedKernel{scope: s, contraction: p, form: f, mode: mode}
	switch mode.Kind {
	case quantize.None:
		y = k.plain(s.floating(x))
	case quantize.Float8:
		y = k.float8(s.floating(x))
	case quantize.GPTQ, quantize.AWQ:
		y = k.grouped(s.floating(x))
	default:
		ordered := *s
		ordered.ordered = true
		k.scope = &ordered
		y = k.whole(x)
	}
	return y, k.bias
}

func (k *storedKernel) declareBias() {
	if k.contraction.bias != nil {
		k.bias = k.Weight("bias", k.contraction.bias...)
	}
}

func (k *storedKernel) binary(f graph.BinaryFunc, x, y graph.Value) graph.Value {
	return k.Apply(graph.Binary{Func: f}, x, y)
}

// plain is the product with a kernel that is stored as it is.
func (k *storedKernel) plain(x graph.Value) graph.Value {
	kernel := k.adapted(k.form.adaptedForm, "kernel", k.kernel, k.declareBias)
	return k.multiply(x, kernel)
}

// whole is the product with a kernel of whole numbers.
func (k *storedKernel) whole(x graph.Value) graph.Value {
	inputs := k.form.Quantization.Inputs(k.usual())
	if !x.DType.Floating() {
		k.Failf("%w: %v input of a layer with quantized weights", keras.ErrUnsupported, x.DType)
		return none()
	}
	if k.aligned == nil {
		k.Failf("%w: quantized weights for an equation with ...", keras.ErrUnsupported)
		return none()
	}
	var y graph.Value
	if k.mode.Kind == quantize.Int4 && !k.version.Before(3, 14) {
		y = k.int4(x, inputs)
	} else {
		kernel, scale := k.perColumn()
		y = k.scaled(x, inputs, kernel, scale)
	}
	if k.adapts(k.form.adaptedForm) {
		y = k.binary(graph.Add, y, k.adapter(k.form.adaptedForm, "kernel", k.kernel, func(a graph.Value) graph.Value { return k.multiply(x, a) }))
	}
	return y
}

// usual is the quantizer of the inputs of a layer that names none.
func (k *storedKernel) usual() *quantize.AbsMax {
	if k.mode.Kind == quantize.Int4 && !k.version.Before(3, 14) {
		return nil
	}
	q := quantize.DefaultAbsMax
	return &q
}

// perColumn declares a kernel of int8, or of int4 as Keras 3.11 to 3.13 packed it.
func (k *storedKernel) perColumn() (kernel, scale graph.Value) {
	if k.mode.Kind == quantize.Int8 {
		kernel = k.declare("kernel", false, graph.Int8, k.kernel)
	} else {
		packed, axis := slices.Clone(k.kernel), k.reduced[0]
		packed[axis] = (packed[axis] + 1) / 2
		kernel = quantize.Unpack(k.Builder, k.declare("kernel", false, graph.Int8, packed), axis, k.kernel[axis])
	}
	k.declareBias()
	return kernel, k.State("kernel_scale", k.scale...)
}

// scaled is x · kernel / scale: of whole numbers, where the inputs are quantized.
func (k *storedKernel) scaled(x graph.Value, inputs *quantize.AbsMax, kernel, scale graph.Value) graph.Value {
	if inputs == nil {
		return k.binary(graph.Div, k.multiply(x, k.Cast(kernel, x.DType)), scale)
	}
	whole, by := inputs.Quantize(k.Builder, x, k.summed)
	return k.binary(graph.Div, k.Cast(k.multiply(whole, kernel), k.compute), k.binary(graph.Mul, scale, k.aligned(by)))
}

// int4 is the product with a kernel of int4 in blocks or columns, as Keras
// packs it from 3.14 on.
func (k *storedKernel) int4(x graph.Value, inputs *quantize.AbsMax) graph.Value {
	rows, columns := k.matrix()
	kernel := quantize.Unpack(k.Builder, k.declare("kernel", false, graph.Int8, graph.Shape{rows, (columns + 1) / 2}), 1, columns)
	k.declareBias()
	block := k.mode.Block
	if k.form.Quantization.Int4 {
		block = k.form.Quantization.Block
	}
	switch {
	case block > 0:
		groups := blocksOf(rows, block)
		scale := k.State("kernel_scale", groups, columns)
		zero := k.declare("kernel_zero", false, graph.Int8, graph.Shape{groups, columns})
		kernel = quantize.Dequantize(k.Builder, kernel, scale, zero, k.floatState("g_idx", rows), 0)
		return k.multiply(x, k.reshape(kernel, k.kernel))
	case k.late:
		return k.scaled(x, inputs, kernel, k.State("kernel_scale", columns))
	}
	kernel = k.reshape(k.binary(graph.Div, k.Cast(kernel, k.compute), k.State("kernel_scale", columns)), k.kernel)
	if inputs == nil {
		return k.multiply(x, kernel)
	}
	whole, by := inputs.Quantize(k.Builder, x, k.summed)
	return k.binary(graph.Div, k.multiply(k.Cast(whole, k.compute), kernel), k.aligned(by))
}

// matrix is the kernel as a matrix of int4 weights.
func (p *contraction) matrix() (rows, columns int) {
	rows, columns = 1, 1
	for i, n := range p.kernel {
		if slices.Contains(p.reduced, i) {
			rows *= n
		} else {
			columns *= n
		}
	}
	return rows, columns
}

// float8 is the product of operands that went through float8.
func (k *storedKernel) float8(x graph.Value) graph.Value {
	kernel := k.Weight("kernel", k.kernel...)
	k.declareBias()
	scale := map[string]graph.Value{}
	for _, name := range []string{"inputs", "kernel", "outputs_grad"} {
		scale[name] = k.Cast(k.declare(name+"_scale", true, graph.Float32, graph.Shape{}), k.compute)
		k.declare(name+"_amax_history", true, graph.Float32, graph.Shape{k.dtype.AmaxHistory})
	}
	if k.contraction.bias != nil && k.compute == graph.Float32 {
		k.bias = k.Cast(k.Cast(k.bias, graph.BFloat16), graph.Float32)
	}
	return k.multiply(quantize.ThroughFloat8(k.Builder, x, scale["inputs"]), quantize.ThroughFloat8(k.Builder, kernel, scale["kernel"]))
}

// grouped is the product with a kernel that GPTQ or AWQ has quantized: the rows
// of its matrix are in groups that have a scale and a zero for each column.
func (k *storedKernel) grouped(x graph.Value) graph.Value {
	rows, columns := k.split()
	if k.Err() != nil {
		return none()
	}
	k.declareBias()
	stored := columns
	if k.mode.Bits == 4 {
		stored = (columns + 1) / 2
	}
	q := k.declare("kernel", false, graph.Uint8, graph.Shape{stored, rows})
	if k.mode.Bits == 4 {
		q = quantize.Unpack(k.Builder, q, 0, columns)
	}
	groups := 1
	if k.mode.Block > 0 {
		groups = blocksOf(rows, k.mode.Block)
	}
	scale := k.State("kernel_scale", columns, groups)
	zero := k.declare("kernel_zero", false, graph.Uint8, graph.Shape{columns, groups})
	var salience graph.Value
	if k.mode.Kind == quantize.AWQ {
		salience = k.State("awq_scales", rows)
	}
	kernel := quantize.Turn(k.Builder, quantize.Dequantize(k.Builder, q, scale, zero, k.floatState("g_idx", rows), 1))
	if k.mode.Kind == quantize.AWQ {
		kernel = k.binary(graph.Div, kernel, k.reshape(salience, graph.Shape{rows, 1}))
	}
	return k.multiply(x, k.reshape(kernel, k.kernel))
}

// floatState declares a weight that is float32 in every policy.
func (s *scope) floatState(name string, shape ...int) graph.Value {
	return s.Cast(s.declare(name, false, graph.Float32, shape), s.compute)
}

// reshape gives the elements of x another known shape.
func (s *scope) reshape(x graph.Value, to graph.Shape) graph.Value {
	if slices.Equal(x.Shape, to) {
		return x
	}
	return s.Apply(graph.Reshape{Dims: to}, x)
}

// adapts reports a layer with a LoRA adapter that is stored beside its weights.
func (s *scope) adapts(f adaptedForm) bool { return s.options.Adapters && f.LoRARank != nil }

// adapted declares a floating weight and its LoRA adapter, if there is one, and
// between them what declares says; it returns their sum.
func (s *scope) adapted(f adaptedForm, name string, shape graph.Shape, declares func()) graph.Value {
	w := s.Cast(s.declare(name, !s.adapts(f), s.variable, shape), s.compute)
	declares()
	if s.adapts(f) {
		w = s.Apply(graph.Binary{Func: graph.Add}, w, s.adapter(f, name, shape, asIs))
	}
	return w
}

// adapter declares the LoRA adapter of a weight and returns
// (lora_alpha / lora_rank)·A·B, with what apply makes of A.
func (s *scope) adapter(f adaptedForm, name string, shape graph.Shape, apply func(a graph.Value) graph.Value) graph.Value {
	rank := s.size("lora_rank", *f.LoRARank)
	last := len(shape) - 1
	a := s.Cast(s.declare("lora_"+name+"_a", true, graph.Float32, append(slices.Clone(shape[:last]), rank)), s.compute)
	b := s.Cast(s.declare("lora_"+name+"_b", true, graph.Float32, graph.Shape{rank, shape[last]}), s.compute)
	alpha := float64(rank)
	if f.LoRAAlpha != nil {
		alpha = *f.LoRAAlpha
	}
	y := s.Apply(graph.MatMul{}, apply(a), b)
	return s.Apply(graph.Binary{Func: graph.Mul}, y, s.Scalar(y.DType, alpha/float64(rank)))
}

// asIs is the adapter's A itself.
func asIs(a graph.Value) graph.Value { return a }

// An embeddings is a table of embeddings in some stored form. Keras does not
// convert its scales and adapters to the compute dtype (autocast is off).
type embeddings struct {
	*scope
	form        storedForm
	mode        quantize.Mode
	n, dim      int
	scaledTable             // (n, dim); scale and zero are (n) or, in blocks, (n, groups)
	groups      graph.Value // by column, of a table in blocks
	adapter     graph.Value // (n, dim), beside a quantized table
	back        scaledTable // (dim, n), of the reversed look-up; scale and zero are (n) or (groups, n)
}

// A scaledTable is a table as stored, with the scales and zeros of a quantized one.
type scaledTable struct{ table, scale, zero graph.Value }

// embeddings declares the table of an Embedding with n rows.
func (s *scope) embeddings(n, dim int, f storedForm) *embeddings {
	e := &embeddings{scope: s, form: f, n: n, dim: dim}
	var err error
	if e.mode, err = quantize.ParseMode(s.dtype.Quantization); err != nil {
		s.Fail(err)
		return e
	}
	wide := s.in(quantize.Wider(s.variable, graph.Float32)) // in which adapters are added
	shape := graph.Shape{n, dim}
	scale := shape[:1]
	switch e.mode.Kind {
	case quantize.None:
		if !s.adapts(f.adaptedForm) {
			wide = s
		}
		e.table = s.Cast(wide.adapted(f.adaptedForm, "embeddings", shape, func() {}), s.compute)
		return e
	case quantize.Int8:
		e.table = s.declare("embeddings", false, graph.Int8, shape)
	case quantize.Int4:
		e.table = quantize.Unpack(s.Builder, s.declare("embeddings", false, graph.Int8, graph.Shape{n, (dim + 1) / 2}), 1, dim)
		if groups := e.blocks(); groups > 0 {
			scale = graph.Shape{n, groups}
		}
	default:
		s.Failf("%w: quantization mode %q of embeddings", keras.ErrUnsupported, s.dtype.Quantization)
		return e
	}
	e.scale = s.declare("embeddings_scale", false, s.variable, scale)
	if len(scale) > 1 {
		e.zero = s.declare("embeddings_zero", false, graph.Int8, scale)
		e.groups = s.declare("g_idx", false, graph.Float32, graph.Shape{dim})
	}
	if s.adapts(f.adaptedForm) {
		e.adapter = wide.adapter(f.adaptedForm, "embeddings", shape, asIs)
	}
	return e
}

// blocksOf is the number of blocks of a size that n elements take; a file may give any size.
func blocksOf(n, block int) int { return n/block + min(n%block, 1) }

// blocks is the number of blocks of an int4 row, 0 where a row has one scale.
func (e *embeddings) blocks() int {
	block := e.mode.Block
	if e.form.Quantization.Int4 {
		block = e.form.Quantization.Block
	}
	if e.mode.Kind != quantize.Int4 || block == 0 {
		return 0
	}
	return blocksOf(e.dim, block)
}

// promoted applies f in the type that Keras promotes its operands to.
func (e *embeddings) promoted(f graph.BinaryFunc, x, y graph.Value) graph.Value {
	d := quantize.Wider(x.DType, y.DType)
	return e.Apply(graph.Binary{Func: f}, e.Cast(x, d), e.Cast(y, d))
}

// rows looks up the rows of ids, which are integers.
func (e *embeddings) rows(ids graph.Value) graph.Value {
	of := func(table graph.Value) graph.Value { return e.Apply(graph.Gather{}, table, ids) }
	y := of(e.table)
	if e.mode.Kind == quantize.None || e.Err() != nil {
		return y
	}
	y = e.Cast(y, e.compute)
	if e.blocks() > 0 {
		y = quantize.Dequantize(e.Builder, y, of(e.scale), of(e.zero), e.groups, ids.Rank())
	} else {
		y = e.promoted(graph.Div, y, e.insertAxis(of(e.scale), ids.Rank()))
	}
	if e.adapts(e.form.adaptedForm) {
		y = e.promoted(graph.Add, y, of(e.adapter))
		if !e.version.Before(3, 15) {
			y = e.Cast(y, e.compute)
		}
	}
	return y
}

// declareReverse declares the matrix of the reversed look-up, or takes the
// table's when the weights are tied.
func (e *embeddings) declareReverse(tied bool) {
	groups := e.blocks()
	quantized := e.mode.Kind != quantize.None
	switch {
	case tied:
		e.back = scaledTable{quantize.Turn(e.Builder, e.table), e.scale, e.zero}
		if groups > 0 {
			e.back.scale, e.back.zero = quantize.Turn(e.Builder, e.scale), quantize.Turn(e.Builder, e.zero)
		}
		return
	case !quantized:
		e.back.table = e.Weight("reverse_embeddings", e.dim, e.n)
		return
	case e.mode.Kind == quantize.Int8:
		e.back.table = e.declare("reverse_embeddings", false, graph.Int8, graph.Shape{e.dim, e.n})
	default:
		e.back.table = quantize.Unpack(e.Builder, e.declare("reverse_embeddings", false, graph.Int8, graph.Shape{(e.dim + 1) / 2, e.n}), 0, e.dim)
	}
	scale := graph.Shape{e.n}
	if groups > 0 {
		scale = graph.Shape{groups, e.n}
	}
	e.back.scale = e.declare("reverse_embeddings_scale", false, e.variable, scale)
	if groups > 0 {
		e.back.zero = e.declare("reverse_embeddings_zero", false, e.variable, scale)
	}
}

// reversed is x · back; in names the type that a plain table is multiplied in.
func (e *embeddings) reversed(x graph.Value, in *string) graph.Value {
	if e.mode.Kind == quantize.None {
		back := e.back.table
		x = e.Cast(x, e.compute)
		if in != nil {
			d, ok := graph.ParseDType(*in)
			if !ok || !d.Floating() {
				e.Failf("%w: reverse_dtype is %q", keras.ErrUnsupported, *in)
				return none()
			}
			x, back = e.Cast(x, d), e.Cast(back, d)
		}
		return e.Apply(graph.MatMul{}, x, back)
	}
	q := e.form.Quantization.Inputs(&quantize.DefaultAbsMax)
	if axis := e.form.Quantization.Axis; !axis.IsNull() && axis.JSON() != "-1" && axis.JSON() != "[-1]" || !x.DType.Floating() {
		e.Failf("%w: %v input of a quantized layer, quantized along axis %s", keras.ErrUnsupported, x.DType, axis.JSON())
		return none()
	}
	back, by := e.back.table, e.Scalar(e.compute, 1)
	if e.blocks() > 0 {
		back = quantize.Dequantize(e.Builder, e.Cast(back, e.compute), e.back.scale, e.back.zero, e.groups, 0)
	}
	if q != nil {
		x, by = q.Quantize(e.Builder, x, []int{-1})
	}
	if x.DType != back.DType { // not two of int8
		d := back.DType
		if x.DType.Floating() && d.Floating() {
			d = quantize.Wider(x.DType, d)
		} else if x.DType.Floating() {
			d = x.DType
		}
		x, back = e.Cast(x, d), e.Cast(back, d)
	}
	y := e.Apply(graph.MatMul{}, x, back)
	if e.blocks() > 0 {
		return e.promoted(graph.Div, y, by)
	}
	return e.promoted(graph.Div, e.Cast(y, e.compute), e.promoted(graph.Mul, by, e.back.scale))
}
