package input

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun"
)

// A Dataset is examples with their true values: a folder with a folder of images for each class, an npz, or a csv.
type Dataset struct {
	// Classes are the names of the classes of a folder, in the order of their numbers; else nil.
	Classes []string
	// Examples is how many there are.
	Examples int

	reader  *Reader
	outputs []kerasrun.IO
	files   []string // of a folder
	class   []int64  // of each file
	whole   Examples // of an npz or csv
	plain   bool     // true values are a single number of each example: class numbers, where the loss wants those spread
}

// Examples are some of a Dataset.
type Examples struct {
	Inputs, Targets []kerasrun.Tensor  // by input and output of the model, the examples along the first axis
	Weights         []*kerasrun.Tensor // of outputs, nil elements for ones; nil for no weights at all
}

// OpenDataset opens the examples at name for a model whose outputs that have true values are given. labels, which may be nil, are
// names of classes: folders are numbered in their order, else in that of the names.
func (r *Reader) OpenDataset(ctx context.Context, name string, outputs []kerasrun.IO, labels []string) (*Dataset, error) {
	d := &Dataset{reader: r, outputs: outputs}
	st, err := os.Stat(name)
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	switch ext := strings.ToLower(filepath.Ext(name)); {
	case st.IsDir():
		err = d.folder(name, labels)
	case ext == ".npz":
		err = d.npz(name)
	case ext == ".csv" || ext == ".tsv":
		err = d.table(name)
	default:
		err = fmt.Errorf("%w: want a folder with a folder of images for each class, an .npz or a .csv", kerasrun.ErrInput)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

// PlainTargets reports that the true values are one number of each example, from a folder or from one column of a csv, which may
// be the number of a class.
func (d *Dataset) PlainTargets() bool { return d.plain }

func (d *Dataset) folder(name string, labels []string) error {
	if len(d.outputs) != 1 || len(d.reader.Inputs) != 1 {
		return fmt.Errorf("%w: a folder has images and classes, but the model has %d inputs and %d outputs; want an .npz", kerasrun.ErrInput, len(d.reader.Inputs), len(d.outputs))
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if st, err := os.Stat(filepath.Join(name, e.Name())); err == nil && st.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			d.Classes = append(d.Classes, e.Name())
		}
	}
	slices.Sort(d.Classes)
	if len(d.Classes) == 0 {
		return fmt.Errorf("%w: no folder in it; want one for each class, with its images", kerasrun.ErrInput)
	}
	if labels != nil {
		for _, c := range d.Classes {
			if !slices.Contains(labels, c) {
				return fmt.Errorf("%w: the folder %q is none of the labels", kerasrun.ErrInput, c)
			}
		}
		d.Classes = labels
	}
	for i, c := range d.Classes {
		files, err := inFolder(filepath.Join(name, c))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, f := range files {
			d.files = append(d.files, f)
			d.class = append(d.class, int64(i))
		}
	}
	d.Examples, d.plain = len(d.files), true
	if d.Examples == 0 {
		return fmt.Errorf("%w: no images in its folders", kerasrun.ErrInput)
	}
	return nil
}

// targetKeys are the names under which the array of an output's true values is looked for.
func targetKeys(i int, o kerasrun.IO, single bool) []string {
	keys := []string{"y_" + o.Name, o.Name, fmt.Sprintf("y_%d", i)}
	if single {
		keys = append([]string{"y", "y_test"}, keys...)
	}
	return keys
}

// exampleKeys are those of an input.
func exampleKeys(i int, in kerasrun.IO, single bool) []string {
	keys := append([]string{"x_" + in.Name, fmt.Sprintf("x_%d", i)}, keys(i, in)...)
	if single {
		keys = append([]string{"x", "x_test"}, keys...)
	}
	return keys
}

func (d *Dataset) npz(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	z, err := kerasrun.OpenNpz(f, st.Size(), 0)
	if err != nil {
		return err
	}
	names := z.Names()
	find := func(keys []string) (*kerasrun.Tensor, error) {
		for _, k := range keys {
			if slices.Contains(names, k) {
				t, err := z.Read(k)
				if err != nil {
					return nil, fmt.Errorf("array %q: %w", k, err)
				}
				if len(t.Shape) == 0 {
					return nil, fmt.Errorf("%w: array %q is a single number, want one for each example", kerasrun.ErrInput, k)
				}
				return &t, nil
			}
		}
		return nil, nil
	}
	need := func(what string, keys []string) (kerasrun.Tensor, error) {
		t, err := find(keys)
		if err == nil && t == nil {
			err = fmt.Errorf("%w: no array for %s: want %s, found %s", kerasrun.ErrInput, what, quoted(keys), strings.Join(names, ", "))
		}
		if err != nil {
			return kerasrun.Tensor{}, err
		}
		return *t, nil
	}
	g := Group{}
	arrays := map[string]kerasrun.Tensor{}
	for i, in := range d.reader.Inputs {
		t, err := need(fmt.Sprintf("input %q", in.Name), exampleKeys(i, in, len(d.reader.Inputs) == 1))
		if err != nil {
			return err
		}
		arrays[in.Name] = t
	}
	if err := g.arrange(arrays, d.reader.Inputs); err != nil {
		return err
	}
	d.whole.Inputs = g.Tensors
	for i, o := range d.outputs {
		single := len(d.outputs) == 1
		t, err := need(fmt.Sprintf("the true values of output %q", o.Name), targetKeys(i, o, single))
		if err != nil {
			return err
		}
		d.whole.Targets = append(d.whole.Targets, t)
		keys := []string{"sample_weight_" + o.Name, "sample_weight"}
		w, err := find(keys)
		if err != nil {
			return err
		}
		d.whole.Weights = append(d.whole.Weights, w)
	}
	return d.check()
}

func quoted(keys []string) string {
	var out []string
	for _, k := range keys {
		out = append(out, fmt.Sprintf("%q", k))
	}
	return strings.Join(out, ", ")
}

// check holds all arrays to the same number of examples.
func (d *Dataset) check() error {
	if len(d.whole.Inputs) == 0 || len(d.whole.Inputs[0].Shape) == 0 {
		return fmt.Errorf("%w: the model takes no batch of examples", kerasrun.ErrInput)
	}
	d.Examples = d.whole.Inputs[0].Shape[0]
	for i, t := range d.whole.Targets {
		if t.Shape[0] != d.Examples {
			return fmt.Errorf("%w: %d examples, but true values %v of output %q", kerasrun.ErrInput, d.Examples, t.Shape, d.outputs[i].Name)
		}
	}
	for i, w := range d.whole.Weights {
		if w != nil && w.Shape[0] != d.Examples {
			return fmt.Errorf("%w: %d examples, but weights %v of output %q", kerasrun.ErrInput, d.Examples, w.Shape, d.outputs[i].Name)
		}
	}
	if d.Examples == 0 {
		return fmt.Errorf("%w: no examples", kerasrun.ErrInput)
	}
	return nil
}

// table reads rows: first the numbers of the input, then the true values.
func (d *Dataset) table(name string) error {
	if len(d.outputs) != 1 || len(d.reader.Inputs) != 1 {
		return fmt.Errorf("%w: a csv is for one input and one output, but the model has %d and %d; want an .npz", kerasrun.ErrInput, len(d.reader.Inputs), len(d.outputs))
	}
	in := d.reader.Inputs[0]
	if in.DType == kerasrun.String || len(in.Shape) == 0 {
		return fmt.Errorf("%w: input %q is %v %v, want numbers in rows", kerasrun.ErrInput, in.Name, in.DType, in.Shape)
	}
	features, ok := kerasrun.Shape(in.Shape[1:]).Elems()
	if !ok {
		return fmt.Errorf("%w: input %q is %v: a csv does not say which columns are true values; want an .npz", kerasrun.ErrInput, in.Name, in.Shape)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	rows, err := readTable(f, kerasrun.IO{Name: in.Name, DType: kerasrun.Float64, Shape: kerasrun.Shape{-1, -1}})
	if err != nil {
		return err
	}
	n, width := rows.Shape[0], rows.Shape[1]
	if width <= features {
		return fmt.Errorf("%w: %d columns, want %d of input %q and then the true values", kerasrun.ErrInput, width, features, in.Name)
	}
	data := rows.Data.([]float64)
	x, y := make([]float64, 0, n*features), make([]float64, 0, n*(width-features))
	for i := range n {
		row := data[i*width : (i+1)*width]
		x, y = append(x, row[:features]...), append(y, row[features:]...)
	}
	g := Group{}
	if err := g.arrange(map[string]kerasrun.Tensor{"": {DType: kerasrun.Float64, Shape: append(kerasrun.Shape{n}, in.Shape[1:]...), Data: x}}, d.reader.Inputs); err != nil {
		return err
	}
	d.whole.Inputs = g.Tensors
	shape := kerasrun.Shape{n, width - features}
	if d.plain = width-features == 1; d.plain {
		shape = shape[:1]
	}
	d.whole.Targets = []kerasrun.Tensor{{DType: kerasrun.Float64, Shape: shape, Data: y}}
	return d.check()
}

// Batches calls use with all examples in order, most at a time; the last are fewer.
func (d *Dataset) Batches(ctx context.Context, most int, use func(Examples) error) error {
	if d.files == nil {
		for from := 0; from < d.Examples; from += most {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := use(d.whole.rows(from, min(from+most, d.Examples))); err != nil {
				return err
			}
		}
		return nil
	}
	var parts []kerasrun.Tensor
	done := 0
	return d.reader.Stream(ctx, d.files, most, func(g Group) error {
		t := g.Tensors[0]
		if len(t.Shape) == 0 || t.Shape[0] != 1 {
			return fmt.Errorf("%s: %w: %d examples, want one", g.Name, kerasrun.ErrInput, t.Len())
		}
		if len(parts) > 0 && !slices.Equal(parts[0].Shape, t.Shape) {
			return fmt.Errorf("%s: %w: it is %v, but %v before; the model's input has no size to bring them to", g.Name, kerasrun.ErrShape, t.Shape[1:], parts[0].Shape[1:])
		}
		parts = append(parts, t)
		if len(parts) < most && done+len(parts) < d.Examples {
			return nil
		}
		n := len(parts)
		e := Examples{Inputs: []kerasrun.Tensor{kerasrun.ConcatRows(parts)}, Targets: []kerasrun.Tensor{{DType: kerasrun.Int64, Shape: kerasrun.Shape{n}, Data: d.class[done : done+n]}}}
		done += n
		parts = nil
		return use(e)
	})
}

func (e Examples) rows(from, to int) Examples {
	var out Examples
	for _, t := range e.Inputs {
		out.Inputs = append(out.Inputs, t.Rows(from, to))
	}
	for _, t := range e.Targets {
		out.Targets = append(out.Targets, t.Rows(from, to))
	}
	for _, t := range e.Weights {
		if t != nil {
			r := t.Rows(from, to)
			t = &r
		}
		out.Weights = append(out.Weights, t)
	}
	return out
}
