package source

import (
	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/layers"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A Model is what a file holds: the architecture as Keras wrote it, the graph it
// was lowered to, and the weights. Its weights are read from the file when they
// are asked for, until Close.
type Model struct {
	Info    Info
	Arch    *keras.Model
	Program *layers.Program
	// Weights are the values of Program.Graph.Params, in their order.
	Weights []*weight.Value
	// Vocabularies are the texts of vocabulary files, by the paths of their layers in the weights.
	Vocabularies map[string]string
	// Optimizer are the variables of the optimizer, in its order, where the file has them.
	Optimizer []hdf5load.Weight
	// Options are those that it was opened with.
	Options Options

	again  *Reopener
	loader *loader
	how    layers.Options
}

// Info says what was opened.
type Info struct {
	Name    string // as given; "model" for a reader
	Format  string // "Keras archive (.keras)"
	Weights string // the file of the weights where it is another one
	Bytes   int64  // of the file or files
	Keras   string // version that wrote it, "" when the file does not say
	Backend string // "tensorflow", ... or ""
	// Warnings say what was assumed where the file leaves room for doubt.
	Warnings []string
}

// Close closes the files. Weights that were not read by then cannot be.
func (m *Model) Close() { m.loader.close() }

// Lower lowers an architecture with the options of m and its vocabularies.
func (m *Model) Lower(arch *keras.Model) (*layers.Program, error) { return layers.Lower(arch, m.how) }

// Edited returns a model of other contents that has the files of m: closing
// either closes them. program is what arch is lowered to, weights are the values of its
// parameters, optimizer the variables of the optimizer.
func (m *Model) Edited(arch *keras.Model, program *layers.Program, weights []*weight.Value, optimizer []hdf5load.Weight) *Model {
	e := *m
	e.Arch, e.Program, e.Weights, e.Optimizer, e.again = arch, program, weights, optimizer, nil
	return &e
}

// Again returns what opens the weights once more after Close, or nil for a
// model that came from a reader or that is [Model.Edited].
func (m *Model) Again() *Reopener { return m.again }
