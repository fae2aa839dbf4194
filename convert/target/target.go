// Package target has what all targets of a conversion share: the source with
// its weights, the options, and the report of what a target cannot express.
package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/source"
)

// A Job is one conversion. A target reads it and changes nothing in it but
// through its methods.
type Job struct {
	*source.Model
	Context context.Context
	Options Options
	// Note is told what the user should know: what was lost or approximated.
	Note func(format string, args ...any)

	refused []Refusal
}

// ErrOptions reports an option with a value that a target does not know.
var ErrOptions = errors.New("unknown option")

// Options change what is written. The zero value is the default of each target.
type Options struct {
	// Keras is the version that a .keras or .h5 file is for: 3, or 2 for tf_keras. 0 is 3.
	Keras int
	// Opset is the ONNX operator set, 17 to 23; 0 is 17.
	Opset int
	// PruneOptimizer leaves the state of the optimizer out.
	PruneOptimizer bool
	// Stored are the element types that weights are stored in, by weight, where the format has a
	// choice: those that hold every element exactly. nil stores them as they are.
	Stored []graph.DType
	// Package is the name of the Go package; "" takes that of the file.
	Package string
}

// Files makes the files of a target that writes several.
type Files interface {
	// Create begins a file; name is the path relative to where the main file
	// goes. It must be closed.
	Create(name string) (io.WriteCloser, error)
}

// A Refusal is something that a target cannot express.
type Refusal struct {
	Layer string // path by names: "encoder/dense"
	What  string // "op Hash: ONNX has no hash of strings"
}

// Stored is the element type that weight i is stored in: that of [Job.WriteWeight].
func (j *Job) Stored(i int) graph.DType {
	if j.Options.Stored != nil {
		return j.Options.Stored[i]
	}
	return j.Weights[i].DType
}

// Refuse notes that a target cannot express something of a layer. The job goes
// on, so that all refusals come out together: see [Job.Refused].
func (j *Job) Refuse(layer, format string, args ...any) {
	r := Refusal{layer, fmt.Sprintf(format, args...)}
	if !slices.Contains(j.refused, r) {
		j.refused = append(j.refused, r)
	}
}

// Refused returns what was refused as one error, or nil.
func (j *Job) Refused() error {
	if len(j.refused) == 0 {
		return nil
	}
	return &Unsupported{j.refused}
}

// Unsupported is the error of a model that a target cannot express. It wraps
// [source.ErrUnsupported].
type Unsupported struct{ Refusals []Refusal }

// Error lists all refusals.
func (e *Unsupported) Error() string {
	var b strings.Builder
	b.WriteString("the target cannot express ")
	for i, r := range e.Refusals {
		if i > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, "layer %s: %s", r.Layer, r.What)
	}
	return b.String()
}

// Unwrap returns [source.ErrUnsupported].
func (e *Unsupported) Unwrap() error { return source.ErrUnsupported }
