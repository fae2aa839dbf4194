package main

import (
	"math/rand/v2"

	"github.com/kerasrun/kerasrun"
)

// randomInputs returns uniform inputs of the given shapes. Integers must stay
// within the rows of the embeddings that they index; strings are empty.
func randomInputs(m *kerasrun.Model, shapes []kerasrun.Shape, seed uint64) []kerasrun.Tensor {
	rows := 0
	for _, w := range m.Weights() {
		if w.Name == "embeddings" && len(w.Shape) > 0 && (rows == 0 || w.Shape[0] < rows) {
			rows = w.Shape[0]
		}
	}
	if rows == 0 {
		rows = 2
	}
	r := rand.New(rand.NewPCG(seed, 0))
	var in []kerasrun.Tensor
	for i, about := range m.Inputs() {
		n, _ := shapes[i].Elems() // the plan has checked it
		if about.DType == kerasrun.String {
			in = append(in, kerasrun.Tensor{DType: kerasrun.String, Shape: shapes[i], Data: make([]string, n)})
			continue
		}
		data := make([]float32, n)
		for k := range data {
			switch {
			case about.DType.Floating():
				data[k] = r.Float32()
			case about.DType == kerasrun.Bool:
				data[k] = float32(r.IntN(2))
			default:
				data[k] = float32(r.IntN(limitOf(about.DType, rows)))
			}
		}
		t := kerasrun.Floats(data, shapes[i]...)
		if about.DType != kerasrun.Float32 {
			t = t.Cast(about.DType)
		}
		in = append(in, t)
	}
	return in
}

// limitOf keeps n within the integers of a type.
func limitOf(d kerasrun.DType, n int) int {
	if d.Size() == 1 {
		return min(n, 128)
	}
	if d.Size() == 2 {
		return min(n, 1<<15)
	}
	return n
}
