// Segment lays a colour over each disc, square and triangle of an image, with a U-Net. An image larger than the model's
// input is predicted in tiles, whose seams are blended. The model was trained by python/train_segmenter.py.
//
//	go run ./examples/segment examples/segment/model.keras examples/segment/large.png mask.png
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"image/color"
	"io"
	"log"
	"os"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision"
	"github.com/kerasrun/kerasrun/vision/overlay"
)

const side = 64 // of the model's input

var (
	kinds   = []string{"ground", "disc", "square", "triangle"}
	colours = []color.NRGBA{{}, {230, 159, 0, 190}, {86, 180, 233, 190}, {0, 158, 115, 190}}
)

func main() {
	flag.Parse()
	if err := run(os.Stdout, flag.Arg(0), flag.Arg(1), flag.Arg(2)); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer, path, file, output string) error {
	model, err := kerasrun.Load(path)
	if err != nil {
		return err
	}
	img, err := vision.LoadImage(file, 3)
	if err != nil {
		return err
	}
	all, err := scores(model, img)
	if err != nil {
		return err
	}
	mask, err := vision.ArgMax(all)
	if err != nil {
		return err
	}
	for k, kind := range kinds {
		fmt.Fprintf(w, "%-8s %4.1f%% of the image\n", kind, 100*float64(bytes.Count(mask, []byte{byte(k)}))/float64(len(mask)))
	}
	picture, err := vision.Image(img)
	if err != nil {
		return err
	}
	if err := overlay.Mask(picture, mask, colours); err != nil {
		return err
	}
	return overlay.WritePNG(output, picture)
}

// scores returns the model's four scores for each pixel of img.
func scores(model *kerasrun.Model, img vision.Pixels) (vision.Pixels, error) {
	all := vision.NewPixels(img.H, img.W, len(kinds))
	tiling := vision.Tiling{Height: side, Width: side, Overlap: side / 2}
	err := vision.Tiled(all, img, tiling, func(result, tile vision.Pixels) error {
		out, err := model.Predict(context.Background(), kerasrun.Floats(tile.Data, 1, side, side, 3))
		if err != nil {
			return err
		}
		copy(result.Data, out[0].Float32s())
		return nil
	})
	return all, err
}
