package plan

import (
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// scaled is the Source of a float32 weight times a scale for each output
// channel, in float64 and rounded once. It is computed as it is read, so that a
// folded weight never exists beside the one it comes from.
type scaled struct {
	of    *weight.Value
	scale []float64
	run   int // elements of a channel that follow each other
}

func (s *scaled) Tensor() (graph.Tensor, error) {
	t := graph.NewTensor(graph.Float32, s.of.Shape)
	return t, s.Floats(t.Data.([]float32), 0)
}

func (s *scaled) Floats(dst []float32, at int) error {
	if err := s.of.Floats(dst, at); err != nil {
		return err
	}
	if s.run == 1 {
		for c := at % len(s.scale); len(dst) > 0; c = 0 {
			n := min(len(dst), len(s.scale)-c)
			for i, f := range s.scale[c : c+n] {
				dst[i] = float32(float64(dst[i]) * f)
			}
			dst = dst[n:]
		}
		return nil
	}
	for i, v := range dst {
		dst[i] = float32(float64(v) * s.scale[(at+i)/s.run%len(s.scale)])
	}
	return nil
}
