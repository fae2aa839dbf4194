package kerasrun_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision"
)

func Example() {
	model, err := kerasrun.Load("testdata/models/digits/model.keras")
	if err != nil {
		log.Fatal(err)
	}
	img, err := vision.LoadImage("testdata/images/digit_7.png", 1) // 32 x 32, as the model takes it
	if err != nil {
		log.Fatal(err)
	}
	outputs, err := model.Predict(context.Background(), kerasrun.Floats(img.Data, 1, 32, 32, 1))
	if err != nil {
		log.Fatal(err)
	}
	for digit, score := range outputs[0].Float32s() {
		if score > 0.5 {
			fmt.Printf("%d, %.1f%%\n", digit, 100*score)
		}
	}
	// Output: 7, 100.0%
}

func ExampleLoad() {
	model, err := kerasrun.Load("testdata/models/digits/model.keras")
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	for _, in := range model.Inputs() {
		fmt.Println("takes", in.DType, in.Shape)
	}
	for _, out := range model.Outputs() {
		fmt.Println("gives", out.DType, out.Shape)
	}
	// Output:
	// takes float32 (None, 32, 32, 1)
	// gives float32 (None, 10)
}

func ExampleLoadFS() {
	// With a variable of type embed.FS, the model is part of the program.
	model, err := kerasrun.LoadFS(os.DirFS("testdata/models"), "digits/model.keras")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(model.File().Format, "of Keras", model.File().Keras)
	// Output: Keras archive (.keras) of Keras 3.15.1
}

func ExampleModel_NewSession() {
	model, err := kerasrun.Load("testdata/models/dense/model.keras")
	if err != nil {
		log.Fatal(err)
	}
	session, err := model.NewSession(kerasrun.Shape{2, 7})
	if err != nil {
		log.Fatal(err)
	}
	in := []kerasrun.Tensor{kerasrun.Floats(make([]float32, 14), 2, 7)}
	out := session.Outputs()
	for range 3 { // allocates nothing
		if err := session.Run(context.Background(), in, out); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(out[0].Shape)
	// Output: (2, 5)
}

func ExampleModel_PredictLayers() {
	model, err := kerasrun.Load("testdata/models/digits/model.keras")
	if err != nil {
		log.Fatal(err)
	}
	x := kerasrun.Floats(make([]float32, 32*32), 1, 32, 32, 1)
	_, layers, err := model.PredictLayers(context.Background(), []string{"conv2d", "flatten"}, x)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(layers["conv2d"].Shape, layers["flatten"].Shape)
	// Output: (1, 30, 30, 32) (1, 2048)
}

func ExampleSession_State() {
	model, err := kerasrun.Load("testdata/models/lstm_stateful/model.keras")
	if err != nil {
		log.Fatal(err)
	}
	session, err := model.NewSession(kerasrun.Shape{4, 5, 7})
	if err != nil {
		log.Fatal(err)
	}
	in, out := []kerasrun.Tensor{kerasrun.Floats(make([]float32, 4*5*7), 4, 5, 7)}, session.Outputs()
	run := func() float32 {
		if err := session.Run(context.Background(), in, out); err != nil {
			log.Fatal(err)
		}
		return out[0].Float32s()[0]
	}
	first, second := run(), run() // of the same input
	session.State().Reset()
	fmt.Println(first == second, first == run())
	// Output: false true
}
