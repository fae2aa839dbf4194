package kerasfile

import (
	"io"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// A Keras2 is a model in the form of Keras 2 that has layers only, for targets
// which put its architecture and its weights into files of their own.
type Keras2 struct{ r *result }

// NewKeras2 brings a model to the form of Keras 2.
func NewKeras2(j *target.Job) (*Keras2, error) {
	r, err := prepare(j, form{major: 2, inline: true})
	if err != nil {
		return nil, err
	}
	return &Keras2{r}, nil
}

// Version is the Keras whose form it is.
func (k *Keras2) Version() string { return version2 }

// Config is the architecture: class_name and config of the model.
func (k *Keras2) Config() *keras.Value { return k.r.config }

// Program is what the architecture is lowered to.
func (k *Keras2) Program() *layers.Program { return k.r.program }

// Stored is the element type that parameter i of the program is stored in.
func (k *Keras2) Stored(i int) graph.DType { return k.r.j.Stored(k.r.from[i]) }

// WriteWeight writes the elements of parameter i of the program.
func (k *Keras2) WriteWeight(w io.Writer, i int) error { return k.r.write(w, k.r.from[i]) }
