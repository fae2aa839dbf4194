package output

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/kerasrun/kerasrun"
)

// A csvWriter writes one row for each example: the file, the number of the
// example in it, then all elements of all outputs.
type csvWriter struct {
	w    io.Writer
	csv  *csv.Writer
	like Result
}

func (c *csvWriter) Add(r Result) error {
	if c.csv == nil {
		c.csv, c.like = csv.NewWriter(c.w), r
		head := []string{"input", "row"}
		for _, o := range r.Outputs {
			for i := range o.Len() {
				head = append(head, fmt.Sprintf("%s[%d]", o.Name, i))
			}
		}
		if err := c.csv.Write(head); err != nil {
			return err
		}
	}
	if err := sameShapes(c.like, r, "the columns of a csv"); err != nil {
		return err
	}
	row := []string{r.Input, strconv.Itoa(max(r.Row, 0))}
	for _, o := range r.Outputs {
		for i := range o.Len() {
			row = append(row, csvCell(o.Tensor, i))
		}
	}
	return c.csv.Write(row)
}

// csvCell writes an element without the quotes of JSON.
func csvCell(t kerasrun.Tensor, i int) string {
	if s, ok := t.Data.([]string); ok {
		return s[i]
	}
	text := string(AppendElement(nil, t, i))
	if plain, err := strconv.Unquote(text); err == nil {
		return plain // NaN, Infinity
	}
	return text
}

func (c *csvWriter) Close() error {
	if c.csv == nil {
		return nil
	}
	c.csv.Flush()
	return c.csv.Error()
}

func sameShapes(a, b Result, what string) error {
	for i, o := range a.Outputs {
		if !slices.Equal(o.Shape, b.Outputs[i].Shape) {
			return fmt.Errorf("%w: %s need results of one shape; %q is %v for %s and %v for %s",
				kerasrun.ErrShape, what, o.Name, o.Shape, a.Example(), b.Outputs[i].Shape, b.Example())
		}
	}
	return nil
}

// An arrayWriter writes each output of all examples as one array, with the
// examples along the first axis.
type arrayWriter struct {
	w       io.Writer
	zip     bool
	results []Result
}

func (a *arrayWriter) Add(r Result) error {
	if len(a.results) > 0 {
		if err := sameShapes(a.results[0], r, "arrays"); err != nil {
			return err
		}
	}
	a.results = append(a.results, r)
	return nil
}

func (a *arrayWriter) Close() error {
	if len(a.results) == 0 {
		return nil
	}
	var names []string
	var tensors []kerasrun.Tensor
	for i, o := range a.results[0].Outputs {
		parts := make([]kerasrun.Tensor, len(a.results))
		for k, r := range a.results {
			parts[k] = r.Outputs[i].Tensor
			parts[k].Shape = append(kerasrun.Shape{1}, parts[k].Shape...)
		}
		names, tensors = append(names, o.Name), append(tensors, kerasrun.ConcatRows(parts))
	}
	if a.zip {
		return kerasrun.WriteNpz(a.w, names, tensors)
	}
	return kerasrun.WriteNpy(a.w, tensors[0])
}
