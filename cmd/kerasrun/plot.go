package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/heat"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/input"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/picture"
	"github.com/kerasrun/kerasrun/plot"
	"github.com/kerasrun/kerasrun/vision"
)

// plotFlags are the flags of plot.
type plotFlags struct {
	model  modelFlags
	output outputFlags
	look   plot.Options
	scale  float64

	filters            bool
	activations, layer string
	preprocess         string
}

// plotFormats are what a graph can be written as; the first is the default.
var plotFormats = []string{"txt", "svg", "png", "dot", "mermaid"}

func (a *app) plotCommand() *cobra.Command {
	f := &plotFlags{}
	c := &cobra.Command{
		Use:   "plot MODEL",
		Short: "Draw the graph of a model",
		Long: `Plot draws the layers of a model, what flows between them and its shape, with the
options that shape a layer and its number of parameters. Models inside the model
are boxes; normalizations, activations and the like stand in the box of the layer
that feeds them; a tall drawing is cut into columns. Of an architecture JSON the
weights are not needed.

The ending of -o says how: svg, png, txt (with the lines of a terminal), dot (for
Graphviz) or mermaid (also .mmd). Without -o the drawing is text.

With --filters it shows the filters of the first convolution as a contact sheet,
and with --activations IMAGE the maps that this layer makes of an image; --layer
names another one. Both are PNGs. The image is read and resized as by predict.`,
		Example: `  kerasrun plot model.keras -o model.svg
  kerasrun plot model.keras -o model.png --dark --scale 3
  kerasrun plot resnet50.json -o resnet50.svg --columns 4
  kerasrun plot model.keras --filters -o filters.png
  kerasrun plot model.keras --activations photo.jpg --layer conv2d_3 -o maps.png
  kerasrun plot model.keras`,
		Args: arguments(1, 1, "MODEL"),
		RunE: func(c *cobra.Command, args []string) error { return a.plot(c.Context(), args[0], f) },
	}
	f.output.add(c, plotFormats...)
	c.Flags().BoolVar(&f.look.Dark, "dark", false, "light on dark, in svg and png")
	c.Flags().BoolVar(&f.look.Flat, "flat", false, "a box for each layer, activations and normalizations too")
	c.Flags().BoolVar(&f.look.Collapse, "collapse", false, "draw models inside the model as single layers")
	c.Flags().BoolVar(&f.look.NoShapes, "no-shapes", false, "leave out the shapes beside the lines")
	c.Flags().IntVar(&f.look.Columns, "columns", 0, "most columns of a tall drawing (default: as the form of the picture asks)")
	c.Flags().Float64Var(&f.scale, "scale", 2, "pixels of a png for each of the drawing")
	c.Flags().BoolVar(&f.filters, "filters", false, "show the filters of a convolution instead")
	c.Flags().StringVar(&f.activations, "activations", "", "show what a layer makes of the `IMAGE` instead")
	c.Flags().StringVar(&f.layer, "layer", "", "`PATH` of the layer of --filters or --activations (default: the first convolution)")
	c.Flags().StringVar(&f.preprocess, "preprocess", "none", "`MODE` for the image of --activations: none, scale, tf, caffe or torch")
	c.Flags().StringVar(&f.model.weights, "weights", "", "`FILE` with the weights of an architecture JSON, for --filters and --activations")
	c.Flags().BoolVar(&f.model.unknownKeys, "allow-unknown-keys", false, "load layers with config keys that kerasrun does not know")
	c.Flags().BoolVar(&f.model.thirdParty, "third-party", false, "load layer classes of widespread packages (docs/THIRD_PARTY.md)")
	return c
}

func (f *plotFlags) check() error {
	arrays := f.filters || f.activations != ""
	switch {
	case f.filters && f.activations != "":
		return fmt.Errorf("--filters and --activations are two pictures; want one of them")
	case f.layer != "" && !arrays:
		return fmt.Errorf("--layer is of --filters and --activations")
	case arrays && f.output.format == "" && (f.output.path == "" || strings.EqualFold(filepath.Ext(f.output.path), ".png")):
		f.output.format = "png"
	case arrays && f.output.format != "png":
		return fmt.Errorf("--filters and --activations make a png; want -o FILE.png")
	}
	if f.output.format == "" && f.output.path != "" && f.output.path != "-" {
		switch ext := strings.TrimPrefix(strings.ToLower(filepath.Ext(f.output.path)), "."); {
		case ext == "mmd":
			f.output.format = "mermaid"
		case ext == "gv":
			f.output.format = "dot"
		case !slices.Contains(plotFormats, ext):
			return fmt.Errorf("-o %s: the ending says no format; want one of %s, or --format", f.output.path, strings.Join(plotFormats, ", "))
		}
	}
	if err := f.output.settle(plotFormats...); err != nil {
		return err
	}
	switch {
	case f.look.Columns < 0:
		return fmt.Errorf("--columns %d, want 1 or more", f.look.Columns)
	case arrays && f.output.path == "":
		return fmt.Errorf("--filters and --activations want -o FILE.png")
	case !(f.scale > 0 && f.scale <= 16):
		return fmt.Errorf("--scale %v, want more than 0 and at most 16", f.scale)
	}
	return nil
}

func (a *app) plot(ctx context.Context, path string, f *plotFlags) error {
	if err := f.check(); err != nil {
		return usageError(err)
	}
	if f.filters || f.activations != "" {
		return a.plotArrays(ctx, path, f)
	}
	src, err := kerasrun.OpenArchitecture(path, f.model.options()...)
	if err != nil {
		return modelError(err)
	}
	defer src.Close()
	a.warn(path, src.Info)
	g, err := plot.New(src.Arch, src.Program, f.look)
	if err != nil {
		return modelError(fmt.Errorf("%s: %w", path, err))
	}
	return a.write(f.output, func(w io.Writer) error {
		switch f.output.format {
		case "svg":
			return g.WriteSVG(w)
		case "png":
			img, err := picture.Render(g.Draw(), f.scale)
			if err != nil {
				return usageError(err)
			}
			return writePNG(w, img)
		case "dot":
			return g.WriteDOT(w)
		case "mermaid":
			return g.WriteMermaid(w)
		}
		return g.WriteText(w)
	})
}

// writePNG writes an image, whole or not at all.
func writePNG(w io.Writer, img image.Image) error {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// plotArrays draws the filters of a layer or its results for an image.
func (a *app) plotArrays(ctx context.Context, path string, f *plotFlags) error {
	mode, err := vision.ParseMode(f.preprocess)
	if err != nil {
		return usageError(fmt.Errorf("--preprocess %q, want none, scale, tf, caffe or torch", f.preprocess))
	}
	m, err := a.load(path, f.model)
	if err != nil {
		return err
	}
	defer m.Close()
	sheet := &picture.Sheet{Dark: f.look.Dark, Columns: f.look.Columns}
	if f.filters {
		err = a.filters(m, f.layer, sheet)
	} else {
		err = a.activations(ctx, m, f.layer, f.activations, mode, sheet)
	}
	if err != nil {
		return err
	}
	img, err := sheet.Draw()
	if err != nil {
		return usageError(err)
	}
	return a.write(f.output, func(w io.Writer) error { return writePNG(w, img) })
}

// Most tiles of a contact sheet.
const mostTiles = 1024

// filters shows the kernels of a convolution: of each filter one tile, in colour
// where it has three channels, else one tile for each channel.
func (a *app) filters(m *kerasrun.Model, layer string, sheet *picture.Sheet) error {
	classes := map[string]string{}
	for _, l := range m.Layers() {
		classes[l.Path] = l.Class
	}
	if layer != "" {
		if _, err := findLayer(m, layer); err != nil {
			return err
		}
	}
	weights := m.Weights()
	k := slices.IndexFunc(weights, func(w kerasrun.Weight) bool {
		return (layer == "" || w.Layer == layer) && len(w.Shape) == 4 && (w.Name == "kernel" || w.Name == "depthwise_kernel") && w.DType.Floating()
	})
	switch {
	case k < 0 && layer != "":
		return usageError(fmt.Errorf("layer %q (%s) has no kernel with two dimensions to show", layer, classes[layer]))
	case k < 0:
		return modelError(fmt.Errorf("%s: no layer has filters with two dimensions", m.File().Name))
	}
	w := weights[k]
	values, err := m.WeightValues()
	if err != nil {
		return err
	}
	t := values[k]
	h, wide, in, out := w.Shape[0], w.Shape[1], w.Shape[2], w.Shape[3]
	// The offset of channel c of filter n: (h, w, in, out), of transposed convolutions (h, w, out, in), of depthwise ones a filter for each pair.
	at := func(n, c int) int { return c*out + n }
	step := in * out
	switch {
	case w.Name == "depthwise_kernel":
		at = func(n, _ int) int { return n }
		in, out = 1, in*out
	case strings.HasSuffix(classes[w.Layer], "Transpose"):
		in, out = out, in
		at = func(n, c int) int { return n*in + c }
	}
	plane := func(n, c int) []float32 {
		data := make([]float32, h*wide)
		for p := range data {
			data[p] = float32(t.Float(p*step + at(n, c)))
		}
		return data
	}
	for n := range out {
		if in == 3 {
			data := make([]float32, 3*h*wide)
			for c := range 3 {
				for p, v := range plane(n, c) {
					data[3*p+c] = v
				}
			}
			sheet.Tiles = append(sheet.Tiles, picture.Tile{Image: picture.RGB(data, h, wide), Caption: strconv.Itoa(n)})
			continue
		}
		for c := range in {
			caption := strconv.Itoa(n)
			if in > 1 {
				caption += "." + strconv.Itoa(c)
			}
			if len(sheet.Tiles) < mostTiles {
				sheet.Tiles = append(sheet.Tiles, picture.Tile{Image: picture.Map(plane(n, c), h, wide, picture.Gray), Caption: caption})
			}
		}
	}
	if in != 3 && in > 1 && sheet.Columns == 0 {
		sheet.Columns = min(in, 32)
	}
	if in != 3 && in*out > mostTiles {
		a.note("%s: the first %d of %d planes are shown", w.Layer, mostTiles, in*out)
	}
	sheet.Title = w.Layer
	channels := "1 channel"
	if in != 1 {
		channels = fmt.Sprint(in, " channels")
	}
	sheet.Facts = fmt.Sprintf("%d filters %d×%d of %s; each from its least weight, black, to its greatest", out, h, wide, channels)
	return nil
}

// activations shows what a layer makes of an image: a tile for each channel.
func (a *app) activations(ctx context.Context, m *kerasrun.Model, layer, file string, mode vision.Mode, sheet *picture.Sheet) error {
	if len(m.Inputs()) != 1 {
		return modelError(fmt.Errorf("%s: %d inputs, but --activations needs one image", m.File().Name, len(m.Inputs())))
	}
	first, err := input.ChannelsFirst(m.Inputs()[0])
	if err != nil {
		return inputError(fmt.Errorf("%s: %w", file, err))
	}
	info, err := mapLayer(m, layer)
	if err != nil {
		return err
	}
	r := &input.Reader{Inputs: m.Inputs(), Preprocess: mode, Stdin: a.in}
	g, err := r.Read(ctx, file)
	if err != nil {
		return inputError(err)
	}
	_, results, err := m.PredictLayers(ctx, []string{info.Path}, g.Tensors...)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	t := results[info.Path]
	if len(t.Shape) != 4 || t.Len() == 0 || !t.DType.Floating() {
		return usageError(fmt.Errorf("layer %q (%s) gives %v %v, but --activations shows maps: (batch, height, width, channels)", info.Path, info.Class, t.DType, t.Shape))
	}
	h, w, c := t.Shape[1], t.Shape[2], t.Shape[3]
	channel, pixel := 1, c
	if first {
		c, h, w = t.Shape[1], t.Shape[2], t.Shape[3]
		channel, pixel = h*w, 1
	}
	for n := range min(c, mostTiles) {
		data := make([]float32, h*w)
		for p := range data {
			data[p] = float32(t.Float(n*channel + p*pixel))
		}
		sheet.Tiles = append(sheet.Tiles, picture.Tile{Image: picture.Map(data, h, w, heat.Colour), Caption: strconv.Itoa(n)})
	}
	if c > mostTiles {
		a.note("%s: the first %d of %d channels are shown", info.Path, mostTiles, c)
	}
	sheet.Title = info.Path
	sheet.Facts = fmt.Sprintf("%s, %d maps %d×%d of %s; each from its least value, black, to its greatest, yellow", info.Class, c, h, w, filepath.Base(file))
	a.noteImages(r)
	return nil
}

// mapLayer finds the layer whose results are shown: the named one, or the first convolution.
func mapLayer(m *kerasrun.Model, layer string) (kerasrun.LayerInfo, error) {
	if layer != "" {
		return findLayer(m, layer)
	}
	for _, l := range m.Layers() {
		if strings.Contains(l.Class, "Conv") && len(l.Outputs) > 0 && len(l.Outputs[0].Shape) == 4 {
			return l, nil
		}
	}
	return kerasrun.LayerInfo{}, usageError(fmt.Errorf("the model has no layer of two-dimensional convolution; name a layer with --layer"))
}

// findLayer finds a layer by its path. An unknown one is wrong usage, with the names that are near.
func findLayer(m *kerasrun.Model, path string) (kerasrun.LayerInfo, error) {
	var paths []string
	for _, l := range m.Layers() {
		if l.Path == path {
			return l, nil
		}
		paths = append(paths, l.Path)
	}
	return kerasrun.LayerInfo{}, usageError(fmt.Errorf("the model has no layer %q%s", path, didYouMean(path, paths)))
}
