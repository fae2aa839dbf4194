package smaller

import (
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/convert/kerasfile"
	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
	"github.com/kerasrun/kerasrun/runtime/layers/quantize"
	"github.com/kerasrun/kerasrun/runtime/source"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A quantizable layer is one that Keras has an int8 form of.
type quantizable struct {
	layer  *keras.Layer
	path   string
	config *keras.Value // before
}

// int8s gives Dense, EinsumDense, Embedding and ReversibleEmbedding the int8 form of Keras.
func int8s(j *target.Job) (small, whole *source.Model, r *Report, err error) {
	if major(j) == 2 {
		j.Refuse("(model)", "weights of int8, which Keras 2 has no form of")
		return nil, nil, nil, j.Refused()
	}
	m, err := kerasfile.Today(j)
	if err != nil {
		return nil, nil, nil, err
	}
	// What is edited is another parse of the same architecture.
	quiet := *j
	quiet.Note = func(string, ...any) {}
	edited, err := kerasfile.Today(&quiet)
	if err != nil {
		return nil, nil, nil, err
	}
	q := quantizer{j: j, m: edited, why: map[string]string{}, paths: paths(edited.Program)}
	q.walk(edited.Arch.Root.Graph)
	for {
		small, r, err = q.quantized()
		var failed *layers.Error
		if err == nil || !errors.As(err, &failed) {
			return small, m, r, err
		}
		// The layer cannot be quantized where it stands.
		at := slices.IndexFunc(q.layers, func(l quantizable) bool { return l.path == failed.Path })
		if at < 0 {
			return nil, nil, nil, err
		}
		l := q.layers[at]
		l.layer.Config, q.why[l.path] = l.config, failed.Err.Error()
		q.layers = slices.Delete(q.layers, at, at+1)
	}
}

// A quantizer edits an architecture.
type quantizer struct {
	j      *target.Job
	m      *source.Model // of which the layers are changed
	paths  map[*keras.Layer]string
	layers []quantizable
	why    map[string]string // layers stay as they are, by path
}

// walk gives the layers of a model, and of those inside it, the policy of int8.
// Layers inside others stay: Keras does not read all of them back as it wrote them.
func (q *quantizer) walk(g *keras.Graph) {
	for _, l := range g.Layers {
		if l.Graph != nil {
			q.walk(l.Graph)
			continue
		}
		if !slices.Contains([]string{"Dense", "EinsumDense", "Embedding", "ReversibleEmbedding"}, l.Class) {
			continue
		}
		path := q.paths[l]
		policy, why := policyOf(l)
		if why == "" {
			why = q.finite(path)
		}
		if why != "" {
			q.why[path] = why
			continue
		}
		q.layers = append(q.layers, quantizable{l, path, l.Config})
		l.Config = l.Config.With("dtype", int8Policy(policy)).With("quantization_config", int8Config())
	}
}

// policyOf is the name of a layer's dtype policy, or why it cannot be made one of int8.
func policyOf(l *keras.Layer) (name, why string) {
	name = "float32"
	if v := l.Config.Get("dtype"); !v.IsNull() {
		var ok bool
		if name, ok = v.Str(); !ok {
			name, _ = v.Get("config").Get("name").Str()
		}
	}
	switch {
	case l.Config.Get("dtype").Get("config").Has("mode"):
		return "", "it is quantized already"
	case name == "":
		return "", "its dtype policy is " + l.Config.Get("dtype").JSON()
	case name != "float32" && !strings.HasPrefix(name, "mixed_"):
		return "", "its weights are not float32"
	case name == "mixed_float16":
		return "", "Keras has no int8 form of layers that compute in float16"
	case !l.Config.Get("lora_rank").IsNull():
		return "", "it has a LoRA adapter"
	case l.Class == "EinsumDense":
		x, kernel, result := equation(l)
		if strings.Contains(x, ".") {
			return "", "its equation has ..."
		}
		index := strings.IndexByte(result, kernel[len(kernel)-1])
		ofInput, index := aligned(x, result, index)
		ofKernel, _ := aligned(kernel, result, index)
		if !ofInput || !ofKernel {
			return "", "Keras does not run its equation in int8"
		}
	}
	return name, ""
}

// equation returns the labels of an EinsumDense: those of its input, its kernel and its result.
func equation(l *keras.Layer) (input, kernel, result string) {
	text, _ := l.Config.Get("equation").Str()
	operands, result, _ := strings.Cut(strings.ReplaceAll(text, " ", ""), "->")
	input, kernel, _ = strings.Cut(operands, ",")
	return input, kernel, result
}

// aligned reports whether the permutation that Keras finds for the scale of an
// operand of an einsum puts its axes where the result has them
// (_analyze_quantization_info of einsum_dense.py). index is that function's variable, which it does not reset.
func aligned(operand, result string, index int) (ok bool, last int) {
	var perm, expand, squeeze []int
	for i := range result {
		if at := strings.IndexByte(operand, result[i]); at >= 0 {
			perm = append(perm, at)
		} else {
			expand = append(expand, i)
		}
	}
	for i := range operand {
		if strings.IndexByte(result, operand[i]) >= 0 {
			continue
		}
		if len(expand) > 0 {
			index, expand = expand[0], expand[1:]
		} else {
			squeeze = append(squeeze, i)
		}
		at := index
		if at < 0 {
			at = max(at+len(perm), 0)
		}
		perm = slices.Insert(perm, min(at, len(perm)), i)
	}
	for _, i := range expand {
		perm = slices.Insert(perm, i, -1)
	}
	short := func(axis int) bool { return axis < 0 || strings.IndexByte(result, operand[axis]) < 0 }
	for _, i := range slices.Backward(squeeze) {
		if i >= len(perm) || !short(perm[i]) {
			return false, index
		}
		perm = slices.Delete(perm, i, i+1)
	}
	for i, axis := range perm {
		if !short(axis) && operand[axis] != result[i] {
			return false, index
		}
	}
	return len(perm) == len(result), index
}

// finite says which weights of a layer have numbers that are not finite.
func (q *quantizer) finite(path string) (why string) {
	for i, p := range q.m.Program.Graph.Params {
		if p.Layer != path || p.DType != graph.Float32 {
			continue
		}
		err := target.Blocks(q.j.Context, q.m.Weights[i], func(block []float32) error {
			for _, x := range block {
				if x-x != 0 {
					why = p.Name + " has numbers that are not finite"
				}
			}
			return nil
		})
		if err != nil {
			return err.Error()
		}
	}
	return why
}

// int8Policy is the dtype policy of a layer quantized from one of a named policy.
func int8Policy(from string) *keras.Value {
	config := keras.NewObject().With("mode", keras.NewString("int8")).With("source_name", keras.NewString(from))
	return object("keras.dtype_policies", "QuantizedDTypePolicy", config)
}

// int8Config is the quantization_config that quantize("int8") gives layers.
func int8Config() *keras.Value {
	usual := quantize.DefaultAbsMax
	inputs := keras.NewObject().
		With("value_range", keras.NewInts(int(usual.Low), int(usual.High))).
		With("epsilon", keras.NewNumber(usual.Epsilon)).With("output_dtype", keras.NewString("int8"))
	config := keras.NewObject().With("weight_quantizer", keras.NewNull()).
		With("activation_quantizer", object("keras.quantizers", "AbsMaxQuantizer", inputs))
	return object("keras.quantizers", "Int8QuantizationConfig", config)
}

func object(module, class string, config *keras.Value) *keras.Value {
	return keras.NewObject().With("module", keras.NewString(module)).With("class_name", keras.NewString(class)).
		With("config", config).With("registered_name", keras.NewNull())
}

// quantized makes the weights of the layers and binds the rest.
func (q *quantizer) quantized() (*source.Model, *Report, error) {
	arch, params := q.m.Arch, q.m.Program.Graph.Params
	made := map[[2]string]*weight.Value{}
	r := &Report{}
	for i, p := range params {
		l := r.layer(p)
		l.Why = q.why[p.Layer]
		at := slices.IndexFunc(q.layers, func(l quantizable) bool { return l.path == p.Layer })
		switch {
		case at < 0 && l.Why == "" && p.DType.Floating():
			l.Why = "Keras has no int8 form of " + p.Class
		case at < 0:
		case slices.Contains([]string{"kernel", "embeddings", "reverse_embeddings"}, p.Name):
			t, err := q.m.Weights[i].Tensor()
			if err != nil {
				return nil, nil, err
			}
			ints, scale, d := absMax(t, scaleAxes(q.layers[at].layer, p))
			made[key(p)], made[[2]string{p.Layer, p.Name + "_scale"}] = weight.Of(ints), weight.Of(scale)
			l.Form, l.Error = "int8", max(l.Error, d.relative())
		}
	}
	program, weights, err := rebind(q.m, arch, made)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range program.Graph.Params {
		r.Stored = append(r.Stored, p.DType)
	}
	out := q.m.Edited(arch, program, weights, nil)
	if len(q.m.Optimizer) > 0 {
		q.j.Note("the state of the optimizer is left out: it is of other weights")
	}
	r.sizes(q.m, out)
	return out, r, nil
}

// scaleAxes says which axes of a weight the dimensions of its scale are: -1 for
// one of length 1. Elements along the other axes share a scale.
func scaleAxes(l *keras.Layer, p graph.Param) []int {
	switch {
	case p.Name == "embeddings":
		return []int{0}
	case p.Class != "EinsumDense":
		return []int{1}
	}
	_, kernel, result := equation(l)
	var axes []int
	for i := range result {
		axes = append(axes, strings.IndexByte(kernel, result[i]))
	}
	return axes
}

// absMax is abs_max_quantize of keras.quantizers, with the arithmetic of its form for NumPy: t
// in whole numbers of -127 to 127, and the scales that it was multiplied by. axes is as of scaleAxes.
func absMax(t graph.Tensor, axes []int) (ints, scale graph.Tensor, d difference) {
	strides := make([]int, len(t.Shape)) // in the scale
	shape := make(graph.Shape, len(axes))
	n := 1
	for i, a := range slices.Backward(axes) {
		shape[i] = 1
		if a >= 0 {
			shape[i], strides[a] = t.Shape[a], n
			n *= t.Shape[a]
		}
	}
	elements := t.Data.([]float32)
	by := make([]float32, n) // the largest of each, then the scales
	each(t.Shape, strides, func(i, at int) { by[at] = max(by[at], float32(math.Abs(float64(elements[i])))) })
	usual := quantize.DefaultAbsMax
	for i, x := range by {
		by[i] = float32(usual.High) / (x + float32(usual.Epsilon))
	}
	whole := make([]int8, len(elements))
	each(t.Shape, strides, func(i, at int) {
		x := math.RoundToEven(float64(elements[i] * by[at]))
		whole[i] = int8(min(max(x, usual.Low), usual.High))
		d.add(elements[i], float32(whole[i])/by[at])
	})
	return graph.Tensor{DType: graph.Int8, Shape: t.Shape, Data: whole}, graph.Floats(by, shape...), d
}

// each calls f with the number of each element of a shape and with its offset by strides.
func each(shape graph.Shape, strides []int, f func(i, at int)) {
	n, _ := shape.Elems()
	index := make([]int, len(shape))
	at := 0
	for i := range n {
		f(i, at)
		for a := len(shape) - 1; a >= 0; a-- {
			index[a]++
			at += strides[a]
			if index[a] < shape[a] {
				break
			}
			at -= index[a] * strides[a]
			index[a] = 0
		}
	}
}
