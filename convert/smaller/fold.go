package smaller

import (
	"fmt"
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/convert/kerasfile"
	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/source"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A Folding is a BatchNormalization and the layer before it.
type Folding struct {
	// Layer is the path of the BatchNormalization, Into that of the layer that does its work now.
	Layer, Into string
	// Why says why it was left, or is "".
	Why string
}

// Fold folds each BatchNormalization into the convolution or Dense before it,
// where that alone feeds it: the layer is left out of the architecture, its factors go into
// the kernel and its offsets into the bias, which the layer before it gets if it had none.
func Fold(j *target.Job) (*source.Model, []Folding, error) {
	m, err := kerasfile.Today(j)
	if err != nil {
		return nil, nil, err
	}
	f := folder{m: m, made: map[[2]string]*weight.Value{}, params: map[[2]string]int{}, types: map[*keras.Layer]graph.Type{}, paths: paths(m.Program)}
	for i, p := range m.Program.Graph.Params {
		f.params[key(p)] = i
	}
	for _, l := range m.Program.Layers {
		if len(l.Calls) > 0 && len(l.Calls[0]) > 0 {
			f.types[l.Layer] = l.Calls[0][0].Type
		}
	}
	if err := f.walk(m.Arch.Root.Graph, true); err != nil {
		return nil, nil, err
	}
	if len(f.made) == 0 {
		return m, f.list, nil
	}
	program, weights, err := rebind(m, m.Arch, f.made)
	if err != nil {
		return nil, nil, err
	}
	if len(m.Optimizer) > 0 {
		j.Note("the state of the optimizer is left out: it is of other weights")
	}
	return m.Edited(m.Arch, program, weights, nil), f.list, nil
}

// A folder edits an architecture.
type folder struct {
	m      *source.Model
	paths  map[*keras.Layer]string
	types  map[*keras.Layer]graph.Type // of the first result
	params map[[2]string]int           // by layer and name
	made   map[[2]string]*weight.Value
	list   []Folding
}

// walk folds in a model and in those inside it.
func (f *folder) walk(g *keras.Graph, root bool) error {
	for _, l := range slices.Clone(g.Layers) {
		if l.Graph != nil {
			if err := f.walk(l.Graph, false); err != nil {
				return err
			}
		}
		if l.Class != "BatchNormalization" {
			continue
		}
		before, why := f.before(g, l, root)
		if why == "" {
			why = f.differs(before, l)
		}
		path := func(l *keras.Layer) string {
			if l == nil {
				return ""
			}
			return f.paths[l]
		}
		f.list = append(f.list, Folding{Layer: f.paths[l], Into: path(before), Why: why})
		if why != "" {
			continue
		}
		if err := f.fold(before, l); err != nil {
			return err
		}
		remove(g, l, before)
	}
	return nil
}

// before returns the layer that feeds a BatchNormalization alone, or why it cannot be folded.
func (f *folder) before(g *keras.Graph, l *keras.Layer, root bool) (before *keras.Layer, why string) {
	const output = "it names an output of the model"
	at := slices.Index(g.Layers, l)
	if g.Sequential {
		switch {
		case at == 0:
			return nil, "it is the first layer"
		case root && at == len(g.Layers)-1:
			return nil, output
		}
		return g.Layers[at-1], ""
	}
	if len(l.Calls) != 1 || len(l.Calls[0].Args) != 1 || l.Calls[0].Args[0].Kind != keras.ArgTensor ||
		slices.ContainsFunc(l.Calls[0].Kwargs, func(k keras.NamedArg) bool { return !k.Arg.Neutral() }) {
		return nil, "it is called several times, or with more than a tensor"
	}
	before = l.Calls[0].Args[0].Layer
	if root && slices.ContainsFunc(g.Outputs.Tensors(nil), func(a *keras.Arg) bool { return a.Layer == l }) {
		return nil, output
	}
	uses := 0
	for _, t := range tensors(g) {
		if t.Layer == before {
			uses++
		}
	}
	if uses > 1 || len(before.Calls) > 1 {
		return nil, fmt.Sprintf("layer %s has other uses", before.Name)
	}
	return before, ""
}

// tensors are all uses of tensors in a Functional model.
func tensors(g *keras.Graph) []*keras.Arg {
	all := g.Outputs.Tensors(nil)
	for _, l := range g.Layers {
		for _, c := range l.Calls {
			for _, a := range c.Args {
				all = a.Tensors(all)
			}
			for _, k := range c.Kwargs {
				all = k.Arg.Tensors(all)
			}
		}
	}
	return all
}

// remove takes l out of a model; what it fed is fed by before.
func remove(g *keras.Graph, l, before *keras.Layer) {
	at := slices.Index(g.Layers, l)
	g.Layers = slices.Delete(slices.Clone(g.Layers), at, at+1)
	if g.Sequential {
		return
	}
	for _, t := range tensors(g) {
		if t.Layer == l {
			t.Layer, t.Node, t.Tensor = before, 0, 0
		}
	}
}

// foldable are the classes that a BatchNormalization is folded into: the name of
// the weight whose columns are the channels of the result.
var foldable = map[string]string{
	"Dense": "kernel", "Conv1D": "kernel", "Conv2D": "kernel", "Conv3D": "kernel",
	"Conv1DTranspose": "kernel", "Conv2DTranspose": "kernel", "Conv3DTranspose": "kernel",
	"DepthwiseConv1D": "kernel", "DepthwiseConv2D": "kernel",
	"SeparableConv1D": "pointwise_kernel", "SeparableConv2D": "pointwise_kernel",
}

// differs says why a BatchNormalization after a layer is no part of it.
func (f *folder) differs(before, l *keras.Layer) string {
	if foldable[before.Class] == "" {
		return fmt.Sprintf("layer %s before it is of class %s", before.Name, before.Class)
	}
	if a := before.Config.Get("activation"); !a.IsNull() {
		if name, _ := a.Str(); name != "linear" {
			return fmt.Sprintf("layer %s has an activation", before.Name)
		}
	}
	for _, x := range []*keras.Layer{before, l} {
		if name, why := policyOf(x); why != "" || name != "float32" {
			return fmt.Sprintf("layer %s does not compute in float32", x.Name)
		}
	}
	axis, ok := l.Config.Get("axis").Int()
	if items := l.Config.Get("axis").Items(); len(items) == 1 {
		axis, ok = items[0].Int()
	}
	t, known := f.types[before]
	if !ok || !known {
		return "its axis is not known"
	}
	channels := len(t.Shape) - 1
	if format, _ := before.Config.Get("data_format").Str(); format == "channels_first" {
		channels = 1
	}
	if axis != channels && axis != channels-len(t.Shape) {
		return fmt.Sprintf("its axis %d is not that of the channels", axis)
	}
	return ""
}

// read returns the elements of a weight, nil if the layer has none of that name.
func (f *folder) read(l *keras.Layer, name string) ([]float32, error) {
	k := [2]string{f.paths[l], name}
	if v := f.made[k]; v != nil { // of a layer that has taken another in
		t, err := v.Tensor()
		return t.Float32s(), err
	}
	i, ok := f.params[k]
	if !ok {
		return nil, nil
	}
	t, err := f.m.Weights[i].Tensor()
	return t.Float32s(), err
}

// fold makes the weights of a layer do the work of the BatchNormalization after it.
func (f *folder) fold(before, l *keras.Layer) error {
	var read [4][]float32
	for i, name := range []string{"gamma", "beta", "moving_mean", "moving_variance"} {
		var err error
		if read[i], err = f.read(l, name); err != nil {
			return err
		}
	}
	gamma, beta, mean, variance := read[0], read[1], read[2], read[3]
	epsilon, ok := l.Config.Get("epsilon").Float()
	if !ok {
		epsilon = 1e-3
	}
	factors := make([]float64, len(mean))
	for c := range factors {
		factors[c] = 1 / math.Sqrt(float64(variance[c])+epsilon)
		if gamma != nil {
			factors[c] *= float64(gamma[c])
		}
	}
	name := foldable[before.Class]
	kernel, err := f.read(before, name)
	if err != nil {
		return err
	}
	p := f.m.Program.Graph.Params[f.params[[2]string{f.paths[before], name}]]
	inner := 1 // elements of one channel that lie side by side
	if n := len(p.Shape); n > 2 && slices.Contains([]string{"Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"}, before.Class) {
		inner = p.Shape[n-1]
	}
	scaled := make([]float32, len(kernel))
	for i, w := range kernel {
		scaled[i] = float32(float64(w) * factors[i/inner%len(factors)])
	}
	bias, err := f.read(before, "bias")
	if err != nil {
		return err
	}
	offsets := make([]float32, len(factors))
	for c, k := range factors {
		x := -float64(mean[c])
		if bias != nil {
			x += float64(bias[c])
		}
		x *= k
		if beta != nil {
			x += float64(beta[c])
		}
		offsets[c] = float32(x)
	}
	path := f.paths[before]
	f.made[[2]string{path, name}] = weight.Of(graph.Tensor{DType: graph.Float32, Shape: p.Shape, Data: scaled})
	f.made[[2]string{path, "bias"}] = weight.Of(graph.Floats(offsets, len(offsets)))
	before.Config = before.Config.With("use_bias", keras.NewBool(true))
	return nil
}
