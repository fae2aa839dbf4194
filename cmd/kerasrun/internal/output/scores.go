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

// A tableWriter shows classes by rank, and other outputs by their first values. It keeps what it shows and no whole outputs.
type tableWriter struct {
	w       io.Writer
	style   Style
	results []shownResult
}

// A shownResult is what the tables show of a Result.
type shownResult struct {
	example string
	top     []shownScore
	outputs int
	values  []shownValues // of outputs whose classes are not shown
}

type shownScore struct {
	output, label, score string
	index                int
}

// shownValues is an output by its first values, and the spread of all.
type shownValues struct {
	name, shape, first string
	large              bool // there are more numbers
	lo, mean, hi       float64
}

func (t *tableWriter) Add(r Result) error {
	s := shownResult{example: r.Example(), outputs: len(r.Outputs)}
	for _, c := range r.Top {
		s.top = append(s.top, shownScore{c.Output, c.Label, Element(c.Value, 0), c.Index})
	}
	for _, o := range r.Outputs {
		if slices.ContainsFunc(r.Top, func(c Score) bool { return c.Output == o.Name }) {
			continue
		}
		v := shownValues{name: o.Name, shape: o.Shape.String(), first: firstElements(o.Tensor), large: o.Len() > firstValues && o.DType != kerasrun.String}
		if o.DType != kerasrun.String {
			v.lo, v.mean, v.hi = spread(o.Tensor)
		}
		s.values = append(s.values, v)
	}
	t.results = append(t.results, s)
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
		for _, s := range r.top {
			labelled = labelled || s.label != strconv.Itoa(s.index)
			rows++
		}
		outputs = outputs || r.outputs > 1
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
		input, output, rank := r.example, "", 0
		for _, s := range r.top {
			if rank++; s.output != output || rank == 1 {
				output, rank = s.output, 1
			}
			var cells []string
			if several {
				cells, input = append(cells, input), ""
			}
			if outputs {
				name := ""
				if rank == 1 {
					name = s.output
				}
				cells = append(cells, name)
			}
			cells = append(cells, strconv.Itoa(rank), strconv.Itoa(s.index))
			if labelled {
				cells = append(cells, s.label)
			}
			table.Row(append(cells, s.score)...)
		}
	}
	return table
}

// firstValues is how many elements of an output the table shows.
const firstValues = 6

// values returns the table of outputs whose classes are not shown, or nil.
func (t *tableWriter) values() *Table {
	several, large, rows := len(t.results) > 1, false, 0
	for _, r := range t.results {
		for _, v := range r.values {
			rows++
			large = large || v.large
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
		input := r.example
		for _, v := range r.values {
			var cells []string
			if several {
				cells, input = append(cells, input), ""
			}
			cells = append(cells, v.name, v.shape)
			if large {
				cells = append(cells, Float(v.lo), Float(v.mean), Float(v.hi))
			}
			table.Row(append(cells, v.first)...)
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
