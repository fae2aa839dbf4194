// Embed is one file that reads handwritten digits: the model is part of the program.
//
//	go build ./examples/embed && ./embed < testdata/images/digit_7.png
//
// For another system, without a compiler of C: GOOS=windows GOARCH=amd64 go build ./examples/embed. The model was
// trained by python/train_digits.py --small.
package main

import (
	"context"
	"embed"
	"fmt"
	"io"
	"log"
	"os"
	"slices"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision"
)

//go:embed digits.keras
var files embed.FS

func main() {
	if err := run(os.Stdout, os.Stdin); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer, picture io.Reader) error {
	model, err := kerasrun.LoadFS(files, "digits.keras")
	if err != nil {
		return err
	}
	img, err := vision.Decode(picture, 0)
	if err != nil {
		return err
	}
	pixels, err := vision.FromImage(img, 1)
	if err != nil {
		return err
	}
	x := vision.NewPixels(32, 32, 1)
	if err := vision.Resize(x, pixels, vision.Resizing{Interpolation: vision.Bilinear, Antialias: true}); err != nil {
		return err
	}
	out, err := model.Predict(context.Background(), kerasrun.Floats(x.Data, 1, 32, 32, 1))
	if err != nil {
		return err
	}
	scores := out[0].Float32s()
	best := slices.Max(scores)
	_, err = fmt.Fprintf(w, "%d (%.2f%%)\n", slices.Index(scores, best), 100*best)
	return err
}
