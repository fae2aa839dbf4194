package layers

import (
	"fmt"
	"strconv"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// inputLayer is the class of model inputs.
const inputLayer = "InputLayer"

// inputConfig is the config of an InputLayer. A batch_shape has null for
// dimensions that are known only when the model runs. Inputs that Keras takes as
// sparse or ragged tensors too are dense here, where all rows have one length.
type inputConfig struct {
	BatchShape *keras.Value       `json:"batch_shape"`
	Sparse     keras.TrainingOnly `json:"sparse"`
	Ragged     keras.TrainingOnly `json:"ragged"`
	Optional   bool               `json:"optional"` // whether the input may be left out; kerasrun always wants it
}

// inputType reads the type of an InputLayer. The shape is nil when the file does not say.
func (s *scope) inputType(l *keras.Layer) (graph.Type, error) {
	c := inputConfig{}
	if err := s.decode(l.Config, &c); err != nil {
		return graph.Type{}, err
	}
	_, d, _, err := policy(l.Config)
	if err != nil {
		return graph.Type{}, err
	}
	t := graph.Type{DType: d}
	if c.BatchShape.Kind() == keras.Null {
		return t, nil
	}
	t.Shape, err = shapeOf(c.BatchShape)
	return t, err
}

// shapeOf reads a shape such as [null, 28, 28, 1].
func shapeOf(v *keras.Value) (graph.Shape, error) {
	if v.Kind() != keras.Array {
		return nil, fmt.Errorf("%w: shape %s", keras.ErrFormat, v.JSON())
	}
	out := graph.Shape{}
	for _, it := range v.Items() {
		n, ok := it.Int()
		switch {
		case it.Kind() == keras.Null:
			n = graph.Dyn
		case !ok || n < 1:
			return nil, fmt.Errorf("%w: shape %s", keras.ErrFormat, v.JSON())
		}
		out = append(out, n)
	}
	return out, nil
}

// rootInputs makes the inputs of the outermost model.
func (s *scope) rootInputs(g *keras.Graph) []graph.Value {
	var ins []leaf
	if g.Sequential {
		if len(g.Layers) > 0 && g.Layers[0].Class == inputLayer {
			ins = []leaf{{g.Layers[0].Name, g.Layers[0]}}
		} else {
			ins = []leaf{{"input", nil}}
		}
	} else {
		ins = leaves(sortKeys(g.Inputs), "", false, nil)
	}
	if n := len(s.options.InputShapes); n > 0 && n != len(ins) {
		s.Failf("%w: %d input shapes given for %d inputs", graph.ErrShape, n, len(ins))
		return nil
	}
	names := uniqueNames(ins)
	var out []graph.Value
	for i, in := range ins {
		t := graph.Type{}
		if in.layer != nil {
			if in.layer.Class != inputLayer {
				s.Failf("%w: model input %q is no InputLayer but %s", keras.ErrFormat, in.layer.Name, in.layer.Class)
				return nil
			}
			var err error
			if t, err = s.inputType(in.layer); err != nil {
				s.Fail(&Error{in.layer.Name, inputLayer, err})
				return nil
			}
		}
		if len(t.Shape) > 0 && t.Shape[0] != graph.Dyn {
			s.fixedBatch = true
			if !s.keepBatch {
				t.Shape[0] = graph.Dyn
			}
		}
		if i < len(s.options.InputShapes) {
			given := s.options.InputShapes[i]
			if t.Shape != nil && !t.Shape.Fits(given) {
				s.Failf("%w: input shape %v given for %q, the file says %v", graph.ErrShape, given, names[i], t.Shape)
				return nil
			}
			t.Shape = given.Clone()
		}
		if t.Shape == nil {
			s.Failf("%w: the file does not say the shape of input %q; give it: WithInputShapes in Go, --input-shape on the command line", keras.ErrUnsupported, names[i])
			return nil
		}
		out = append(out, s.Input(names[i], t))
	}
	return out
}

// rootOutputs names the outputs of the outermost model and returns their structure.
func (s *scope) rootOutputs(g *keras.Graph, out []graph.Value) *keras.Arg {
	if s.Err() != nil {
		return nil
	}
	structure := sortKeys(g.Outputs)
	if g.Sequential {
		last := g.Layers[len(g.Layers)-1]
		structure = &keras.Arg{Kind: keras.ArgTensor, Layer: last}
		if len(out) != 1 {
			structure = &keras.Arg{Kind: keras.ArgList}
			for i := range out {
				structure.Items = append(structure.Items, &keras.Arg{Kind: keras.ArgTensor, Layer: last, Tensor: i})
			}
		}
	}
	names := uniqueNames(leaves(structure, "", false, nil))
	for i, v := range out {
		s.Output(names[i], v)
	}
	return structure
}

// A leaf is a tensor in a structure of inputs or outputs.
type leaf struct {
	name  string
	layer *keras.Layer
}

// leaves lists the tensors of a. Those of a dict are named by the path of its
// keys, others by their layer.
func leaves(a *keras.Arg, path string, named bool, into []leaf) []leaf {
	if a == nil {
		return into
	}
	if a.Kind == keras.ArgTensor {
		if !named {
			path = a.Layer.Name
		}
		return append(into, leaf{path, a.Layer})
	}
	for i, it := range a.Items {
		p := path
		switch {
		case a.Kind == keras.ArgDict:
			p = join(path, a.Keys[i])
		case named:
			p = join(path, strconv.Itoa(i))
		}
		into = leaves(it, p, named || a.Kind == keras.ArgDict, into)
	}
	return into
}

// uniqueNames gives a name that comes again a number, as Keras 2 does for outputs.
func uniqueNames(ls []leaf) []string {
	seen := map[string]bool{}
	count := map[string]int{}
	var out []string
	for _, l := range ls {
		name := l.name
		for seen[name] {
			count[l.name]++
			name = l.name + "_" + strconv.Itoa(count[l.name])
		}
		seen[name] = true
		out = append(out, name)
	}
	return out
}

// enterInput brings the value that a nested model is called with to the dtype
// and rank of its InputLayer, as Keras does: a last axis of length 1 may be
// missing or too many.
func (s *scope) enterInput(l *keras.Layer, v graph.Value) graph.Value {
	t, err := s.inputType(l)
	if err != nil {
		s.Fail(err)
		return none()
	}
	v = s.sameMask(s.cast(v, t.DType), v)
	n := len(t.Shape)
	switch {
	case t.Shape == nil || v.Rank() == n:
		return v
	case v.Rank() == n+1 && v.Dim(-1) == 1:
		return s.reshapeKeep(v, n, false)
	case v.Rank() == n-1 && t.Shape[n-1] == 1:
		return s.reshapeKeep(v, v.Rank(), true)
	}
	s.Failf("%w: called on %v, want %v", graph.ErrShape, v.Shape, t.Shape)
	return none()
}

// reshapeKeep keeps the first n axes of v and adds an axis of length 1 when one is set.
func (s *scope) reshapeKeep(v graph.Value, n int, one bool) graph.Value {
	var dims []int
	for i := range n {
		dims = append(dims, graph.KeepDim(i))
	}
	if one {
		dims = append(dims, 1)
	}
	return s.Apply(graph.Reshape{Dims: dims}, v)
}
