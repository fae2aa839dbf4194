// Detect draws boxes around the discs, squares and triangles of an image, by the detector of python/train_detector.py.
//
//	go run ./examples/detect examples/detect/model.keras examples/detect/scene.png found.png
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision"
	"github.com/kerasrun/kerasrun/vision/overlay"
)

var names = []string{"disc", "square", "triangle"}

const side = 64 // of the model's input

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
	found, err := find(model, img, 0.5)
	if err != nil {
		return err
	}
	for _, d := range found {
		fmt.Fprintf(w, "%-8s %.3f at %.0f\n", names[d.Class], d.Score, d.Box)
	}
	picture, err := vision.Image(img)
	if err != nil {
		return err
	}
	overlay.Detections(picture, found, names)
	return overlay.WritePNG(output, picture)
}

// find returns what the model sees in an image of any size, the best first, in pixels of the image.
func find(model *kerasrun.Model, img vision.Pixels, least float32) ([]vision.Detection, error) {
	x := vision.NewPixels(side, side, 3)
	place, err := vision.Letterbox(x, img, vision.Resizing{Interpolation: vision.Bilinear, Antialias: true, FillValue: 127.5})
	if err != nil {
		return nil, err
	}
	out, err := model.Predict(context.Background(), kerasrun.Floats(x.Data, 1, side, side, 3))
	if err != nil {
		return nil, err
	}
	fine, _ := vision.Grid{Rows: 16, Columns: 16, Height: side, Width: side, Sizes: []vision.Size{{Height: 12, Width: 12}, {Height: 17, Width: 17}}}.Anchors()
	coarse, _ := vision.Grid{Rows: 8, Columns: 8, Height: side, Width: side, Sizes: []vision.Size{{Height: 22, Width: 22}, {Height: 27, Width: 27}}}.Anchors()
	boxes, err := vision.DecodeBoxes(out[0].Float32s(), append(fine, coarse...), [4]float32{0.1, 0.1, 0.2, 0.2})
	if err != nil {
		return nil, err
	}
	for i, b := range boxes {
		boxes[i] = place.Back(b).Clip(float32(img.H), float32(img.W))
	}
	found, err := vision.Detections(boxes, out[1].Float32s(), len(names), least)
	if err != nil {
		return nil, err
	}
	return vision.Suppress(found, vision.Suppression{Overlap: 0.45})
}
