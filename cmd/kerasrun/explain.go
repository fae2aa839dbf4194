package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/heat"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/input"
	"github.com/kerasrun/kerasrun/internal/atomicfile"
	"github.com/kerasrun/kerasrun/vision"
)

// explainFlags are the flags of explain.
type explainFlags struct {
	model                modelFlags
	output, raw          string
	method               string
	class, patch, stride int
	alpha                float64
	layer                string
	outputScore          bool
	labels, preprocess   string
	batch                int
}

func (a *app) explainCommand() *cobra.Command {
	f := &explainFlags{}
	c := &cobra.Command{
		Use:   "explain MODEL IMAGE",
		Short: "Show which parts of an image a score rests on",
		Long: `Explain lays over an image, as colours, what the score of a class rests on. With the
method occlusion it hides a square of the image at a time and sees how far the score
falls. gradcam and saliency take the gradient of the score, one run of the model
each: gradcam with respect to the last convolutional layer with more than one cell (or
--layer), whose channels it weighs by the mean of their gradients; saliency with respect to the
pixels, of whose channels it takes the largest.

The score of a gradient is that before the last softmax or sigmoid, where there is one:
a probability near 1 has next to no gradient. --output-score takes the model's output as it is.
The maps of gradcam, with an element for each cell of the layer, and of saliency are divided by their maximum.

A hidden square has the image's mean in each channel. Squares have a seventh of
the shorter side of the model's input and overlap by half, unless --patch and
--stride say otherwise: some 170 runs of the model. The map that --map writes has an
element for each pixel of the model's input: the mean fall over the squares that
cover it, negative where the score rises.

The image is read and resized as by predict, whose modes --preprocess takes.`,
		Example: `  kerasrun explain model.keras photo.jpg
  kerasrun explain vgg16.h5 cat.png --preprocess caffe --class 281 -o cat281.png
  kerasrun explain model.keras photo.jpg --method gradcam --layer block5_conv3
  kerasrun explain model.keras photo.jpg --patch 16 --stride 4 --map map.npy`,
		Args: arguments(2, 2, "MODEL IMAGE"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.explain(c.Context(), args[0], args[1], f, c.Flags().Changed("class"))
		},
	}
	f.model.add(c)
	f.model.addExact(c)
	c.Flags().StringVarP(&f.output, "output", "o", "explain.png", "write the picture to `FILE`, a PNG")
	c.Flags().StringVar(&f.raw, "map", "", "write the map itself to `FILE`, an npy")
	c.Flags().StringVar(&f.method, "method", "occlusion", "`METHOD`: occlusion, gradcam or saliency")
	c.Flags().StringVar(&f.layer, "layer", "", "path of the `LAYER` of gradcam (default: the last convolutional one)")
	c.Flags().BoolVar(&f.outputScore, "output-score", false, "take gradients of the output as it is, not of what is before its softmax or sigmoid")
	c.Flags().IntVar(&f.class, "class", 0, "index of the class to explain (default: the one with the best score)")
	c.Flags().IntVar(&f.patch, "patch", 0, "side of the square, in pixels of the model's input (default: a seventh of its shorter side)")
	c.Flags().IntVar(&f.stride, "stride", 0, "pixels from one square to the next (default: half of --patch)")
	c.Flags().Float64Var(&f.alpha, "alpha", 0.8, "weight of the brightest colour over the image, 0 to 1")
	c.Flags().StringVar(&f.labels, "labels", "", "`FILE` with names of classes: a line each, or JSON")
	c.Flags().StringVar(&f.preprocess, "preprocess", "none", "`MODE` for images: none, scale, tf, caffe or torch")
	c.Flags().IntVar(&f.batch, "batch", 32, "most examples to run at a time")
	return c
}

func (f *explainFlags) check(file string) (vision.Mode, error) {
	mode, err := vision.ParseMode(f.preprocess)
	switch {
	case err != nil:
		return 0, fmt.Errorf("--preprocess %q, want none, scale, tf, caffe or torch", f.preprocess)
	case f.method != "occlusion" && f.method != "gradcam" && f.method != "saliency":
		return 0, fmt.Errorf("--method %q, want occlusion, gradcam or saliency", f.method)
	case f.layer != "" && f.method != "gradcam":
		return 0, fmt.Errorf("--layer is one of gradcam, not of %s", f.method)
	case f.outputScore && f.method == "occlusion":
		return 0, fmt.Errorf("--output-score is one of gradcam and saliency; occlusion always takes the output")
	case (f.patch != 0 || f.stride != 0) && f.method != "occlusion":
		return 0, fmt.Errorf("--patch and --stride are those of occlusion, not of %s", f.method)
	case f.class < 0:
		return 0, fmt.Errorf("--class %d, want 0 or more", f.class)
	case f.patch < 0 || f.stride < 0:
		return 0, fmt.Errorf("--patch %d and --stride %d, want 1 or more", f.patch, f.stride)
	case f.patch > 0 && f.stride > f.patch:
		return 0, fmt.Errorf("--stride %d, want at most --patch, %d: else pixels are left out", f.stride, f.patch)
	case !(f.alpha >= 0 && f.alpha <= 1):
		return 0, fmt.Errorf("--alpha %v, want 0 to 1", f.alpha)
	case f.batch < 1:
		return 0, fmt.Errorf("--batch %d, want 1 or more", f.batch)
	case file == input.Stdin:
		return 0, fmt.Errorf("explain reads no standard input; want the file of an image")
	}
	return mode, nil
}

func (a *app) explain(ctx context.Context, path, file string, f *explainFlags, classGiven bool) error {
	mode, err := f.check(file)
	if err != nil {
		return usageError(err)
	}
	labels, err := readLabels(f.labels)
	if err != nil {
		return err
	}
	m, err := a.load(path, f.model)
	if err != nil {
		return err
	}
	defer m.Close()
	if f.layer != "" {
		if _, err := findLayer(m, f.layer); err != nil {
			return fmt.Errorf("--layer: %s: %w", path, err)
		}
	}
	if len(m.Inputs()) != 1 || len(m.Outputs()) != 1 {
		return modelError(fmt.Errorf("%s: %d inputs and %d outputs, but explain needs one image and one output", path, len(m.Inputs()), len(m.Outputs())))
	}
	in := m.Inputs()[0]
	layout, err := vision.LayoutOf(in)
	if err != nil {
		return inputError(fmt.Errorf("%s: %w", file, err))
	}
	img, err := decodeImage(file)
	if err != nil {
		return inputError(fmt.Errorf("%s: %w", file, err))
	}
	r := &input.Reader{Inputs: m.Inputs(), Preprocess: mode, Stdin: a.in}
	g, err := r.Read(ctx, file)
	if err != nil {
		return inputError(err)
	}
	x := g.Tensors[0]
	if x.DType != kerasrun.Float32 {
		return modelError(fmt.Errorf("%s: input %q is %v, but explain needs float32", path, in.Name, x.DType))
	}
	start := time.Now()
	o := heat.Occlusion{Patch: f.patch, Stride: f.stride, Batch: f.batch, ChannelsFirst: layout.ChannelsFirst}
	o.Settle(x.Shape)
	if in.Shape[0] > 0 {
		o.Batch, o.Fixed = in.Shape[0], true
	}
	s := &classScore{model: m, class: -1}
	if classGiven {
		s.class = f.class
	}
	base, err := s.whole(ctx, x, o)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if labels != nil && len(labels) != s.classes {
		return inputError(fmt.Errorf("%s: %d labels, but output %q has %d classes", f.labels, len(labels), m.Outputs()[0].Name, s.classes))
	}
	heatMap, how, none := kerasrun.Tensor{}, fmt.Sprintf("patch %d, stride %d", o.Patch, o.Stride), "no hidden square makes the score of class %d fall"
	if f.method == "occlusion" {
		heatMap, err = o.Map(ctx, x, base, s.scores)
	} else {
		none = "the score of class %d has no gradient that is positive"
		heatMap, base, how, err = f.gradientMap(ctx, s, x, o)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	picture, err := heat.Overlay(img, heatMap, f.alpha)
	if err != nil {
		return inputError(fmt.Errorf("%s: %w", file, err))
	}
	if f.raw != "" {
		if err := atomicfile.Write(f.raw, func(w io.Writer) error { return kerasrun.WriteNpy(w, heatMap) }); err != nil {
			return err
		}
	}
	if err := atomicfile.Write(f.output, func(w io.Writer) error { return png.Encode(w, picture) }); err != nil {
		return err
	}
	a.timed(start, "%s: explained", file)
	a.noteImages(r)
	if !slices.ContainsFunc(heatMap.Data.([]float32), func(v float32) bool { return v > 0 }) {
		a.note("%s: "+none+"; the picture has no colours", file, s.class)
	}
	name := ""
	if labels != nil {
		name = " (" + labels[s.class] + ")"
	}
	_, err = fmt.Fprintf(a.out, "%s: class %d%s, score %.4g, %s\n", f.output, s.class, name, base, how)
	return err
}

// batchOf repeats an image where the model has a fixed batch.
func batchOf(x kerasrun.Tensor, o heat.Occlusion) kerasrun.Tensor {
	if !o.Fixed || o.Batch == 1 {
		return x
	}
	shape := slices.Clone(x.Shape)
	shape[0] = o.Batch
	return kerasrun.Floats(slices.Repeat(x.Data.([]float32), o.Batch), shape...)
}

// gradientMap returns the map of gradcam or saliency, the score whose gradient it
// is, and what it was taken with respect to.
func (f *explainFlags) gradientMap(ctx context.Context, s *classScore, x kerasrun.Tensor, o heat.Occlusion) (m kerasrun.Tensor, score float32, how string, err error) {
	by := s.model.Inputs()[0].Name
	how = "input " + by
	if f.method == "gradcam" {
		if by = f.layer; by == "" {
			if by = lastConvolution(s.model); by == "" {
				return m, 0, "", modelError(fmt.Errorf("no convolutional layer with more than one cell; name one with --layer"))
			}
		}
		how = "layer " + by
	}
	g, err := s.model.PredictGradients(ctx, kerasrun.Score{Element: s.class, Logits: !f.outputScore}, []string{by}, batchOf(x, o))
	switch {
	case errors.Is(err, kerasrun.ErrNotFound):
		return m, 0, "", usageError(fmt.Errorf("--layer: %w", err))
	case err != nil:
		return m, 0, "", modelError(err)
	}
	score = float32(g.Scores.Float(s.class))
	if f.method == "saliency" {
		m, err = heat.Saliency(first(g.Of[by]), o.ChannelsFirst)
	} else {
		m, err = heat.GradCAM(first(g.Values[by]), first(g.Of[by]), o.ChannelsFirst)
	}
	if err != nil {
		return m, 0, "", modelError(fmt.Errorf("%s: %w", how, err))
	}
	return m, score, how, nil
}

// first is the first example of a batch, in float32.
func first(t kerasrun.Tensor) kerasrun.Tensor {
	data := t.Float32s()
	if len(t.Shape) == 0 || t.Shape[0] < 1 {
		return t
	}
	shape := slices.Clone(t.Shape)
	shape[0] = 1
	return kerasrun.Floats(data[:len(data)/t.Shape[0]], shape...)
}

// lastConvolution returns the path of the last layer that convolves images to more than one cell, or "".
func lastConvolution(m *kerasrun.Model) string {
	layers := m.Layers()
	for i := len(layers) - 1; i >= 0; i-- {
		l := layers[i]
		switch l.Class {
		case "Conv2D", "SeparableConv2D", "DepthwiseConv2D", "Conv2DTranspose":
			if len(l.Outputs) == 1 && len(l.Outputs[0].Shape) == 4 {
				// In either order of the axes, two dimensions of 1 besides the channels are a single cell.
				ones := 0
				for _, d := range l.Outputs[0].Shape[1:] {
					if d == 1 {
						ones++
					}
				}
				if ones < 2 {
					return l.Path
				}
			}
		}
	}
	return ""
}

func decodeImage(file string) (image.Image, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return vision.Decode(f, 0)
}

// A classScore reads the score of one class from a model's output.
type classScore struct {
	model   *kerasrun.Model
	class   int // -1 until the best one is known
	classes int
}

// whole returns the score of the image itself and settles the class.
func (s *classScore) whole(ctx context.Context, x kerasrun.Tensor, o heat.Occlusion) (float32, error) {
	out, n, err := s.run(ctx, batchOf(x, o))
	if err != nil {
		return 0, err
	}
	s.classes = n
	if s.class < 0 {
		s.class = 0
		for i, v := range out[:n] {
			if v > out[s.class] {
				s.class = i
			}
		}
	}
	if s.class >= n {
		return 0, usageError(fmt.Errorf("--class %d, but output %q has %d classes", s.class, s.model.Outputs()[0].Name, n))
	}
	return out[s.class], nil
}

// scores is a heat.Scorer.
func (s *classScore) scores(ctx context.Context, batch kerasrun.Tensor) ([]float32, error) {
	out, n, err := s.run(ctx, batch)
	if err != nil {
		return nil, err
	}
	scores := make([]float32, batch.Shape[0])
	for i := range scores {
		scores[i] = out[i*n+s.class]
	}
	return scores, nil
}

// run returns the scores of a batch, (batch, classes), and how many classes there are.
func (s *classScore) run(ctx context.Context, batch kerasrun.Tensor) ([]float32, int, error) {
	out, err := s.model.Predict(ctx, batch)
	if err != nil {
		return nil, 0, err
	}
	t := out[0]
	data, ok := t.Data.([]float32)
	if !ok || len(t.Shape) != 2 || t.Shape[0] != batch.Shape[0] || t.Shape[1] < 1 {
		return nil, 0, modelError(fmt.Errorf("output %q is %v %v, but explain needs float32 (batch, classes)", s.model.Outputs()[0].Name, t.DType, t.Shape))
	}
	return data, t.Shape[1], nil
}
