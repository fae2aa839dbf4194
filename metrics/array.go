package metrics

import (
	"fmt"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A Tensor is a dense array in row-major order: see [graph.Tensor].
type Tensor = graph.Tensor

// A Prediction is what a model returned for a batch of examples.
type Prediction struct {
	Values Tensor // (batch, ...)
	// Logits is what the softmax over the last axis, or with Sigmoid the sigmoid, was computed of that made Values, in the same
	// shape, or nil. Keras goes back to it in crossentropies, where probabilities that are 0 in float32 have lost their digits.
	Logits  *Tensor
	Sigmoid bool
	// Mask is the mask that Keras hangs on the output, (batch, time), or nil: steps where it is false do not count.
	Mask *Tensor
}

// float32 arithmetic of Keras that matters at the edges of crossentropies.
const (
	epsilon        = float64(float32(1e-7))     // keras.config.epsilon()
	nearlyOne      = float64(float32(1 - 1e-7)) // the largest probability after clipping
	onePlusEpsilon = float64(float32(1 + 1e-7))
)

// An array holds elements as numbers. logits are those of a Prediction, while the array still has its shape.
type array struct {
	shape   []int
	data    []float64
	logits  []float64
	sigmoid bool
}

func newArray(shape ...int) array {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return array{shape: slices.Clone(shape), data: make([]float64, n)}
}

// numbers reads the elements of t, rounded to float32 as Keras casts them.
func numbers(t Tensor) (array, error) {
	if err := t.Check(); err != nil {
		return array{}, err
	}
	if t.DType == graph.String {
		return array{}, fmt.Errorf("%w: strings, want numbers", graph.ErrDType)
	}
	a := newArray(t.Shape...)
	for i := range a.data {
		a.data[i] = float64(float32(t.Float(i)))
	}
	return a, nil
}

// read reads true values and predictions, which need the same number of examples.
func read(yTrue Tensor, p Prediction) (y, x array, err error) {
	if y, err = numbers(yTrue); err != nil {
		return y, x, fmt.Errorf("true values: %w", err)
	}
	if x, err = numbers(p.Values); err != nil {
		return y, x, fmt.Errorf("predictions: %w", err)
	}
	if len(y.shape) == 0 || len(x.shape) == 0 || y.shape[0] != x.shape[0] {
		return y, x, fmt.Errorf("%w: true values %v, predictions %v: want the same number of examples", graph.ErrShape, yTrue.Shape, p.Values.Shape)
	}
	if p.Logits != nil {
		l, err := numbers(*p.Logits)
		if err != nil {
			return y, x, fmt.Errorf("logits: %w", err)
		}
		if !slices.Equal(l.shape, x.shape) {
			return y, x, fmt.Errorf("%w: logits %v, predictions %v", graph.ErrShape, l.shape, x.shape)
		}
		x.logits, x.sigmoid = l.data, p.Sigmoid
	}
	return y, x, nil
}

func (a array) rank() int { return len(a.shape) }

// last is the size of the last axis, 1 for a number.
func (a array) last() int {
	if len(a.shape) == 0 {
		return 1
	}
	return a.shape[len(a.shape)-1]
}

func (a array) sum() float64 {
	s := 0.0
	for _, v := range a.data {
		s += v
	}
	return s
}

// expand adds a last axis of 1.
func (a array) expand() array {
	a.shape = append(slices.Clone(a.shape), 1)
	return a
}

// squeeze drops a last axis of 1, and with it the logits, as Keras loses them.
func (a array) squeeze() array {
	a.shape, a.logits = a.shape[:len(a.shape)-1], nil
	return a
}

// sameRank is Keras 3's squeeze_or_expand_to_same_rank: where ranks differ by one, an axis of 1 goes, or is added to a vector.
func sameRank(a, b array, expandVectors bool) (array, array) {
	switch {
	case a.rank() == b.rank()+1 && a.last() == 1:
		if b.rank() == 1 && expandVectors {
			return a, b.expand()
		}
		return a.squeeze(), b
	case b.rank() == a.rank()+1 && b.last() == 1:
		if a.rank() == 1 && expandVectors {
			return a.expand(), b
		}
		return a, b.squeeze()
	}
	return a, b
}

// alike brings y and x to one shape, or says that they have none in common.
func alike(y, x array) (array, array, error) {
	y, x = sameRank(y, x, true)
	if !slices.Equal(y.shape, x.shape) {
		return y, x, fmt.Errorf("%w: true values %v, want %v as the predictions", graph.ErrShape, y.shape, x.shape)
	}
	return y, x, nil
}

// An axis walks the elements along one axis of a shape: element j of line (o, i) is at (o·n + j)·inner + i.
type axis struct {
	outer, n, inner int
	rest            []int // the shape without the axis
}

func axisOf(shape []int, at int) (axis, error) {
	k := at
	if k < 0 {
		k += len(shape)
	}
	if k < 0 || k >= len(shape) {
		return axis{}, fmt.Errorf("%w: axis %d of %v", graph.ErrShape, at, shape)
	}
	a := axis{outer: 1, n: shape[k], inner: 1, rest: slices.Delete(slices.Clone(shape), k, k+1)}
	for _, d := range shape[:k] {
		a.outer *= d
	}
	for _, d := range shape[k+1:] {
		a.inner *= d
	}
	return a, nil
}

// reduce calls f with the indices of each line along an axis of shape, and returns what it says in the shape without the axis.
func reduce(shape []int, at int, f func(line []int) float64) (array, error) {
	a, err := axisOf(shape, at)
	if err != nil {
		return array{}, err
	}
	out := newArray(a.rest...)
	line := make([]int, a.n)
	for o := range a.outer {
		for i := range a.inner {
			for j := range line {
				line[j] = (o*a.n+j)*a.inner + i
			}
			out.data[o*a.inner+i] = f(line)
		}
	}
	return out, nil
}

// meanOf is a reduce that takes the mean of f over each line.
func meanOf(shape []int, at int, f func(i int) float64) (array, error) {
	return reduce(shape, at, func(line []int) float64 {
		s := 0.0
		for _, i := range line {
			s += f(i)
		}
		return s / float64(len(line))
	})
}

// argmax returns the index of the first largest element of each line of the last axis.
func (a array) argmax() (array, error) { return a.argmaxAlong(-1) }

func (a array) argmaxAlong(at int) (array, error) {
	return reduce(a.shape, at, func(line []int) float64 {
		best := 0
		for j, i := range line {
			if a.data[i] > a.data[line[best]] {
				best = j
			}
		}
		return float64(best)
	})
}

// safeDivide is 0 where the divisor is 0.
func safeDivide(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
