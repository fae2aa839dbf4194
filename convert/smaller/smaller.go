// Package smaller changes opened models so that their files take less room:
// weights in fewer bits, and layers that another one can do the work of.
//
// It returns another model, which any format is written from, and a report of
// what it cost.
package smaller

import (
	"fmt"
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
	"github.com/kerasrun/kerasrun/runtime/source"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A Form is how weights are stored.
type Form string

// The forms.
const (
	// F16 rounds weights to float16. Those that have larger numbers than it stay as they are.
	F16 Form = "f16"
	// BF16 rounds weights to bfloat16.
	BF16 Form = "bf16"
	// Int8 is what model.quantize("int8") of Keras makes.
	Int8 Form = "int8"
)

// Forms are all forms.
var Forms = []Form{F16, BF16, Int8}

// A Report says what became of the weights.
type Report struct {
	Layers []Layer // those that have weights, in order of creation
	// Stored are the element types of the weights in files, by weight.
	Stored []graph.DType
}

// A Layer is what became of the weights of a layer.
type Layer struct {
	Path, Class string
	// Form is that of the largest weight that was changed: "float16", "int8"; "" if none was.
	Form string
	// Why says why weights of the layer are as they were, or is "".
	Why string
	// Before and After are the bytes of its weights.
	Before, After int64
	// Error is the largest difference of a changed weight's elements, as a part of the
	// largest of them; of several weights the largest.
	Error float64
}

// Make changes the weights of a job's model. whole is what it changes them of: the
// model, in the form of Keras 3 where that is what it is for.
func Make(j *target.Job, form Form) (small, whole *source.Model, r *Report, err error) {
	switch form {
	case F16:
		return round(j, graph.Float16)
	case BF16:
		return round(j, graph.BFloat16)
	case Int8:
		return int8s(j)
	}
	return nil, nil, nil, fmt.Errorf("%w: form %q of weights, want one of %v", target.ErrOptions, form, Forms)
}

// layer returns the entry of a layer, which it adds if there is none.
func (r *Report) layer(p graph.Param) *Layer {
	i := slices.IndexFunc(r.Layers, func(l Layer) bool { return l.Path == p.Layer })
	if i < 0 {
		i = len(r.Layers)
		r.Layers = append(r.Layers, Layer{Path: p.Layer, Class: p.Class})
	}
	return &r.Layers[i]
}

// sizes notes the bytes of weights before and after.
func (r *Report) sizes(before, after *source.Model) {
	for _, p := range before.Program.Graph.Params {
		r.layer(p).Before += target.Bytes(p.Type)
	}
	for i, p := range after.Program.Graph.Params {
		r.layer(p).After += target.Bytes(graph.Type{DType: r.Stored[i], Shape: p.Shape})
	}
}

// rebind lowers an edited architecture of m and finds the values of its weights:
// those of made, by layer and name, and else those of m.
func rebind(m *source.Model, arch *keras.Model, made map[[2]string]*weight.Value) (*layers.Program, []*weight.Value, error) {
	program, err := m.Lower(arch)
	if err != nil {
		return nil, nil, err
	}
	was := map[[2]string][]*weight.Value{}
	for i, p := range m.Program.Graph.Params {
		was[key(p)] = append(was[key(p)], m.Weights[i])
	}
	var weights []*weight.Value
	for _, p := range program.Graph.Params {
		v := made[key(p)]
		if left := was[key(p)]; v == nil && len(left) > 0 {
			v, was[key(p)] = left[0], left[1:]
		}
		if v == nil || v.DType != p.DType || !slices.Equal(v.Shape, p.Shape) {
			return nil, nil, fmt.Errorf("%w: layer %s (%s): no weight %q of %v %v", graph.ErrShape, p.Layer, p.Class, p.Name, p.DType, p.Shape)
		}
		weights = append(weights, v)
	}
	return program, weights, nil
}

func key(p graph.Param) [2]string { return [2]string{p.Layer, p.Name} }

// paths returns the paths of layers.
func paths(p *layers.Program) map[*keras.Layer]string {
	of := map[*keras.Layer]string{}
	for _, l := range p.Layers {
		of[l.Layer] = l.Path
	}
	return of
}

// A difference compares elements with what became of them.
type difference struct{ largest, apart float64 }

func (d *difference) add(was, now float32) {
	if x := math.Abs(float64(was)); x-x == 0 { // what is not finite stays so
		d.largest = max(d.largest, x)
		d.apart = max(d.apart, math.Abs(float64(was)-float64(now)))
	}
}

// relative is the largest difference as a part of the largest element.
func (d *difference) relative() float64 {
	if d.largest == 0 {
		return 0
	}
	return d.apart / d.largest
}
