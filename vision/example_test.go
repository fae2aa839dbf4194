package vision_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log"

	"github.com/kerasrun/kerasrun/vision"
)

func Example() {
	// A file of 4 x 2 pixels, red on the left and blue on the right.
	picture := image.NewRGBA(image.Rect(0, 0, 4, 2))
	for i := range 8 {
		picture.Set(i%4, i/4, map[bool]color.Color{true: color.RGBA{R: 255, A: 255}, false: color.RGBA{B: 255, A: 255}}[i%4 < 2])
	}
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		log.Fatal(err)
	}

	img, err := vision.Decode(&file, 0)
	if err != nil {
		log.Fatal(err)
	}
	x, err := vision.FromImage(img, 3)
	if err != nil {
		log.Fatal(err)
	}
	y := vision.NewPixels(1, 2, 3)
	if err := vision.Resize(y, x, vision.Resizing{Interpolation: vision.Bilinear, Antialias: true}); err != nil {
		log.Fatal(err)
	}
	if err := vision.Preprocess(y, vision.TF); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.1f\n", y.Data)
	// Output: [0.7 -1.0 -0.7 -0.7 -1.0 0.7]
}

func ExampleSuppress() {
	anchors, err := vision.Grid{Rows: 1, Columns: 2, Height: 32, Width: 64, Sizes: []vision.Size{{Height: 20, Width: 40}}}.Anchors()
	if err != nil {
		log.Fatal(err)
	}
	deltas := []float32{ // of the model's box head: y, x, h, w for each anchor
		0, 2, 0, 0,
		0, -1, 0, 0,
	}
	boxes, err := vision.DecodeBoxes(deltas, anchors, [4]float32{0.1, 0.1, 0.2, 0.2})
	if err != nil {
		log.Fatal(err)
	}
	scores := []float32{ // of its class head, for each anchor: cat, dog
		0.1, 0.9,
		0.2, 0.7,
	}
	found, err := vision.Detections(boxes, scores, 2, 0.15)
	if err != nil {
		log.Fatal(err)
	}
	kept, err := vision.Suppress(found, vision.Suppression{Overlap: 0.3})
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range kept {
		fmt.Println([]string{"cat", "dog"}[d.Class], d.Score, d.Box.Clip(32, 64))
	}
	// Output:
	// dog 0.9 {6 4 26 44}
	// cat 0.2 {6 24 26 64}
}

func ExampleLetterbox() {
	photo, input := vision.NewPixels(480, 640, 3), vision.NewPixels(64, 64, 3)
	place, err := vision.Letterbox(input, photo, vision.Resizing{Interpolation: vision.Bilinear, FillValue: 127.5})
	if err != nil {
		log.Fatal(err)
	}
	found := vision.Box{Top: 8, Left: 0, Bottom: 32, Right: 32} // by the model, in its input
	fmt.Println(place.Back(found), "in the photo")
	// Output: {0 0 240 320} in the photo
}

func ExampleTiled() {
	large := vision.NewPixels(100, 150, 3)
	scores := vision.NewPixels(100, 150, 2)
	tiles := 0
	err := vision.Tiled(scores, large, vision.Tiling{Height: 64, Width: 64, Overlap: 16}, func(result, tile vision.Pixels) error {
		tiles++ // here the model fills result.Data, 64 x 64 x 2, from tile.Data, 64 x 64 x 3
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	mask, err := vision.ArgMax(scores)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tiles, "tiles,", len(mask), "pixels")
	// Output: 6 tiles, 15000 pixels
}
