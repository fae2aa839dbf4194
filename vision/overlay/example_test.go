package overlay_test

import (
	"fmt"
	"log"

	"github.com/kerasrun/kerasrun/vision"
	"github.com/kerasrun/kerasrun/vision/overlay"
)

func ExampleDetections() {
	picture, err := vision.Image(vision.NewPixels(48, 64, 3)) // black; else what vision.LoadImage returns
	if err != nil {
		log.Fatal(err)
	}
	overlay.Detections(picture, []vision.Detection{
		{Box: vision.Box{Top: 20, Left: 8, Bottom: 40, Right: 50}, Class: 1, Score: 0.9},
	}, []string{"cat", "dog"})
	fmt.Println(picture.NRGBAAt(8, 30) == overlay.Colour(1)) // overlay.WritePNG would store the picture
	// Output: true
}
