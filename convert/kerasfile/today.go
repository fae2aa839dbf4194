package kerasfile

import (
	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/runtime/source"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// Today returns a model in the form of Keras 3, for what changes it before it is
// written: what its archive would hold, with weights that are read when they are asked for.
func Today(j *target.Job) (*source.Model, error) {
	r, err := prepare(j, form{major: 3})
	if err != nil {
		return nil, err
	}
	r.arch.Training = r.compile
	weights := make([]*weight.Value, len(r.from))
	for i, from := range r.from {
		v := j.Weights[from]
		weights[i] = v
		if s, ok := r.scales[from]; ok {
			t, err := s.scaled(v)
			if err != nil {
				return nil, err
			}
			weights[i] = weight.Of(t)
		}
	}
	return j.Edited(r.arch, r.program, weights, r.optimizer()), nil
}
