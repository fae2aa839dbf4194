package convert

import (
	"fmt"
	"io"
	"slices"

	"github.com/kerasrun/kerasrun/convert/csource"
	"github.com/kerasrun/kerasrun/convert/gopackage"
	"github.com/kerasrun/kerasrun/convert/kerasfile"
	"github.com/kerasrun/kerasrun/convert/npz"
	"github.com/kerasrun/kerasrun/convert/onnx"
	"github.com/kerasrun/kerasrun/convert/safetensors"
	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/convert/tfjs"
	"github.com/kerasrun/kerasrun/convert/tflite"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/source"
)

// A Format is a target of conversions.
type Format struct {
	Name   string // as --to takes it: "onnx"
	Ending string // of file names: ".onnx"
	About  string // a line for people
	// Reads reports that kerasrun opens the result, so that it can be verified.
	Reads bool

	// file writes a format as one file, files as several, the main one under the given name. A format
	// may have both, if it needs several at times alone.
	file  func(*target.Job, io.Writer) error
	files func(j *target.Job, main string, out target.Files) error
	// narrow are the element types that it can store weights of a wider one in.
	narrow []graph.DType
	// opens returns the name of the file beside the main one that kerasrun opens; nil means the main one.
	opens func(main string) string
}

// Opens returns the name of the file that kerasrun opens, of a result whose main file is called main.
func (f *Format) Opens(main string) string {
	if f.opens == nil {
		return main
	}
	return f.opens(main)
}

// stores refuses element types of weights that the format cannot store them in.
func (f *Format) stores(stored []graph.DType, m *source.Model) error {
	for i, d := range stored {
		if d != m.Weights[i].DType && !slices.Contains(f.narrow, d) {
			return fmt.Errorf("%w: format %s does not store %v weights as %v", ErrOptions, f.Name, m.Weights[i].DType, d)
		}
	}
	return nil
}

// halves are the floating types of 16 bits.
var halves = []graph.DType{graph.Float16, graph.BFloat16}

// formats are all formats, in the order of the help.
var formats = []Format{
	{Name: "keras", Ending: ".keras", About: "archive of Keras 3", Reads: true, narrow: halves, file: kerasfile.Archive},
	{Name: "h5", Ending: ".h5", About: "HDF5 file of a whole model, of Keras 3", Reads: true, narrow: halves, file: kerasfile.HDF5},
	{Name: "weights", Ending: ".weights.h5", About: "the weights in the layout of Keras 3's save_weights", narrow: halves, file: kerasfile.Weights},
	{Name: "json", Ending: ".json", About: "the architecture, as to_json returns it", narrow: halves, file: kerasfile.JSON},
	{Name: "tfjs", Ending: ".tfjs.json", About: "layers model of TensorFlow.js: JSON with weights in .bin files beside it", Reads: true, narrow: halves[:1], files: tfjs.Write},
	{Name: "onnx", Ending: ".onnx", About: "ONNX model", file: onnx.Write, files: onnx.WriteFiles},
	{Name: "safetensors", Ending: ".safetensors", About: "the weights, named by layer paths", narrow: halves, file: safetensors.Write},
	{Name: "npz", Ending: ".npz", About: "the weights as NumPy arrays, named by layer paths", narrow: halves, file: npz.Write},
	{Name: "tflite", Ending: ".tflite", About: "flatbuffer of LiteRT (TensorFlow Lite), float32", file: tflite.Write},
	{Name: "go", Ending: ".go", About: "Go package that embeds the model: a .keras and a test go beside it", Reads: true, narrow: halves, files: gopackage.Write, opens: gopackage.Archive},
	{Name: "c", Ending: ".c", About: "C99 source of a small model, with a header beside it; needs math.h alone", files: csource.Write},
}

// Formats returns all formats.
func Formats() []Format { return slices.Clone(formats) }
