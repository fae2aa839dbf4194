package output

import (
	"cmp"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun"
)

// Best returns the k best scores of an output with classes, NaN last and equal
// ones in the order of the classes. Classes without a label are named by their index.
func Best(o Output, k int, labels []string) []Score {
	order := make([]int, o.Len())
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := o.Float(i), o.Float(j)
		if math.IsNaN(a) || math.IsNaN(b) {
			return cmp.Compare(b, a) // NaN is less than all others
		}
		return cmp.Compare(b, a)
	})
	scores := []Score{}
	for _, i := range order[:min(k, len(order))] {
		s := Score{Output: o.Name, Index: i, Label: strconv.Itoa(i), Value: o.Tensor.Rows(i, i+1)}
		if i < len(labels) {
			s.Label = labels[i]
		}
		scores = append(scores, s)
	}
	return scores
}

// A tableWriter shows classes by rank, and other outputs by their first values.
type tableWriter struct {
	w       io.Writer
	style   Style
	results []Result
}

func (t *tableWriter) Add(r Result) error {
	t.results = append(t.results, r)
	return nil
}

func (t *tableWriter) Close() error {
	classes, values := t.classes(), t.values()
	if classes != nil {
		if err := classes.Write(t.w); err != nil {
			return err
		}
	}
	if classes != nil && values != nil {
		if _, err := io.WriteString(t.w, "\n"); err != nil {
			return err
		}
	}
	if values != nil {
		return values.Write(t.w)
	}
	return nil
}

// classes returns the table of the best classes, or nil.
func (t *tableWriter) classes() *Table {
	several, labelled, outputs := len(t.results) > 1, false, false
	rows := 0
	for _, r := range t.results {
		for _, s := range r.Top {
			labelled = labelled || s.Label != strconv.Itoa(s.Index)
			rows++
		}
		outputs = outputs || len(r.Outputs) > 1
	}
	if rows == 0 {
		return nil
	}
	var columns []Column
	if several {
		columns = append(columns, Column{Title: "Input"})
	}
	if outputs {
		columns = append(columns, Column{Title: "Output"})
	}
	columns = append(columns, Column{Title: "Rank", Right: true}, Column{Title: "Class", Right: true})
	if labelled {
		columns = append(columns, Column{Title: "Label"})
	}
	table := t.style.NewTable(append(columns, Column{Title: "Score"})...)
	for _, r := range t.results {
		input, output, rank := r.Example(), "", 0
		for _, s := range r.Top {
			if rank++; s.Output != output || rank == 1 {
				output, rank = s.Output, 1
			}
			var cells []string
			if several {
				cells, input = append(cells, input), ""
			}
			if outputs {
				name := ""
				if rank == 1 {
					name = s.Output
				}
				cells = append(cells, name)
			}
			cells = append(cells, strconv.Itoa(rank), strconv.Itoa(s.Index))
			if labelled {
				cells = append(cells, s.Label)
			}
			table.Row(append(cells, Element(s.Value, 0))...)
		}
	}
	return table
}

// firstValues is how many elements of an output the table shows.
const firstValues = 6

// values returns the table of outputs whose classes are not shown, or nil.
func (t *tableWriter) values() *Table {
	several, large, rows := len(t.results) > 1, false, 0
	shown := func(r Result, o Output) bool {
		return slices.ContainsFunc(r.Top, func(s Score) bool { return s.Output == o.Name })
	}
	for _, r := range t.results {
		for _, o := range r.Outputs {
			if !shown(r, o) {
				rows++
				large = large || o.Len() > firstValues && o.DType != kerasrun.String
			}
		}
	}
	if rows == 0 {
		return nil
	}
	var columns []Column
	if several {
		columns = append(columns, Column{Title: "Input"})
	}
	columns = append(columns, Column{Title: "Output"}, Column{Title: "Shape"})
	if large {
		columns = append(columns, Column{Title: "Min"}, Column{Title: "Mean"}, Column{Title: "Max"})
	}
	table := t.style.NewTable(append(columns, Column{Title: "Values"})...)
	for _, r := range t.results {
		input := r.Example()
		for _, o := range r.Outputs {
			if shown(r, o) {
				continue
			}
			var cells []string
			if several {
				cells, input = append(cells, input), ""
			}
			cells = append(cells, o.Name, o.Shape.String())
			if large {
				lo, mean, hi := spread(o.Tensor)
				cells = append(cells, Float(lo), Float(mean), Float(hi))
			}
			table.Row(append(cells, firstElements(o.Tensor))...)
		}
	}
	return table
}

// spread returns the least, mean and largest element; NaN counts.
func spread(t kerasrun.Tensor) (lo, mean, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	sum := 0.0
	for i := range t.Len() {
		v := t.Float(i)
		lo, hi, sum = math.Min(lo, v), math.Max(hi, v), sum+v
	}
	return lo, sum / float64(max(t.Len(), 1)), hi
}

func firstElements(t kerasrun.Tensor) string {
	var texts []string
	for i := range min(t.Len(), firstValues) {
		texts = append(texts, Element(t, i))
	}
	if t.Len() > firstValues {
		texts = append(texts, "...")
	}
	if t.Len() == 0 {
		return "(no elements)"
	}
	return strings.Join(texts, " ")
}
