package output

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/kerasrun/kerasrun"
)

// A Result is what the model said about one example.
type Result struct {
	Input   string // file
	Row     int    // number of the example in a file that holds a batch, else -1
	Outputs []Output
	Top     []Score // best classes, of each output that has classes
}

// An Output is one output of the model for one example, without the batch.
type Output struct {
	Name    string
	Classes bool // one score for each class
	kerasrun.Tensor
}

// A Score is that of one class.
type Score struct {
	Output string
	Index  int
	Label  string
	Value  kerasrun.Tensor // one element
}

// Example names the example: "rows.csv[3]".
func (r Result) Example() string {
	if r.Row < 0 {
		return r.Input
	}
	return fmt.Sprintf("%s[%d]", r.Input, r.Row)
}

// A Writer takes results and writes them in some format, some of them at Close.
type Writer interface {
	Add(Result) error
	Close() error
}

// Formats are the names that NewWriter knows.
var formats = []string{"table", "json", "jsonl", "csv", "npy", "npz"}

// Formats returns the names of the formats of results.
func Formats() []string { return slices.Clone(formats) }

// NewWriter returns the writer of a format, nil for an unknown name.
func NewWriter(format string, w io.Writer, style Style) Writer {
	switch format {
	case "table":
		return &tableWriter{w: w, style: style}
	case "json":
		return &jsonWriter{w: w}
	case "jsonl":
		return &jsonLines{w}
	case "csv":
		return &csvWriter{w: w}
	case "npy":
		return &arrayWriter{w: w}
	case "npz":
		return &arrayWriter{w: w, zip: true}
	}
	return nil
}

// schema is the version of all JSON that the command prints.
const schema = `"schema_version":1`

type jsonWriter struct {
	w io.Writer
	n int
}

func (j *jsonWriter) Add(r Result) error {
	sep := ","
	if j.n == 0 {
		sep = "{" + schema + `,"results":[`
	}
	j.n++
	_, err := fmt.Fprintf(j.w, "%s{%s}", sep, r.fields())
	return err
}

func (j *jsonWriter) Close() error {
	if j.n == 0 {
		_, err := fmt.Fprintf(j.w, "{%s,\"results\":[]}\n", schema)
		return err
	}
	_, err := fmt.Fprintln(j.w, "]}")
	return err
}

type jsonLines struct{ w io.Writer }

func (j *jsonLines) Add(r Result) error {
	_, err := fmt.Fprintf(j.w, "{%s,%s}\n", schema, r.fields())
	return err
}

func (j *jsonLines) Close() error { return nil }

// fields returns r as the members of a JSON object.
func (r Result) fields() []byte {
	b := appendString([]byte(`"input":`), r.Input)
	if r.Row >= 0 {
		b = fmt.Appendf(b, `,"row":%d`, r.Row)
	}
	b = append(b, `,"outputs":{`...)
	for i, o := range r.Outputs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, o.Name), ':')
		b = appendTensor(b, o.Tensor)
	}
	b = append(b, '}')
	if r.Top == nil {
		return b
	}
	b = append(b, `,"top":[`...)
	for i, s := range r.Top {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		if len(r.Outputs) > 1 {
			b = append(appendString(append(b, `"output":`...), s.Output), ',')
		}
		b = fmt.Appendf(b, `"index":%d,"label":`, s.Index)
		b = append(appendString(b, s.Label), `,"score":`...)
		b = append(AppendElement(b, s.Value, 0), '}')
	}
	return append(b, ']')
}

func appendString(b []byte, s string) []byte {
	return AppendElement(b, kerasrun.Tensor{DType: kerasrun.String, Data: []string{s}}, 0)
}

// appendTensor appends t as nested arrays.
func appendTensor(b []byte, t kerasrun.Tensor) []byte {
	rank := len(t.Shape)
	if t.Len() == 0 {
		return append(append(b, bytes.Repeat([]byte("["), max(rank, 1))...), bytes.Repeat([]byte("]"), max(rank, 1))...)
	}
	// Between elements i-1 and i, as many arrays end and begin as trailing
	// dimensions have been filled.
	for i := range t.Len() {
		depth, size := 0, 1
		for k := rank - 1; k >= 0; k-- {
			if size *= t.Shape[k]; i%size != 0 {
				break
			}
			depth++
		}
		if i > 0 {
			b = append(append(b, bytes.Repeat([]byte("]"), depth)...), ',')
		}
		b = append(b, bytes.Repeat([]byte("["), depth)...)
		b = AppendElement(b, t, i)
	}
	return append(b, bytes.Repeat([]byte("]"), rank)...)
}
