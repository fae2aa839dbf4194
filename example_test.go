package kerasrun_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/kerasrun/kerasrun"
)

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
