package kerasrun

import (
	"io"
	"io/fs"

	"github.com/kerasrun/kerasrun/runtime"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/source"
)

// A Model is an opened model. It is immutable and safe for concurrent use: one
// Model serves any number of goroutines.
type Model = runtime.Model

// A Session runs a model for one caller with inputs of fixed shapes and
// allocates nothing after the first run.
type Session = runtime.Session

// A State is what the stateful layers of a Session remember from run to run.
type State = runtime.State

// A Score is one element of an output, of which [Model.PredictGradients] takes the gradients.
type Score = runtime.Score

// Gradients are what [Model.PredictGradients] returns.
type Gradients = runtime.Gradients

// A Tensor is a dense array in row-major order: element type, shape and a slice
// of elements.
type Tensor = graph.Tensor

// A Shape lists dimensions, outermost first; -1 is a dimension that is free.
type Shape = graph.Shape

// A DType is an element type.
type DType = graph.DType

// The element types.
const (
	Float32  = graph.Float32
	Float64  = graph.Float64
	Float16  = graph.Float16
	BFloat16 = graph.BFloat16
	Int8     = graph.Int8
	Int16    = graph.Int16
	Int32    = graph.Int32
	Int64    = graph.Int64
	Uint8    = graph.Uint8
	Uint16   = graph.Uint16
	Uint32   = graph.Uint32
	Uint64   = graph.Uint64
	Bool     = graph.Bool
	String   = graph.String
)

// Sentinel errors. Test for them with [errors.Is].
var (
	ErrFormat      = runtime.ErrFormat      // the file is not a valid Keras file, or is damaged
	ErrUnsupported = runtime.ErrUnsupported // the file is valid but uses what kerasrun does not implement
	ErrShape       = runtime.ErrShape       // shapes do not fit together
	ErrNotFound    = runtime.ErrNotFound    // a file, layer or weight is missing
	ErrLimit       = runtime.ErrLimit       // a limit was exceeded
	ErrInput       = runtime.ErrInput       // an input is not what the model takes
	ErrClosed      = runtime.ErrClosed      // the model was closed
)

// PeakFLOPS measures, in some milliseconds, the most float32 multiplications and
// additions that one core of this machine does in a second.
func PeakFLOPS() float64 { return runtime.PeakFLOPS() }

// Floats returns a Float32 tensor over data, which is not copied.
func Floats(data []float32, shape ...int) Tensor { return graph.Floats(data, shape...) }

// NewTensor returns a tensor of zeros of a known shape.
func NewTensor(d DType, shape Shape) Tensor { return graph.NewTensor(d, shape) }

// ConcatRows joins tensors of one element type, whose shapes differ in the first
// axis only, along that axis: batches to a larger one. [Tensor].Rows is the way
// back.
func ConcatRows(parts []Tensor) Tensor { return graph.ConcatRows(parts) }

// Load opens the model at path: a .keras archive or directory, a whole-model
// .h5 of Keras 1, 2 or 3, or an architecture JSON together with [WithWeights].
func Load(path string, options ...Option) (*Model, error) {
	c := configure(options)
	m, err := runtime.OpenPath(path, c.weights, c.Options)
	return m, c.hint(err)
}

// LoadFS opens the model name in fsys, for example an [embed.FS]. The name of
// [WithWeights] is one in fsys too.
func LoadFS(fsys fs.FS, name string, options ...Option) (*Model, error) {
	c := configure(options)
	m, err := runtime.OpenFS(fsys, name, c.weights, c.Options)
	return m, c.hint(err)
}

// LoadReader opens a model of size bytes in r: a .keras archive or a
// whole-model .h5. It does not keep r, and so keeps the weights as if by
// [WithKeptWeights].
func LoadReader(r io.ReaderAt, size int64, options ...Option) (*Model, error) {
	c := configure(options)
	m, err := runtime.OpenReader(r, size, c.Options)
	return m, c.hint(err)
}

// A Source is an opened file that was not made ready to run: its architecture,
// its graph and its weights, for package convert. Close it.
type Source = source.Model

// Open opens the model at path as [Load] does, with the options of opening, and
// reads its weights only when they are asked for.
func Open(path string, options ...Option) (*Source, error) {
	c := configure(options)
	m, err := source.Open(path, c.weights, c.Options.Source())
	return m, c.hint(err)
}

// OpenArchitecture opens the model at path as [Open] does, but without its
// weights, which need not be there: the Weights of the result are nil.
func OpenArchitecture(path string, options ...Option) (*Source, error) {
	c := configure(options)
	o := c.Options.Source()
	o.NoWeights = true
	m, err := source.Open(path, "", o)
	return m, c.hint(err)
}

// LoadSource makes an opened file ready to run, with the options of running. It
// does not close it. Where the file cannot be read again, as of a reader or of a model that package
// convert has changed, the weights are kept as if by [WithKeptWeights].
func LoadSource(src *Source, options ...Option) (*Model, error) {
	c := configure(options)
	m, err := runtime.OpenSource(src, c.Options)
	return m, c.hint(err)
}

// An IO describes an input or output of a model.
type IO = runtime.IO

// LayerInfo describes a layer or operation node of a model.
type LayerInfo = runtime.LayerInfo

// A NotFinite says where a model first makes a number that is not finite: see [Model.CheckFinite].
type NotFinite = runtime.NotFinite

// A Weight describes a weight of a model.
type Weight = runtime.Weight

// FileInfo says what was opened.
type FileInfo = runtime.FileInfo

// SummaryOptions change how [Model.Summary] looks.
type SummaryOptions = runtime.SummaryOptions
