// Classify says what images show: of each the three classes with the best scores.
//
//	go run ./examples/classify testdata/images/digit_7.png
//	go run ./examples/classify -model examples/classify/photo.keras -preprocess tf examples/classify/china.png
//
// The digits model was trained by python/train_digits.py. Nobody trained photo.keras: it shows the way of a photograph
// through a keras.applications architecture, and its classes have no names.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision"
)

func main() {
	model := flag.String("model", "testdata/models/digits/model.keras", "`FILE` of a Keras model of images to classes")
	preprocess := flag.String("preprocess", "none", "what the model's preprocess_input does: `MODE` none, scale, tf, caffe or torch")
	flag.Parse()
	if err := run(os.Stdout, *model, *preprocess, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer, path, preprocess string, files []string) error {
	model, err := kerasrun.Load(path)
	if err != nil {
		return err
	}
	mode, err := vision.ParseMode(preprocess)
	if err != nil {
		return err
	}
	shape := model.Inputs()[0].Shape // batch, height, width, channels
	for _, file := range files {
		img, err := vision.LoadImage(file, shape[3])
		if err != nil {
			return err
		}
		x := vision.NewPixels(shape[1], shape[2], shape[3])
		if err := vision.Resize(x, img, vision.Resizing{Interpolation: vision.Bilinear, Antialias: true}); err != nil {
			return err
		}
		if err := vision.Preprocess(x, mode); err != nil {
			return err
		}
		out, err := model.Predict(context.Background(), kerasrun.Floats(x.Data, 1, x.H, x.W, x.C))
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s:", filepath.Base(file))
		scores := out[0].Float32s()
		for range min(3, len(scores)) {
			best := slices.Index(scores, slices.Max(scores))
			fmt.Fprintf(w, " class %d %.4f", best, scores[best])
			scores[best] = -1
		}
		fmt.Fprintln(w)
	}
	return nil
}
