package smaller

import (
	"errors"
	"math"

	"github.com/kerasrun/kerasrun/convert/kerasfile"
	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/source"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// round rounds the weights of a model to numbers of type to. The architecture
// stays as it is, and so does the type that it computes in.
func round(j *target.Job, to graph.DType) (small, whole *source.Model, r *Report, err error) {
	m := j.Model
	if major(j) == 3 { // what is written is then the same architecture; what has no form in Keras 3 may have one elsewhere
		if today, err := kerasfile.Today(j); err == nil {
			m = today
		} else if !errors.Is(err, source.ErrUnsupported) {
			return nil, nil, nil, err
		}
	}
	params := m.Program.Graph.Params
	r = &Report{Stored: make([]graph.DType, len(params))}
	weights := make([]*weight.Value, len(params))
	for i, p := range params {
		v := m.Weights[i]
		weights[i], r.Stored[i] = v, p.DType
		if p.DType != graph.Float32 {
			continue
		}
		l := r.layer(p)
		var d difference
		beyond := false
		now := rounded{v, to}
		err := target.Blocks(j.Context, v, func(block []float32) error {
			for _, x := range block {
				y := now.of(x)
				beyond = beyond || math.IsInf(float64(y), 0) && !math.IsInf(float64(x), 0)
				d.add(x, y)
			}
			return nil
		})
		if err != nil {
			return nil, nil, nil, err
		}
		if beyond {
			l.Why = p.Name + " has numbers that " + to.String() + " does not reach"
			continue
		}
		l.Form, l.Error = to.String(), max(l.Error, d.relative())
		weights[i], r.Stored[i] = weight.From(p.Type, now), to
	}
	out := m.Edited(m.Arch, m.Program, weights, m.Optimizer)
	r.sizes(m, out)
	return out, m, r, nil
}

// major is the Keras that a job writes for.
func major(j *target.Job) int {
	if j.Options.Keras == 2 {
		return 2
	}
	return 3
}

// rounded are the elements of a Float32 value, rounded to those of type to.
type rounded struct {
	v  *weight.Value
	to graph.DType
}

func (r rounded) of(x float32) float32 {
	if r.to == graph.BFloat16 {
		return graph.BFloatToFloat(graph.FloatToBFloat(float64(x)))
	}
	return graph.HalfToFloat(graph.FloatToHalf(float64(x)))
}

// Tensor implements [weight.Source].
func (r rounded) Tensor() (graph.Tensor, error) {
	t := graph.NewTensor(graph.Float32, r.v.Shape)
	return t, r.Floats(t.Data.([]float32), 0)
}

// Floats implements [weight.Source].
func (r rounded) Floats(dst []float32, at int) error {
	if err := r.v.Floats(dst, at); err != nil {
		return err
	}
	for i, x := range dst {
		dst[i] = r.of(x)
	}
	return nil
}
