package metrics

import (
	"fmt"
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A Confusion counts which class was predicted for which, and where the true class stood among the scores. It belongs to one
// goroutine.
type Confusion struct {
	// Counts[t*Classes+p] is how many examples of class t were taken for class p.
	Counts  []int64
	Classes int
	// Bins are the examples by the confidence of the prediction, in equal parts of 0 to 1.
	Bins []Bin
	// Probabilities says that all scores were: 0 to 1, and with several classes a sum of 1.
	Probabilities bool

	ranks []int64 // examples by the number of classes with a larger score than the true one
}

// A Bin is the examples of some range of confidence.
type Bin struct {
	Examples          int64
	Right, Confidence float64 // sums
}

// calibrationBins is as many as is usual for the expected calibration error.
const calibrationBins = 15

// NewConfusion returns a matrix of that many classes, 2 for a model with one score.
func NewConfusion(classes int) *Confusion {
	return &Confusion{Classes: classes, Counts: make([]int64, classes*classes), Bins: make([]Bin, calibrationBins), Probabilities: true, ranks: make([]int64, classes)}
}

// Classes returns the true classes of a batch, from whole numbers (batch) or (batch, 1), or from rows with a 1 for the class, and
// the number of classes of scores (batch, classes), or (batch, 1) for two. ok is false where they are not those of a classification.
func Classes(yTrue, scores Tensor) (classes []int, n int, ok bool) {
	y, x, err := read(yTrue, Prediction{Values: scores})
	if err != nil || x.rank() != 2 || x.last() < 1 {
		return nil, 0, false
	}
	n = max(x.last(), 2)
	batch := x.shape[0]
	switch {
	case len(y.data) == batch:
		for _, v := range y.data {
			if v != math.Trunc(v) || v < 0 || v >= float64(n) {
				return nil, 0, false
			}
			classes = append(classes, int(v))
		}
	case y.rank() == 2 && y.last() == n && x.last() == n:
		for i := range batch {
			row := y.data[i*n : (i+1)*n]
			one := slices.Index(row, 1)
			if one < 0 || sumOf(row)[0] != 1 || slices.Min(row) < 0 {
				return nil, 0, false
			}
			classes = append(classes, one)
		}
	default:
		return nil, 0, false
	}
	return classes, n, true
}

// Add counts a batch: the true classes and the scores (batch, classes), or (batch, 1), the score of class 1. With logits, the
// scores are not yet probabilities.
func (c *Confusion) Add(classes []int, scores Tensor, logits bool) error {
	x, err := numbers(scores)
	if err != nil {
		return err
	}
	if x.rank() != 2 || x.shape[0] != len(classes) || max(x.last(), 2) != c.Classes {
		return fmt.Errorf("%w: scores %v, want (%d, %d)", graph.ErrShape, x.shape, len(classes), c.Classes)
	}
	for i, t := range classes {
		if t < 0 || t >= c.Classes {
			return fmt.Errorf("%w: class %d, want 0 to %d", graph.ErrShape, t, c.Classes-1)
		}
		c.add(t, x.data[i*x.last():(i+1)*x.last()], logits)
	}
	return nil
}

func (c *Confusion) add(t int, row []float64, logits bool) {
	p := make([]float64, c.Classes)
	switch {
	case len(row) == 1:
		s := row[0]
		if logits {
			s = 1 / (1 + math.Exp(-s))
		}
		p[0], p[1] = 1-s, s
	case logits:
		all := make([]int, len(row))
		for i := range all {
			all[i] = i
		}
		lse := logSumExp(row, all)
		for k, v := range row {
			p[k] = math.Exp(v - lse)
		}
	default:
		copy(p, row)
	}
	best, larger, sum := 0, int64(0), 0.0
	for k, v := range p {
		if v > p[best] {
			best = k
		}
		if v > p[t] {
			larger++
		}
		if sum += v; !(v >= 0 && v <= 1) {
			c.Probabilities = false
		}
	}
	if !(math.Abs(sum-1) < 1e-3) {
		c.Probabilities = false
	}
	if len(row) == 1 && p[1] > 0.5 {
		best = 1
	}
	c.Counts[t*c.Classes+best]++
	c.ranks[larger]++
	at := clip(math.Ceil(p[best]*calibrationBins)-1, 0, calibrationBins-1)
	if math.IsNaN(at) {
		at = 0
	}
	b := &c.Bins[int(at)]
	b.Examples++
	b.Right += truth(best == t)
	b.Confidence += p[best]
}

// Examples is how many were counted.
func (c *Confusion) Examples() int64 {
	n := int64(0)
	for _, v := range c.Counts {
		n += v
	}
	return n
}

// Accuracy is the part of the examples whose class was predicted.
func (c *Confusion) Accuracy() float64 {
	right := int64(0)
	for k := range c.Classes {
		right += c.Counts[k*c.Classes+k]
	}
	return safeDivide(float64(right), float64(c.Examples()))
}

// TopK is the part of the examples for whose class fewer than k have a larger score.
func (c *Confusion) TopK(k int) float64 {
	n := int64(0)
	for _, v := range c.ranks[:min(max(k, 0), len(c.ranks))] {
		n += v
	}
	return safeDivide(float64(n), float64(c.Examples()))
}

// CalibrationError is the expected calibration error: how far confidence and accuracy are apart, the mean over the examples by
// bins of confidence. It means something only where scores are probabilities.
func (c *Confusion) CalibrationError() float64 {
	s := 0.0
	for _, b := range c.Bins {
		s += math.Abs(b.Right - b.Confidence)
	}
	return safeDivide(s, float64(c.Examples()))
}

// A ClassScore is how well one class is told from the others. What has no examples is 0.
type ClassScore struct {
	Precision float64 `json:"precision"` // right, of those predicted to be of the class
	Recall    float64 `json:"recall"`    // right, of those of the class
	F1        float64 `json:"f1"`
	Support   int64   `json:"support"` // examples of the class
}

// PerClass returns the scores of each class.
func (c *Confusion) PerClass() []ClassScore {
	out := make([]ClassScore, c.Classes)
	for k := range out {
		var predicted int64
		for t := range c.Classes {
			predicted += c.Counts[t*c.Classes+k]
			out[k].Support += c.Counts[k*c.Classes+t]
		}
		right := float64(c.Counts[k*c.Classes+k])
		s := &out[k]
		s.Precision, s.Recall = safeDivide(right, float64(predicted)), safeDivide(right, float64(s.Support))
		s.F1 = safeDivide(2*s.Precision*s.Recall, s.Precision+s.Recall)
	}
	return out
}

// Means returns the mean of the classes' scores, each class counting alike (macro) or by its support (weighted).
func (c *Confusion) Means() (macro, weighted ClassScore) {
	n := float64(c.Examples())
	for _, s := range c.PerClass() {
		for _, m := range []struct {
			into *ClassScore
			part float64
		}{{&macro, 1 / float64(c.Classes)}, {&weighted, safeDivide(float64(s.Support), n)}} {
			m.into.Precision += m.part * s.Precision
			m.into.Recall += m.part * s.Recall
			m.into.F1 += m.part * s.F1
			m.into.Support += s.Support
		}
	}
	return macro, weighted
}
