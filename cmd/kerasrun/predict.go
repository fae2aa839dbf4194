package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/input"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/output"
	"github.com/kerasrun/kerasrun/vision"
)

// predictFlags are the flags of predict.
type predictFlags struct {
	model      modelFlags
	output     outputFlags
	inputs     []string // NAME=FILE
	labels     string
	top        int
	preprocess string
	batch      int
	finite     bool     // check that all layers' results are
	layers     []string // paths
}

func (a *app) predictCommand() *cobra.Command {
	f := &predictFlags{}
	c := &cobra.Command{
		Use:   "predict MODEL INPUT...",
		Short: "Run a model on images, sounds, arrays, tables or texts",
		Long: `Predict runs a model and prints its outputs, one result for each example.

INPUT is an image (png, jpeg, gif, webp, bmp), a sound (wav), a NumPy .npy or .npz,
a .csv whose rows are examples (a header line is allowed), a .json of nested arrays,
or - for standard input; also a folder, for all such files in it, or a pattern
("photos/*.jpg"), both in the order of the names. For an input of strings, the lines
of a .txt (and of standard input) or the rows of a .csv, without a header, are
examples. An array without the batch axis is one example. A model with several inputs
takes --input NAME=FILE for each, or one .npz (arrays named as the inputs, or
input_0, input_1, ...) or .json ({"name": [...], ...}).

Images are resized to the model's input as Keras's Resizing layer does (bilinear)
and have values from 0 to 255 unless --preprocess says otherwise:
  none   x            as it is; for models that rescale inside
  scale  x/255
  tf     x/127.5 - 1
  caffe  BGR order, minus ImageNet's means
  torch  (x/255 - mean)/std with ImageNet's means and deviations

Sounds have values from -1 to 1 and one channel, the mean of all, unless the input
has more; they are cut, or filled with zeros, to the length that the model takes.

Files are read ahead while the model runs, a few batches at most, and results keep
their order. --layer adds what a layer inside the model computes, by its path as
inspect shows it.

Outputs with one score for each class are shown as the best classes (--top).
JSON has all elements; NaN and infinities are the strings "NaN", "Infinity" and
"-Infinity". "row" counts the examples of a file that holds several.`,
		Example: `  kerasrun predict model.keras photo.jpg --labels labels.txt
  kerasrun predict vgg16.h5 photos/ --preprocess caffe --format jsonl
  kerasrun predict model.keras "photos/*.jpg" --layer conv2d_1 -o features.npz
  kerasrun predict speech.keras yes.wav
  kerasrun predict model.keras --input image=photo.png --input meta=row.csv
  kerasrun predict model.keras rows.csv -o scores.npy
  kerasrun predict reviews.keras reviews.txt
  cat photo.jpg | kerasrun predict model.keras -`,
		Args: arguments(1, -1, "MODEL INPUT..."),
		RunE: func(c *cobra.Command, args []string) error {
			return a.predict(c.Context(), args[0], args[1:], f)
		},
	}
	f.model.add(c)
	f.model.addExact(c)
	f.output.add(c, output.Formats()...)
	c.Flags().StringArrayVar(&f.inputs, "input", nil, "`NAME=FILE` for one of several inputs")
	c.Flags().StringVar(&f.labels, "labels", "", "`FILE` with names of classes: a line each, or JSON")
	c.Flags().IntVar(&f.top, "top", 5, "number of best classes to show")
	c.Flags().StringVar(&f.preprocess, "preprocess", "none", "`MODE` for images: none, scale, tf, caffe or torch")
	c.Flags().IntVar(&f.batch, "batch", 32, "most examples to run at a time")
	c.Flags().BoolVar(&f.finite, "check-finite", false, "stop at the first layer whose result has NaN or an infinity, and name it")
	c.Flags().StringArrayVar(&f.layers, "layer", nil, "`PATH` of a layer whose result is an output too")
	return c
}

// check checks the flags and settles the format.
func (f *predictFlags) check(a *app, files []string) (vision.Mode, error) {
	mode, err := vision.ParseMode(f.preprocess)
	switch {
	case err != nil:
		return 0, fmt.Errorf("--preprocess %q, want none, scale, tf, caffe or torch", f.preprocess)
	case f.top < 0:
		return 0, fmt.Errorf("--top %d, want 0 or more", f.top)
	case f.batch < 1:
		return 0, fmt.Errorf("--batch %d, want 1 or more", f.batch)
	case len(files) > 0 && len(f.inputs) > 0:
		return 0, fmt.Errorf("both --input and the file %s; want one or the other", files[0])
	case len(files) == 0 && len(f.inputs) == 0:
		return 0, fmt.Errorf("no input; want files, --input NAME=FILE, or - for standard input")
	case stdinTwice(files, f.inputs):
		return 0, fmt.Errorf("- stands twice, but standard input can be read once")
	}
	if err := f.output.settle(output.Formats()...); err != nil {
		return 0, err
	}
	if (f.output.format == "npy" || f.output.format == "npz") && f.output.path == "" && isTerminal(a.out) {
		return 0, fmt.Errorf("--format %s is not for a terminal; give -o FILE", f.output.format)
	}
	return mode, nil
}

func stdinTwice(files, named []string) bool {
	n := 0
	for _, f := range files {
		if f == input.Stdin {
			n++
		}
	}
	for _, f := range named {
		if strings.HasSuffix(f, "="+input.Stdin) {
			n++
		}
	}
	return n > 1
}

func (a *app) predict(ctx context.Context, path string, files []string, f *predictFlags) error {
	mode, err := f.check(a, files)
	if err != nil {
		return usageError(err)
	}
	labels, err := readLabels(f.labels)
	if err != nil {
		return err
	}
	if files, err = input.Find(files); err != nil {
		return inputError(err)
	}
	m, err := a.loadTapped(path, f.model, f.layers)
	if err != nil {
		return err
	}
	defer m.Close()
	if f.output.format == "npy" && len(m.Outputs()) != 1 {
		return usageError(fmt.Errorf("the model has %d outputs, but an npy file holds one array; want --format npz", len(m.Outputs())))
	}
	r := &input.Reader{Inputs: m.Inputs(), Preprocess: mode, Rate: sampleRate(m), Stdin: a.in}
	return a.write(f.output, func(w io.Writer) error {
		p := &predictor{model: m, own: len(m.Outputs()) - len(f.layers), most: f.batch, finite: f.finite, top: f.top, labels: labels, labelsFile: f.labels, out: output.NewWriter(f.output.format, w, a.outputStyle(f.output))}
		start := time.Now()
		if err := a.predictAll(ctx, p, r, files, f.inputs); err != nil {
			return err
		}
		a.timed(start, "%d examples: read and predicted", p.examples)
		a.noteImages(r)
		a.noteScale(r, m)
		if labels != nil && !p.labelled {
			a.note("%s: no output has classes to label", f.labels)
		}
		return p.out.Close()
	})
}

// readLabels reads the file of --labels; without the flag there are none.
func readLabels(file string) ([]string, error) {
	if file == "" {
		return nil, nil
	}
	labels, err := input.ReadLabels(file)
	if err != nil {
		return nil, inputError(err)
	}
	return labels, nil
}

// predictAll reads the files and predicts, in order.
func (a *app) predictAll(ctx context.Context, p *predictor, r *input.Reader, files, named []string) error {
	if len(named) > 0 {
		byName := map[string]string{}
		for _, n := range named {
			name, file, ok := strings.Cut(n, "=")
			if !ok || name == "" || file == "" {
				return usageError(fmt.Errorf("--input %q, want NAME=FILE", n))
			}
			if _, twice := byName[name]; twice {
				return usageError(fmt.Errorf("--input %s stands twice", name))
			}
			byName[name] = file
		}
		g, err := r.ReadNamed(ctx, byName)
		if err != nil {
			return inputError(err)
		}
		if err := p.add(ctx, g); err != nil {
			return err
		}
		return p.flush(ctx)
	}
	bar := a.progress(len(files))
	defer bar.Finish()
	var failed error // of the model or the output, not of the files
	err := r.Stream(ctx, files, p.most, func(g input.Group) error {
		if err := p.add(ctx, g); err != nil {
			failed = err
			return err
		}
		bar.Add(1)
		return nil
	})
	switch {
	case failed != nil:
		return failed
	case err != nil:
		return inputError(err)
	}
	return p.flush(ctx)
}

// noteImages tells what happened to images.
func (a *app) noteImages(r *input.Reader) {
	if r.Cut != "" {
		a.note("%s", r.Cut)
	}
	switch {
	case r.Resized == 1 && r.Images == 1:
		a.note("%s", r.LastResize)
	case r.Resized > 0:
		a.note("%d of %d images resized to the model's input; the last: %s", r.Resized, r.Images, r.LastResize)
	}
	if r.Images == 0 && r.Preprocess != vision.None {
		a.note("--preprocess %v is for images; there was none", r.Preprocess)
	}
}

// noteScale tells of images that are likely to be scaled twice: by the flag, and by the model itself.
func (a *app) noteScale(r *input.Reader, m *kerasrun.Model) {
	if r.Images == 0 || r.Preprocess == vision.None {
		return
	}
	for _, l := range m.Layers() {
		if l.Class == "Rescaling" || l.Class == "Normalization" {
			a.note("the model has layer %q (%s), which scales images itself, besides --preprocess %v", l.Path, l.Class, r.Preprocess)
			return
		}
	}
}

// sampleRate is the number of samples a second that a model takes of sounds, where its layers say so, else 0.
func sampleRate(m *kerasrun.Model) int {
	rate := 0
	for _, l := range m.Architecture().Root.Graph.Layers {
		if n, ok := l.Config.Get("sampling_rate").Int(); ok && l.Class == "MelSpectrogram" {
			if rate != 0 && rate != n {
				return 0
			}
			rate = n
		}
	}
	return rate
}

// loadTapped opens a model with the results of layers as further outputs. A layer that there is not is wrong usage.
func (a *app) loadTapped(path string, f modelFlags, layers []string) (*kerasrun.Model, error) {
	if len(layers) == 0 {
		return a.load(path, f)
	}
	m, err := a.load(path, f, kerasrun.WithLayerOutputs(layers...))
	if errors.Is(err, kerasrun.ErrNotFound) {
		if m, opened := kerasrun.Load(path, f.options()...); opened == nil { // so it is a layer that is missing
			defer m.Close()
			for _, l := range layers {
				if _, err := findLayer(m, l); err != nil {
					return nil, usageError(fmt.Errorf("--layer: %s: %w", path, err))
				}
			}
			return nil, usageError(fmt.Errorf("--layer: %w", err))
		}
	}
	return m, err
}

// hasClasses reports whether an output of a batch has one score for each class.
func hasClasses(t kerasrun.Tensor) bool {
	return len(t.Shape) == 2 && t.Shape[1] > 1 && t.DType != kerasrun.String
}
