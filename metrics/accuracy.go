package metrics

import (
	"fmt"
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

func sqrt(x float64) float64 { return math.Sqrt(x) }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// exactMatches is 1 where predictions are the true values.
func exactMatches(_ MetricOptions, _ bool, y, x array) (array, error) {
	y, x, err := alike(y, x)
	out := newArray(x.shape...)
	if err == nil {
		for i := range out.data {
			out.data[i] = truth(y.data[i] == x.data[i])
		}
	}
	return out, err
}

func binaryMatches(o MetricOptions, _ bool, y, x array) (array, error) {
	threshold := 0.5
	if o.Threshold != nil {
		threshold = float64(float32(*o.Threshold))
	}
	above := newArray(x.shape...)
	for i, v := range x.data {
		above.data[i] = truth(v > threshold)
	}
	return exactMatches(o, false, y, above)
}

func categoricalMatches(o MetricOptions, old bool, y, x array) (array, error) {
	if !slices.Equal(y.shape, x.shape) {
		return array{}, fmt.Errorf("%w: true values %v, want %v as the predictions", graph.ErrShape, y.shape, x.shape)
	}
	classes, err := y.argmax()
	if err != nil {
		return array{}, err
	}
	return sparseMatches(o, old, classes, x)
}

// sparseMatches is 1 where the class y has the largest score.
func sparseMatches(_ MetricOptions, _ bool, y, x array) (array, error) {
	best, err := x.argmax()
	if err != nil {
		return array{}, err
	}
	shape := y.shape
	if y.rank() == x.rank() && y.last() == 1 {
		y = y.squeeze()
	}
	if !slices.Equal(y.shape, best.shape) {
		return array{}, fmt.Errorf("%w: true values %v, want %v: a class for each line of the predictions %v", graph.ErrShape, shape, best.shape, x.shape)
	}
	for i := range best.data {
		best.data[i] = truth(best.data[i] == y.data[i])
	}
	if best.rank() > 1 && best.last() == 1 {
		best = best.squeeze()
	}
	return best, nil
}

func topKMatches(o MetricOptions, old bool, y, x array) (array, error) {
	if !slices.Equal(y.shape, x.shape) {
		return array{}, fmt.Errorf("%w: true values %v, want %v as the predictions", graph.ErrShape, y.shape, x.shape)
	}
	classes, err := y.argmax()
	if err != nil {
		return array{}, err
	}
	return sparseTopKMatches(o, old, classes, x)
}

// sparseTopKMatches is 1 where fewer than k classes have a larger score than the class y; scores that are not finite match none.
func sparseTopKMatches(o MetricOptions, _ bool, y, x array) (array, error) {
	n := x.last()
	if x.rank() < 2 || len(y.data)*n != len(x.data) {
		return array{}, fmt.Errorf("%w: true values %v, want %v: a class for each line of the predictions %v", graph.ErrShape, y.shape, x.shape[:max(x.rank()-1, 0)], x.shape)
	}
	out := newArray(y.shape...)
	for i, v := range y.data {
		out.data[i] = truth(inTopK(x.data[i*n:(i+1)*n], v, o.K, o.FromSortedIDs))
	}
	return out, nil
}

func inTopK(scores []float64, class float64, k int, ids bool) bool {
	if ids {
		return slices.Contains(scores[:min(k, len(scores))], class)
	}
	class = math.Trunc(class)
	if !(class >= 0 && class < float64(len(scores))) {
		return false
	}
	at := scores[int(class)]
	larger := 0
	for _, s := range append([]float64{at}, scores...) {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return false
		}
		if s > at {
			larger++
		}
		if larger > k {
			break
		}
	}
	return larger < k
}

func optionAxis(o MetricOptions) int {
	l := LossOptions{Axis: o.Axis}
	return l.axis()
}

func cosineSimilarity(o MetricOptions, old bool, y, x array) (array, error) {
	y, x, err := alike(y, x)
	if err != nil {
		return array{}, err
	}
	c := &lossCall{old: old, y: y, x: x}
	return reduce(x.shape, optionAxis(o), func(line []int) float64 { return cosine(c, line) })
}

func rootMeanSquaredError(_ MetricOptions, old bool) (accumulator, error) {
	return &meanOver{old: old, root: true, values: func(y, x array) (array, []float64, error) {
		y, x, err := alike(y, x)
		out := newArray(x.shape...)
		if err == nil {
			for i := range out.data {
				out.data[i] = squaredError(nil, y.data[i], x.data[i])
			}
		}
		return out, nil, err
	}}, nil
}

// moments returns the mean and the variance of the elements of a line.
func moments(v []float64, line []int) (mean, variance float64) {
	for _, i := range line {
		mean += v[i]
	}
	mean /= float64(len(line))
	for _, i := range line {
		variance += (v[i] - mean) * (v[i] - mean)
	}
	return mean, variance / float64(len(line))
}

func pearson(o MetricOptions, _ bool, y, x array) (array, error) {
	y, x, err := alike(y, x)
	if err != nil {
		return array{}, err
	}
	return reduce(x.shape, optionAxis(o), func(line []int) float64 {
		my, vy := moments(y.data, line)
		mx, vx := moments(x.data, line)
		s := 0.0
		for _, i := range line {
			s += (y.data[i] - my) / math.Sqrt(vy) * ((x.data[i] - mx) / math.Sqrt(vx))
		}
		return s / float64(len(line))
	})
}

// concordance is Keras's, which takes the mean of the predictions from the true values too.
func concordance(o MetricOptions, _ bool, y, x array) (array, error) {
	y, x, err := alike(y, x)
	if err != nil {
		return array{}, err
	}
	return reduce(x.shape, optionAxis(o), func(line []int) float64 {
		my, vy := moments(y.data, line)
		mx, vx := moments(x.data, line)
		s := 0.0
		for _, i := range line {
			s += 2 * (y.data[i] - mx) * (x.data[i] - mx) / (vy + vx + (my-mx)*(my-mx) + epsilon)
		}
		return s / float64(len(line))
	})
}
