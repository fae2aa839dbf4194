package layers

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A scope is where a layer writes its nodes. It carries the builder, the table
// of classes (a package-level one would be an initialization cycle with the
// wrappers), where the layer stands, and the version of the file.
type scope struct {
	*graph.Builder
	*shared

	layer *keras.Layer // being lowered
	path  string       // by names: "encoder/dense"
	class string       // of the layer being lowered
	top   string       // layer of the outermost model
	file  string       // group in .weights.h5, without "/vars"
	// supplied is the group of the supplied layer that is being lowered, and a
	// slash, by which the objects below it that hold weights are told.
	supplied string
	depth    int // -1 for the outermost model, 0 for its layers

	trainable bool // of the layer's own config
	frozen    bool // the layer or a model around it has trainable=false
	training  bool // the layer or a model around it is called with training=true
	// dtype is the layer's policy: floating operands arrive in the compute
	// dtype, others as they are; weights are returned in the compute dtype.
	dtype             keras.DTypePolicy
	compute, variable graph.DType
	kwargs            map[string]graph.Value  // tensors passed by keyword
	flags             map[string]bool         // that are passed as true
	maskList          []*graph.Value          // masks passed by keyword to a layer called on a list; nil for none
	constants         map[string]*keras.Value // what else a supplied layer is passed by keyword
	states            []graph.Value           // initial states passed by keyword
	zeroMasked        *bool                   // what a wrapper makes of zero_output_for_mask
	copies            int                     // Copies of the weights to declare
	ordered           bool                    // Ordered of the weights to declare
	distributed       bool                    // the layer runs on time steps as if they were samples
}

// shared is the state of one lowering.
type shared struct {
	classes map[string]class
	options Options
	version keras.Version

	params map[string]graph.Value // by path, file path and name, so that a shared layer declares its weights once
	owner  []int                  // by Graph.Params: the layer's index in layers
	object []string               // by Graph.Params: the object of a supplied layer that holds it
	orders map[int][]string       // by index in layers: the objects of a supplied layer in order
	layers []LayerInfo
	index  map[*keras.Layer]int // into layers

	funcs    map[string]graph.Func         // that Calls run
	memory   map[string]*memory            // of stateful layers, by where their weights are
	masks    map[int]graph.Value           // by the ID of the value they hang on
	backward map[*keras.Layer]*keras.Layer // layers that run backwards, by a Bidirectional whose file does not have one

	calls int // of layers, in models that are called several times too

	keepBatch  bool // keep the batch size of the model's inputs
	fixedBatch bool // there is one
}

// child returns the scope of layer l inside s; segment is added to the path in
// the weights file.
func (s *scope) child(l *keras.Layer, segment string) *scope {
	c := *s
	c.layer, c.class, c.depth, c.kwargs, c.states, c.zeroMasked = l, l.Class, s.depth+1, nil, nil, nil
	c.flags, c.maskList, c.constants = nil, nil, nil
	c.path, c.file = join(s.path, l.Name), join(s.file, segment)
	if c.depth == 0 {
		c.top = l.Name
	}
	c.trainable = trainable(l.Config)
	c.frozen = s.frozen || !c.trainable
	var err error
	if c.dtype, c.compute, c.variable, err = policy(l.Config); err != nil {
		s.Fail(&Error{c.path, c.class, err})
	}
	c.variable = c.variableType(c.variable)
	return &c
}

// in returns s with another compute dtype, for layers that calculate in a wider
// type than their policy says.
func (s *scope) in(d graph.DType) *scope {
	c := *s
	c.compute = d
	return &c
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "/" + b
}

func trainable(config *keras.Value) bool {
	t, ok := config.Get("trainable").Bool()
	return t || !ok
}

// Weight declares a trainable weight of the layer and returns its value in the
// compute dtype. The order of the calls must be Keras's order of creation.
func (s *scope) Weight(name string, shape ...int) graph.Value {
	return s.Cast(s.declare(name, true, s.variable, shape), s.compute)
}

// State declares a weight that is not trained, such as a moving mean, and
// returns its value in the compute dtype.
func (s *scope) State(name string, shape ...int) graph.Value {
	return s.Cast(s.declare(name, false, s.variable, shape), s.compute)
}

// paramKey names a parameter in params.
func paramKey(path, file, name string) string { return path + "\x00" + file + "\x00" + name }

// declare adds a parameter, or finds it when the layer is called again.
func (s *scope) declare(name string, trainable bool, d graph.DType, shape graph.Shape) graph.Value {
	failed := graph.Value{ID: -1, Type: graph.Type{DType: d, Shape: shape}}
	if s.Err() != nil {
		return failed
	}
	key := paramKey(s.path, s.file, name)
	if v, ok := s.params[key]; ok {
		if !slices.Equal(v.Shape, shape) || v.DType != d {
			s.Fail(fmt.Errorf("%w: weight %q was %v %v at an earlier call, now %v %v", graph.ErrShape, name, v.DType, v.Shape, d, shape))
		}
		return v
	}
	if !graph.Shape(shape).Known() {
		s.Fail(fmt.Errorf("%w: weight %q would have the unknown shape %v", graph.ErrShape, name, shape))
		return failed
	}
	v := s.Builder.Param(graph.Param{
		Layer: s.path, Class: s.class, Name: name, Top: s.top, Path: s.file,
		Trainable: trainable && !s.frozen, Frozen: trainable && s.frozen, Copies: s.copies, Ordered: s.ordered,
		Type: graph.Type{DType: d, Shape: slices.Clone(shape)},
	})
	s.params[key] = v
	s.owner = append(s.owner, s.index[s.layer])
	object := ""
	if below, ok := strings.CutPrefix(s.file, s.supplied); ok && s.supplied != "" {
		object, _, _ = strings.Cut(below, "/")
	}
	s.object = append(s.object, object)
	return v
}

// cast returns v with elements of type d.
func (s *scope) cast(v graph.Value, d graph.DType) graph.Value { return s.Cast(v, d) }

// floating returns v in the compute dtype when it is an integer or Bool, for
// layers that accept those (Keras converts only floating inputs by itself).
func (s *scope) floating(v graph.Value) graph.Value {
	if v.DType.Floating() {
		return v
	}
	return s.Cast(v, s.compute)
}

// policy reads the dtype policy of a layer's config: the type it calculates in
// and the type of its weights, float32 when the config does not say.
func policy(config *keras.Value) (p keras.DTypePolicy, compute, variable graph.DType, err error) {
	if p, err = keras.ParseDTypePolicy(config.Get("dtype")); err != nil {
		return p, 0, 0, err
	}
	for _, d := range []struct {
		name string
		dst  *graph.DType
	}{{p.Compute, &compute}, {p.Variable, &variable}} {
		var ok bool
		if *d.dst, ok = graph.ParseDType(d.name); !ok {
			return p, 0, 0, fmt.Errorf("%w: dtype %q", keras.ErrUnsupported, d.name)
		}
	}
	return p, compute, variable, nil
}

// variableType returns the type of the layer's weights for the variable dtype
// of its policy: Keras 2 keeps the weights of BatchNormalization in float32
// when that is narrower.
func (s *scope) variableType(d graph.DType) graph.DType {
	if s.class == "BatchNormalization" && s.version.Major < 3 && (d == graph.Float16 || d == graph.BFloat16) {
		return graph.Float32
	}
	return d
}

// quantizable reports the classes that Keras runs with a quantized policy.
func quantizable(class string) bool {
	switch class {
	case "Dense", "EinsumDense", "Embedding", "ReversibleEmbedding", "InputLayer":
		return true
	}
	return false
}

// keepsDType reports the classes whose inputs Keras leaves as they are (autocast off).
func keepsDType(class string) bool {
	switch class {
	case "Embedding", "ReversibleEmbedding", "InputLayer", "CategoryEncoding", "Discretization",
		"Hashing", "HashedCrossing", "IntegerLookup", "StringLookup", "Pipeline":
		return true
	}
	return false
}

// annotate says that the first error, if any, happened in the layer of s.
func (s *scope) annotate() {
	s.Annotate(func(err error) error {
		var inner *Error
		if errors.As(err, &inner) {
			return err
		}
		return &Error{s.path, s.class, s.withConfig(err)}
	})
}

// withConfig adds the attributes of the layer to an error of an op, which does
// not know how Keras calls them. It leaves an error that names one as it is.
func (s *scope) withConfig(err error) error {
	if s.layer == nil || !errors.Is(err, graph.ErrAttr) && !errors.Is(err, graph.ErrShape) && !errors.Is(err, graph.ErrLimit) {
		return err
	}
	const most = 300 // bytes
	text, config := err.Error(), ""
	for _, key := range s.layer.Config.Keys() {
		v := s.layer.Config.Get(key)
		if strings.Contains(text, key+" is ") {
			return err
		}
		on, isBool := v.Bool()
		switch {
		case key == "name", key == "trainable", key == "dtype", strings.HasPrefix(key, "function"), v.Kind() == keras.Object, isBool && !on:
		default:
			if value := v.Brief(); len(config)+len(key)+len(value) < most {
				config += ", " + key + "=" + value
			}
		}
	}
	if config == "" {
		return err
	}
	return fmt.Errorf("%w; the config has %s", err, config[2:])
}

// none is what a lowering returns after an error.
func none() graph.Value { return graph.Value{ID: -1} }

// A class translates one Keras class.
type class struct {
	name  string
	lower func(s *scope, config *keras.Value, in []graph.Value) []graph.Value
	// config returns a pointer to the config struct with Keras's defaults, for docs and tests.
	config func() any
	// releases are the first of each Keras that had the class, for docs and tests: "2.6 3.0".
	// Those that say nothing are in Keras 1.0, 2.0 and 3.0.
	releases string
}

// since returns c with its first releases.
func (c class) since(releases string) class {
	c.releases = releases
	return c
}

// define makes a class from the Keras defaults of its config and a function
// that writes its graph.
func define[C any](name string, defaults C, lower func(s *scope, c C, in []graph.Value) []graph.Value) class {
	return class{
		name: name,
		lower: func(s *scope, config *keras.Value, in []graph.Value) []graph.Value {
			c := defaults
			if err := s.decode(config, &c); err != nil {
				s.Fail(err)
				return nil
			}
			return lower(s, c, in)
		},
		config: func() any { c := defaults; return &c },
	}
}

// define1 is define for a class with one input and one output.
func define1[C any](name string, defaults C, lower func(s *scope, c C, x graph.Value) graph.Value) class {
	return define(name, defaults, func(s *scope, c C, in []graph.Value) []graph.Value {
		if len(in) != 1 {
			s.Failf("%w: %d inputs, want 1", graph.ErrShape, len(in))
			return nil
		}
		return []graph.Value{lower(s, c, in[0])}
	})
}

// decode reads a config strictly into dst, a pointer to a struct that holds Keras's defaults.
func (s *scope) decode(config *keras.Value, dst any) error {
	if s.options.AllowUnknownKeys {
		return keras.DecodeKnownKeys(config, dst)
	}
	return keras.DecodeConfig(config, dst)
}
