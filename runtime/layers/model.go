package layers

import (
	"fmt"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// model lowers the inside of a model that is called on in. A model called
// several times is lowered for each call; its weights are declared once.
//
// An implicit mask would travel beside each graph.Value here: no class that is
// supported yet makes one.
func (s *scope) model(g *keras.Graph, in []graph.Value) []graph.Value {
	if s.Err() != nil {
		return nil
	}
	segments := keras.FilePaths(g)
	if g.Sequential {
		return s.sequential(g, segments, in)
	}
	return s.functional(g, segments, in)
}

// sequential applies the layers of a Sequential one after the other.
func (s *scope) sequential(g *keras.Graph, segments map[*keras.Layer]string, in []graph.Value) []graph.Value {
	if len(g.Layers) == 0 {
		s.Failf("%w: a Sequential without layers", keras.ErrUnsupported)
		return nil
	}
	for i, l := range g.Layers {
		c := s.child(l, segments[l])
		in = c.site(func() []graph.Value {
			switch {
			case l.Class != inputLayer:
				return c.apply(in)
			case i > 0 || len(in) != 1:
				c.Failf("%w: an InputLayer with %d inputs as layer %d of a Sequential", keras.ErrFormat, len(in), i)
				return nil
			}
			return []graph.Value{c.enterInput(l, in[0])}
		})
		if s.Err() != nil {
			return nil
		}
	}
	return in
}

// A site is one call of a layer.
type site struct {
	layer *keras.Layer
	call  int
}

// functional runs the calls of a Functional model in an order in which every
// value is made before it is used.
func (s *scope) functional(g *keras.Graph, segments map[*keras.Layer]string, in []graph.Value) []graph.Value {
	inputs := sortKeys(g.Inputs).Tensors(nil)
	if len(inputs) != len(in) {
		s.Failf("%w: called on %d tensors, want %d", graph.ErrShape, len(in), len(inputs))
		return nil
	}
	results := map[site][]graph.Value{}
	for i, a := range inputs {
		l := a.Layer
		c := s.child(l, segments[l])
		results[site{l, 0}] = c.site(func() []graph.Value { return []graph.Value{c.enterInput(l, in[i])} })
	}
	order, err := schedule(g)
	if err != nil {
		s.Fail(err)
	}
	value := func(a *keras.Arg) graph.Value {
		node := a.Node
		if len(a.Layer.Calls) == 0 {
			node = 0
		}
		out, ok := results[site{a.Layer, node}]
		switch {
		case s.Err() != nil:
			return none()
		case !ok:
			s.Failf("%w: input layer %q is used but is no input of the model", keras.ErrFormat, a.Layer.Name)
			return none()
		case a.Tensor < 0 || a.Tensor >= len(out):
			s.Failf("%w: result %d of layer %q, which has %d", keras.ErrFormat, a.Tensor, a.Layer.Name, len(out))
			return none()
		}
		return out[a.Tensor]
	}
	for _, at := range order {
		if s.Err() != nil {
			return nil
		}
		c := s.child(at.layer, segments[at.layer])
		results[at] = c.site(func() []graph.Value { return c.call(at.layer.Calls[at.call], value) })
	}
	var out []graph.Value
	for _, a := range sortKeys(g.Outputs).Tensors(nil) {
		out = append(out, value(a))
	}
	return out
}

// schedule orders the calls of a Functional model: as in the file, but for
// calls that another one needs first.
func schedule(g *keras.Graph) ([]site, error) {
	const (
		unseen = iota
		open
		done
	)
	state := map[site]int{}
	var order []site
	var stack []site
	for _, l := range g.Layers {
		for i := range l.Calls {
			stack = append(stack[:0], site{l, i})
			for len(stack) > 0 {
				at := stack[len(stack)-1]
				if state[at] != unseen {
					stack = stack[:len(stack)-1]
					if state[at] == open {
						state[at] = done
						order = append(order, at)
					}
					continue
				}
				state[at] = open
				needs := callTensors(at.layer.Calls[at.call])
				for k := len(needs) - 1; k >= 0; k-- {
					n := needs[k]
					if len(n.Layer.Calls) == 0 {
						continue // an InputLayer
					}
					if n.Node < 0 || n.Node >= len(n.Layer.Calls) {
						return nil, fmt.Errorf("%w: call %d of layer %q, which has %d", keras.ErrFormat, n.Node, n.Layer.Name, len(n.Layer.Calls))
					}
					from := site{n.Layer, n.Node}
					switch state[from] {
					case open:
						return nil, fmt.Errorf("%w: layers %q and %q need each other", keras.ErrFormat, at.layer.Name, n.Layer.Name)
					case unseen:
						stack = append(stack, from)
					}
				}
			}
		}
	}
	return order, nil
}

// site runs one call of the layer of s: nodes and errors made by f carry its
// path, and the results are recorded.
func (s *scope) site(f func() []graph.Value) []graph.Value {
	if s.Err() != nil {
		return nil
	}
	former := s.Enter(s.path)
	out := f()
	s.annotate()
	s.Enter(former)
	if s.Err() != nil {
		return nil
	}
	info := &s.layers[s.index[s.layer]]
	info.Calls = append(info.Calls, out)
	return out
}
