package layers

import (
	"slices"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A mergeMode says how Bidirectional joins its two results; null keeps both.
type mergeMode string

// UnmarshalKeras implements [keras.Unmarshaler].
func (m *mergeMode) UnmarshalKeras(v *keras.Value) error {
	*m = ""
	if !v.IsNull() {
		text, _ := v.Str()
		*m = mergeMode(text)
		if !slices.Contains([]mergeMode{"concat", "sum", "mul", "ave"}, *m) {
			return keras.ErrFormat
		}
	}
	return nil
}

// String returns m as Keras writes it.
func (m mergeMode) String() string {
	if m == "" {
		return "None"
	}
	return `"` + string(m) + `"`
}

type bidirectionalConfig struct {
	MergeMode     mergeMode    `json:"merge_mode"`
	Layer         *keras.Value `json:"layer"`
	BackwardLayer *keras.Value `json:"backward_layer"`
}

// bidirectionalLayer runs a recurrent layer forwards and another backwards over
// its input, and joins their results by merge_mode; a sequence of the second is
// brought back into the order of the first. backward_layer is like layer when
// the file does not say (Schuster and Paliwal, 1997). Layers with time_major=True
// have their sequences as (time, batch, ...).
//
//	x        (batch, time, in)
//	initial states           of layer, then of backward_layer; optional
//	mask     (batch, time)   optional
//	result   (batch, ..., 2·units) with "concat", else (batch, ..., units); two of them with None
//	states   of layer, then of backward_layer    when they return them
//
// See https://keras.io/api/layers/recurrent_layers/bidirectional/.
var bidirectionalLayer = define("Bidirectional", bidirectionalConfig{MergeMode: "concat"},
	func(s *scope, c bidirectionalConfig, in []graph.Value) []graph.Value {
		forward, backward := s.layer.Inner["layer"], s.layer.Inner["backward_layer"]
		if len(forward) == 1 && len(backward) == 0 && s.backward[s.layer] != nil {
			backward = []*keras.Layer{s.backward[s.layer]}
		}
		if len(forward) != 1 || len(backward) != 1 || len(in) == 0 {
			s.Failf("%w: no layer to run both ways", keras.ErrFormat)
			return nil
		}
		sequences := isSet(forward[0], "return_sequences")
		state := isSet(forward[0], "return_state")
		if isSet(backward[0], "return_sequences") != sequences || isSet(backward[0], "return_state") != state {
			s.Failf("%w: layer and backward_layer return different things", keras.ErrFormat)
			return nil
		}
		timeMajor := isSet(forward[0], "time_major")
		if isSet(backward[0], "time_major") != timeMajor {
			s.Failf("%w: time_major in one of layer and backward_layer", keras.ErrUnsupported)
			return nil
		}
		states := s.states
		if len(in) > 1 {
			states = in[1:]
		}
		mask, masked := s.inputMask(in[:1])
		half := len(states) / 2
		run := func(l *keras.Layer, segment string, states []graph.Value) []graph.Value {
			switch l.Class {
			case "LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D":
			default:
				s.Failf("%w: Bidirectional of %s", keras.ErrUnsupported, l.Class)
				return nil
			}
			i := s.child(l, segment)
			i.states = states
			if masked {
				i.kwargs = map[string]graph.Value{"mask": mask}
			}
			if s.version.Major >= 3 || s.version.TF { // they force it, so that a sum of both has no repeated outputs
				i.zeroMasked = &sequences
			}
			return i.site(func() []graph.Value { return i.apply(in[:1]) })
		}
		f := run(forward[0], "forward_layer", states[:half])
		b := run(backward[0], "backward_layer", states[half:])
		if s.Err() != nil {
			return nil
		}
		y, z := s.Cast(f[0], s.compute), s.Cast(b[0], s.compute)
		switch {
		case sequences && timeMajor:
			z = s.Apply(graph.Slice{Ranges: []graph.Range{{Step: -1}}}, z)
		case sequences:
			z = s.backwards(z)
		}
		out := []graph.Value{y, z}
		switch c.MergeMode {
		case "concat":
			out = []graph.Value{s.Apply(graph.Concat{Axis: -1}, y, z)}
		case "sum":
			out = []graph.Value{s.Apply(graph.Binary{Func: graph.Add}, y, z)}
		case "mul":
			out = []graph.Value{s.Apply(graph.Binary{Func: graph.Mul}, y, z)}
		case "ave":
			sum := s.Apply(graph.Binary{Func: graph.Add}, y, z)
			out = []graph.Value{s.Apply(graph.Binary{Func: graph.Div}, sum, s.Scalar(s.compute, 2))}
		}
		if masked && sequences {
			for _, v := range out {
				s.setMask(v, mask)
			}
		}
		return slices.Concat(out, f[1:], b[1:])
	})

// isSet reports a config key that is true.
func isSet(l *keras.Layer, key string) bool {
	on, _ := l.Config.Get(key).Bool()
	return on
}

// mirrored returns the layer that a Bidirectional without a backward_layer runs
// backwards.
func mirrored(l *keras.Layer) *keras.Layer {
	b := *l
	b.Name = "backward_" + l.Name
	b.Config = l.Config.With("name", keras.NewString(b.Name)).With("go_backwards", keras.NewBool(!isSet(l, "go_backwards")))
	return &b
}

type timeDistributedConfig struct {
	Layer *keras.Value `json:"layer"`
}

// timeDistributedLayer applies a layer or model to every time step.
//
//	x       (batch, time, ...)
//	mask    (batch, time); optional, passed on
//	result  (batch, time, ...)
//
// See https://keras.io/api/layers/recurrent_layers/time_distributed/.
var timeDistributedLayer = define1("TimeDistributed", timeDistributedConfig{},
	func(s *scope, _ timeDistributedConfig, x graph.Value) graph.Value {
		inner := s.layer.Inner["layer"]
		if len(inner) != 1 {
			s.Failf("%w: no layer to distribute", keras.ErrFormat)
		}
		if s.Err() != nil {
			return none()
		}
		if x.Rank() < 3 {
			s.Failf("%w: input is %v, want at least 3 dimensions", graph.ErrShape, x.Shape)
			return none()
		}
		l := inner[0]
		if p, _, _, err := policy(l.Config); err == nil && p.Quantization != "" {
			s.Failf("%w: %s with quantized weights, which Keras computes without their scales here", keras.ErrUnsupported, l.Class)
			return none()
		}
		mask, masked := s.inputMask([]graph.Value{x})
		if masked && (takesMask(l.Class) || l.Graph != nil || l.Class == "Softmax") {
			s.Failf("%w: a mask on the time steps of %s", keras.ErrUnsupported, l.Class)
			return none()
		}
		var y graph.Value
		if everyPosition(l.Class) && x.Rank() > 2 {
			out := s.inner(l, "layer", s.unmasked([]graph.Value{x})...)
			if s.Err() != nil {
				return none()
			}
			y = out[0]
		} else if y = s.distribute(l, x); s.Err() != nil {
			return none()
		}
		if masked {
			s.setMask(y, mask)
		}
		return y
	})

// everyPosition reports the classes that treat all axes but the last alike, and
// so need no reshaping.
func everyPosition(class string) bool { return class == "Dense" || class == "Dropout" }

// distribute runs l on the time steps as if they were samples.
func (s *scope) distribute(l *keras.Layer, x graph.Value) graph.Value {
	each := *s
	each.distributed = true
	return s.eachStep(x, func(x graph.Value) graph.Value {
		out := each.inner(l, "layer", x)
		if s.Err() != nil {
			return none()
		}
		if len(out) != 1 {
			s.Failf("%w: %s returns %d tensors for a time step", keras.ErrUnsupported, l.Class, len(out))
			return none()
		}
		return out[0]
	})
}

// eachStep applies f to the time steps of x as if they were samples.
func (s *scope) eachStep(x graph.Value, f func(graph.Value) graph.Value) graph.Value {
	steps := x.Dim(1)
	flat := []int{graph.Infer1}
	for i := 2; i < x.Rank(); i++ {
		flat = append(flat, graph.KeepDim(i))
	}
	y := f(s.Apply(graph.Reshape{Dims: flat}, x))
	if s.Err() != nil {
		return none()
	}
	back, in := []int{graph.Infer1, steps}, []graph.Value{y}
	if steps == graph.Dyn {
		back, in = []int{graph.LikeDim(0), graph.LikeDim(1)}, []graph.Value{y, x}
	}
	for i := 1; i < y.Rank(); i++ {
		back = append(back, graph.KeepDim(i))
	}
	return s.Apply(graph.Reshape{Dims: back}, in...)
}
