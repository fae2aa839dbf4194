package layers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers/operation"
)

// call lowers one call of the layer of s in a Functional model; value finds the
// tensors of its arguments.
func (s *scope) call(c keras.Call, value func(*keras.Arg) graph.Value) []graph.Value {
	switch {
	case s.custom() != nil:
	case s.layer.Operation:
		return s.unmasked(operation.Lower(s.Builder, operation.Node{Class: s.class, Config: s.layer.Config, Call: c, Value: value}))
	case s.class == "TFOpLambda" || s.class == "SlicingOpLambda":
		return s.unmasked(operation.LowerTF(s.Builder, operation.Node{Class: s.class, Config: s.layer.Config, Call: c, Value: value}))
	case s.class == "TensorFlowOpLayer":
		return s.unmasked(operation.LowerTFOp(s.Builder, operation.Node{Class: s.class, Config: s.layer.Config, Call: c, Value: value}))
	case !s.known():
		s.Fail(s.unknown())
		return nil
	}
	in, kwargs := s.arguments(c, value)
	if s.Err() != nil {
		return nil
	}
	s.kwargs = kwargs
	return s.apply(in)
}

// arguments flattens what a layer is called with: positional tensors in order,
// and tensors passed by keyword. It refuses what the layer would not see.
func (s *scope) arguments(c keras.Call, value func(*keras.Arg) graph.Value) (in []graph.Value, kwargs map[string]graph.Value) {
	add := func(a *keras.Arg) {
		if k := stray(a); k != nil {
			s.Failf("%w: called with argument %s", keras.ErrUnsupported, k.JSON())
			return
		}
		for _, t := range sortKeys(a).Tensors(nil) {
			in = append(in, value(t))
		}
	}
	for _, a := range c.Args {
		add(a)
	}
	kwargs = map[string]graph.Value{}
	supplied := s.custom() != nil
	for _, k := range c.Kwargs {
		tensors := sortKeys(k.Arg).Tensors(nil)
		switch {
		case len(c.Args) == 0 && (k.Name == "inputs" || k.Name == "x"):
			add(k.Arg)
		case len(tensors) == 0 && k.Arg.Neutral():
		case k.Name == "training" && s.version.Major >= 3:
			// Keras 3's predict puts training=False in the place of what a call says.
		case k.Name == "training":
			if on, ok := k.Arg.Const.Bool(); len(tensors) > 0 || !ok && k.Arg.Const.Kind() != keras.Number {
				s.Failf("%w: called with a tensor as training", keras.ErrUnsupported)
			} else if n, _ := k.Arg.Const.Float(); on || n != 0 {
				s.training = true
			}
		case supplied && (k.Name == "mask" || k.Name == "initial_state") && len(tensors) == 1 && k.Arg.Kind == keras.ArgTensor:
			kwargs[k.Name] = value(tensors[0])
		case k.Name == "mask" && ignoresMask(s.class):
		case k.Name == "mask" && s.layer.Graph != nil:
			in = s.maskInputs(in, k.Arg, value)
		case k.Name == "mask" && (s.class == "Attention" || s.class == "AdditiveAttention") && len(k.Arg.Items) > 0:
			for _, it := range k.Arg.Items {
				s.maskList = append(s.maskList, nil)
				if it.Kind == keras.ArgTensor {
					m := value(it)
					s.maskList[len(s.maskList)-1] = &m
				}
			}
		case takesFlag(s.class, k.Name) && len(tensors) == 0:
			on, ok := k.Arg.Const.Bool()
			if !ok {
				s.Failf("%w: called with %s=%s", keras.ErrUnsupported, k.Name, k.Arg.Const.JSON())
			}
			if s.flags == nil {
				s.flags = map[string]bool{}
			}
			s.flags[k.Name] = on
		case k.Name == "initial_state" && takesStates(s.class):
			for _, t := range tensors {
				s.states = append(s.states, value(t))
			}
		case len(tensors) == 1 && k.Arg.Kind == keras.ArgTensor && (supplied || takesKeyword(s.class, k.Name)):
			kwargs[k.Name] = value(tensors[0])
		case supplied && k.Arg.Kind == keras.ArgConst:
			if s.constants == nil {
				s.constants = map[string]*keras.Value{}
			}
			s.constants[k.Name] = k.Arg.Const
		default:
			s.Failf("%w: called with keyword argument %q", keras.ErrUnsupported, k.Name)
		}
	}
	if headed(s.class) {
		for _, name := range []string{"query", "value", "key"}[min(len(in), 3):] {
			v, ok := kwargs[name]
			if !ok {
				break
			}
			in = append(in, v)
			delete(kwargs, name)
		}
	}
	return in, kwargs
}

// headed reports the classes that are called on query, value and key.
func headed(class string) bool {
	return class == "MultiHeadAttention" || class == "GroupQueryAttention"
}

// takesFlag reports the switches that a class takes by keyword.
func takesFlag(class, keyword string) bool {
	switch keyword {
	case "use_causal_mask", "return_attention_scores":
		return strings.Contains(class, "Attention")
	case "reverse":
		return class == "ReversibleEmbedding"
	}
	return false
}

// stray returns a constant among the positional arguments of a layer that is
// not neutral, or nil.
func stray(a *keras.Arg) *keras.Value {
	switch a.Kind {
	case keras.ArgTensor:
		return nil
	case keras.ArgConst:
		if a.Neutral() {
			return nil
		}
		return a.Const
	}
	for _, it := range a.Items {
		if v := stray(it); v != nil {
			return v
		}
	}
	return nil
}

// takesKeyword reports the tensors that a class takes by keyword.
func takesKeyword(class, keyword string) bool {
	switch class {
	case "Softmax":
		return keyword == "mask"
	case "CategoryEncoding":
		return keyword == "count_weights"
	case "MultiHeadAttention", "GroupQueryAttention":
		return slices.Contains([]string{"query", "value", "key", "query_mask", "value_mask", "key_mask", "attention_mask"}, keyword)
	}
	return keyword == "mask" && takesMask(class)
}

// takesStates reports the classes that take initial states.
func takesStates(class string) bool {
	switch class {
	case "LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Bidirectional":
		return true
	}
	return false
}

// maskInputs hangs the masks that a model is called with on its inputs.
func (s *scope) maskInputs(in []graph.Value, a *keras.Arg, value func(*keras.Arg) graph.Value) []graph.Value {
	items := a.Items
	if a.Kind == keras.ArgTensor {
		items = []*keras.Arg{a}
	}
	if len(items) != len(in) {
		s.Failf("%w: %d masks for %d inputs", keras.ErrUnsupported, len(items), len(in))
		return in
	}
	in = slices.Clone(in)
	for i, it := range items {
		switch {
		case it.Kind == keras.ArgTensor:
			in[i] = s.masked(in[i], value(it))
		case !it.Neutral():
			s.Failf("%w: mask %d of a model is no tensor", keras.ErrUnsupported, i)
		}
	}
	return in
}

// ignoresMask reports the classes that accept a mask which changes nothing at
// inference: BatchNormalization uses it for the statistics of a batch.
func ignoresMask(class string) bool {
	return class == "BatchNormalization"
}

// randomInTraining reports a layer whose results are random when it is called
// with training=true, or, in SpectralNormalization, change from call to call.
func (s *scope) randomInTraining() bool {
	if strings.HasPrefix(s.class, "Random") || s.class == "SpectralNormalization" {
		return true
	}
	layers := append(slices.Clone(s.layer.Inner["cell"]), s.layer.Inner["cells"]...)
	for _, l := range append(layers, s.layer) {
		for _, key := range []string{"rate", "stddev", "dropout", "recurrent_dropout"} {
			if rate, _ := l.Config.Get(key).Float(); rate != 0 {
				return true
			}
		}
	}
	return false
}

// apply lowers the layer of s, called on in.
func (s *scope) apply(in []graph.Value) []graph.Value {
	if s.Err() != nil {
		return nil
	}
	if f := s.custom(); f != nil {
		return s.applyCustom(f, in)
	}
	if s.layer.Graph != nil {
		return s.model(s.layer.Graph, in)
	}
	if !s.known() {
		s.Fail(s.unknown())
		return nil
	}
	if s.training && s.randomInTraining() {
		s.Failf("%w: called with training=true, which makes the result random", keras.ErrUnsupported)
		return nil
	}
	if q := s.dtype.Quantization; q != "" && !quantizable(s.class) {
		s.Failf("%w: policy %s: Keras does not quantize this class", keras.ErrUnsupported, s.dtype)
		return nil
	}
	if !keepsDType(s.class) {
		in = slices.Clone(in)
		for i, v := range in {
			if v.DType.Floating() {
				in[i] = s.sameMask(s.Cast(v, s.compute), v)
			}
		}
	}
	out := s.classes[s.class].lower(s, s.layer.Config, in)
	if s.Err() == nil && len(out) == 0 {
		s.Failf("%w: the layer has no result", graph.ErrShape)
	}
	return s.propagate(in, out)
}

// known reports whether s can lower the layer's class.
func (s *scope) known() bool {
	_, ok := s.classes[s.class]
	return s.layer.Graph != nil || ok && s.builtin()
}

// builtin reports whether the layer's class is Keras's own, rather than a
// registered one that has its name. Two classes of keras.applications are
// registered.
func (s *scope) builtin() bool {
	l := s.layer
	i := strings.LastIndexByte(l.Registered, '>')
	return s.existed() && (i < 0 || strings.HasPrefix(l.Module, "keras") || strings.HasPrefix(l.Module, "tf_keras") ||
		l.Registered == "Custom>LayerScale" || l.Registered == "Custom>CustomScaleLayer")
}

// existed reports whether the Keras that wrote the file had the class. Before some
// came into Keras 2, packages had classes of the same names with other results.
func (s *scope) existed() bool {
	v := s.version
	if v.Major != 2 || v.Text == "" {
		return true
	}
	switch s.class {
	case "Attention", "AdditiveAttention", "LayerNormalization":
		return v.TF
	case "MultiHeadAttention":
		return !v.Before(2, 4)
	case "UnitNormalization":
		return !v.Before(2, 9)
	case "GroupNormalization":
		return !v.Before(2, 11)
	case "SpectralNormalization":
		return !v.Before(2, 13)
	}
	return true
}

// unknown says that a class is not known and how to supply it.
func (s *scope) unknown() error {
	name := s.class
	if !s.existed() {
		return fmt.Errorf("%w: Keras %v had no class %q, so that it is one of the file's author; supply it with WithLayer(%q, ...)", keras.ErrUnsupported, s.version, name, name)
	}
	if !s.builtin() {
		name = s.layer.Registered
	}
	switch s.class {
	case "Lambda":
		return s.lambdaError()
	case "TFSMLayer":
		return fmt.Errorf("%w: it refers to a TensorFlow SavedModel; supply it with WithLayer(%q, ...)", keras.ErrUnsupported, s.path)
	}
	return fmt.Errorf("%w: %w %q; supply it with WithLayer(%q, ...)", keras.ErrUnsupported, ErrUnknownClass, name, name)
}

// inner lowers a layer that the layer of s wraps; segment is added to the path
// in the weights file, such as "layer" or "cell".
func (s *scope) inner(l *keras.Layer, segment string, in ...graph.Value) []graph.Value {
	c := s.child(l, segment)
	return c.site(func() []graph.Value { return c.apply(in) })
}

// sub returns s with a longer path in the weights file, for weights that Keras
// keeps in an object of its own.
func (s *scope) sub(segment string) *scope {
	c := *s
	c.file = join(s.file, segment)
	return &c
}
