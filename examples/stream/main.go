// Stream listens to a door's bell, an eighth of a second at a time, with a model that remembers what it heard (Conv1D and
// a stateful LSTM, python/train_audio.py). High then low is ding-dong, the other dong-ding.
//
//	go run ./examples/stream examples/stream/model.keras heard.png < examples/stream/doorbell.wav
package main

import (
	"context"
	"flag"
	"fmt"
	"image"
	"image/draw"
	"io"
	"log"
	"os"
	"slices"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision/overlay"
)

// The model answers for each 128 of the 2000 samples of a second, and takes two such steps at a time.
const rate, step, header = 2000, 128, 44

var names = []string{"nothing", "ding-dong", "dong-ding"}

func main() {
	flag.Parse()
	if err := run(os.Stdout, flag.Arg(0), os.Stdin, flag.Arg(1)); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer, path string, sound io.Reader, output string) error {
	model, err := kerasrun.Load(path)
	if err != nil {
		return err
	}
	session, err := model.NewSession(kerasrun.Shape{1, 2 * step, 1}) // its LSTM remembers from run to run
	if err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, sound, header); err != nil {
		return err
	}
	picture := image.NewNRGBA(image.Rect(0, 0, 20*3*rate/step, 80)) // 20 seconds, 3 pixels a step
	draw.Draw(picture, picture.Rect, image.White, image.Point{}, draw.Src)
	samples, x, last := make([]byte, 2*step), 0, 0
	for _, err = io.ReadFull(sound, samples); err == nil; _, err = io.ReadFull(sound, samples) {
		scores, err := hear(session, samples)
		if err != nil {
			return err
		}
		for i := range 2 {
			three, loud := scores[3*i:3*i+3], int(slices.Max(samples[i*step:][:step]))-128
			heard := slices.Index(three, slices.Max(three))
			c := overlay.Colour(heard + 7) // black, and two others
			if heard != 0 && heard != last {
				fmt.Fprintf(w, "%5.2f s  %s\n", float64(x*step)/rate, names[heard])
				overlay.Label(picture, 3*x, 0, names[heard], c)
			}
			draw.Draw(picture, image.Rect(3*x, 48-loud/4, 3*x+2, 49+loud/4), image.NewUniform(c), image.Point{}, draw.Src)
			x, last = x+1, heard
		}
	}
	if err != io.EOF && err != io.ErrUnexpectedEOF { // of less than two steps, which are left out
		return err
	}
	return overlay.WritePNG(output, picture)
}

// hear returns the scores of two steps of 8-bit samples, three for each.
func hear(session *kerasrun.Session, samples []byte) ([]float32, error) {
	x, out := kerasrun.Floats(make([]float32, len(samples)), 1, len(samples), 1), session.Outputs()
	for i, s := range samples {
		x.Data.([]float32)[i] = (float32(s) - 128) / 127
	}
	return out[0].Float32s(), session.Run(context.Background(), []kerasrun.Tensor{x}, out)
}
