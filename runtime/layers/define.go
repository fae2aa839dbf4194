package layers

import (
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A class translates one Keras class.
type class struct {
	name  string
	lower func(s *scope, config *keras.Value, in []graph.Value) []graph.Value
	// config returns a pointer to the config struct with Keras's defaults, for docs and tests.
	config func() any
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
