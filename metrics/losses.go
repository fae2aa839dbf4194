package metrics

import (
	"fmt"
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A lossCall is one evaluation of a loss function. y and x have been brought to the ranks that the function wants.
type lossCall struct {
	LossOptions
	old  bool // Keras 2
	y, x array
	// valid is set by functions whose values do not all count.
	valid []float64
}

// same checks that true values and predictions have one shape.
func (c *lossCall) same() error {
	if !slices.Equal(c.y.shape, c.x.shape) {
		return fmt.Errorf("%w: true values %v, want %v as the predictions", graph.ErrShape, c.y.shape, c.x.shape)
	}
	return nil
}

// elementwise returns a loss that is the mean over the last axis of f(y, x).
func elementwise(f func(c *lossCall, y, x float64) float64) func(*lossCall) (array, error) {
	return func(c *lossCall) (array, error) {
		if err := c.same(); err != nil {
			return array{}, err
		}
		return meanOf(c.x.shape, -1, func(i int) float64 { return f(c, c.y.data[i], c.x.data[i]) })
	}
}

// linewise returns a loss that f computes of each line of the axis.
func linewise(f func(c *lossCall, line []int) float64) func(*lossCall) (array, error) {
	return func(c *lossCall) (array, error) {
		if err := c.same(); err != nil {
			return array{}, err
		}
		return reduce(c.x.shape, c.axis(), func(line []int) float64 { return f(c, line) })
	}
}

func squaredError(_ *lossCall, y, x float64) float64  { return (y - x) * (y - x) }
func absoluteError(_ *lossCall, y, x float64) float64 { return math.Abs(y - x) }
func percentageError(_ *lossCall, y, x float64) float64 {
	return 100 * math.Abs((y-x)/math.Max(math.Abs(y), epsilon))
}

func logarithmicError(_ *lossCall, y, x float64) float64 {
	d := math.Log(math.Max(x, epsilon)+1) - math.Log(math.Max(y, epsilon)+1)
	return d * d
}

func huberError(c *lossCall, y, x float64) float64 {
	e := math.Abs(x - y)
	if e <= c.Delta {
		return 0.5 * e * e
	}
	return c.Delta*e - 0.5*c.Delta*c.Delta
}

func logCosh(_ *lossCall, y, x float64) float64 {
	d := x - y
	return d + softplus(-2*d) - math.Ln2
}

func softplus(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func poissonError(_ *lossCall, y, x float64) float64 { return x - y*math.Log(x+epsilon) }

// hinges returns y as -1 and 1 where all of it is 0 and 1.
func hinges(f func(y, x float64) float64) func(*lossCall) (array, error) {
	return func(c *lossCall) (array, error) {
		binary := !slices.ContainsFunc(c.y.data, func(v float64) bool { return v != 0 && v != 1 })
		return elementwise(func(_ *lossCall, y, x float64) float64 {
			if binary {
				y = 2*y - 1
			}
			return f(y, x)
		})(c)
	}
}

func hingeError(y, x float64) float64        { return math.Max(1-y*x, 0) }
func squaredHingeError(y, x float64) float64 { h := hingeError(y, x); return h * h }

func categoricalHinge(c *lossCall, line []int) float64 {
	pos, neg := 0.0, math.Inf(-1)
	for _, i := range line {
		pos += c.y.data[i] * c.x.data[i]
		neg = math.Max(neg, (1-c.y.data[i])*c.x.data[i])
	}
	return math.Max(neg-pos+1, 0)
}

func klDivergence(c *lossCall, line []int) float64 {
	s := 0.0
	for _, i := range line {
		y, x := clip(c.y.data[i], epsilon, 1), clip(c.x.data[i], epsilon, 1)
		s += y * math.Log(y/x)
	}
	return s
}

func clip(v, lo, hi float64) float64 { return math.Min(math.Max(v, lo), hi) }

// cosine is the similarity, the negative of the loss.
func cosine(c *lossCall, line []int) float64 {
	yy, xx, yx := 0.0, 0.0, 0.0
	for _, i := range line {
		y, x := c.y.data[i], c.x.data[i]
		yy, xx, yx = yy+y*y, xx+x*x, yx+y*x
	}
	most := 1 / epsilon
	if c.old {
		most = 1e6 // TensorFlow's l2_normalize has 1e-12 below the root
	}
	return yx * math.Min(1/math.Sqrt(yy), most) * math.Min(1/math.Sqrt(xx), most)
}

func cosineLoss(c *lossCall, line []int) float64 { return -cosine(c, line) }

// crossentropy is -Σ y·log p of one line. p comes from logits, or from probabilities that are scaled to a sum of 1 and clipped.
func crossentropy(c *lossCall, line []int) float64 {
	logits := c.logits(false)
	n := float64(len(line))
	if !c.old {
		n = float64(c.y.last())
	}
	label := func(i int) float64 { return c.y.data[i]*(1-c.LabelSmoothing) + c.LabelSmoothing/n }
	s := 0.0
	if logits != nil {
		lse := logSumExp(logits, line)
		for _, i := range line {
			if y := label(i); y != 0 {
				s += y * (lse - logits[i])
			}
		}
		return s
	}
	total := 0.0
	for _, i := range line {
		total += c.x.data[i]
	}
	for _, i := range line {
		s -= label(i) * math.Log(clip(c.x.data[i]/total, epsilon, nearlyOne))
	}
	return s
}

// logits returns what a crossentropy is computed of when that is not the probabilities: the predictions where the option says so,
// or what the softmax (the sigmoid) that ends the model was computed of.
func (c *lossCall) logits(sigmoid bool) []float64 {
	if c.x.logits != nil && c.x.sigmoid == sigmoid {
		return c.x.logits
	}
	if c.FromLogits {
		return c.x.data
	}
	return nil
}

func logSumExp(v []float64, line []int) float64 {
	top := math.Inf(-1)
	for _, i := range line {
		top = math.Max(top, v[i])
	}
	if math.IsInf(top, 0) {
		return top
	}
	s := 0.0
	for _, i := range line {
		s += math.Exp(v[i] - top)
	}
	return top + math.Log(s)
}

func focalCrossentropy(c *lossCall, line []int) float64 {
	x := make([]float64, len(line))
	total := 0.0
	logits := c.FromLogits
	values := c.x.data
	if c.old && c.x.logits != nil && !c.x.sigmoid {
		values, logits = c.x.logits, true
	}
	lse := logSumExp(values, line)
	for k, i := range line {
		if x[k] = values[i]; logits {
			x[k] = math.Exp(x[k] - lse)
		}
		total += x[k]
	}
	n := float64(c.y.last())
	s := 0.0
	for k, i := range line {
		y := c.y.data[i]*(1-c.LabelSmoothing) + c.LabelSmoothing/n
		p := clip(x[k]/total, epsilon, nearlyOne)
		s -= y * math.Log(p) * c.Alpha.at(k) * math.Pow(1-p, c.Gamma)
	}
	return s
}

// sparseCrossentropy has whole numbers for true values: -log p of the class.
func sparseCrossentropy(c *lossCall) (array, error) {
	x, y := c.x, c.y
	if a := c.axis(); a != -1 && a != x.rank()-1 {
		return array{}, fmt.Errorf("%w: sparse_categorical_crossentropy over axis %d, Keras has the last one only", graph.ErrShape, a)
	}
	if y.rank() == x.rank() && y.last() == 1 {
		y = y.squeeze()
	}
	if !slices.Equal(y.shape, x.shape[:x.rank()-1]) {
		return array{}, fmt.Errorf("%w: true values %v, want %v: a class for each line of the predictions %v", graph.ErrShape, c.y.shape, x.shape[:x.rank()-1], x.shape)
	}
	logits := c.logits(false)
	if c.IgnoreClass != nil {
		c.valid = make([]float64, len(y.data))
		if !c.old && !c.FromLogits {
			logits = nil // Keras 3 has lost the softmax when it takes out what is ignored
		}
	}
	if logits == nil {
		logits = make([]float64, len(x.data))
		for i, v := range x.data {
			logits[i] = math.Log(clip(v, epsilon, nearlyOne))
		}
	}
	var wrong error
	k := -1
	out, err := reduce(x.shape, -1, func(line []int) float64 {
		k++
		class := y.data[k]
		if c.IgnoreClass != nil {
			if class == float64(*c.IgnoreClass) {
				return 0
			}
			c.valid[k] = 1
		}
		class = math.Trunc(class)
		if !(class >= 0 && class < float64(len(line))) {
			if wrong == nil {
				wrong = fmt.Errorf("%w: true value %d is %v, want a class from 0 to %d", graph.ErrShape, k, y.data[k], len(line)-1)
			}
			return math.NaN()
		}
		return logSumExp(logits, line) - logits[line[int(class)]]
	})
	if err == nil {
		err = wrong
	}
	return out, err
}

// binary returns the crossentropy of element i.
func (c *lossCall) binary(i int, y float64, logits []float64) float64 {
	if logits != nil {
		z := logits[i]
		return math.Max(z, 0) - z*y + math.Log1p(math.Exp(-math.Abs(z)))
	}
	p := clip(c.x.data[i], epsilon, nearlyOne)
	if c.old {
		// 1 - p + epsilon, whose constants TensorFlow's graphs add up first: in float32
		return -(y*math.Log(p+epsilon) + (1-y)*math.Log(onePlusEpsilon-p))
	}
	return -(y*math.Log(p) + (1-y)*math.Log(1-p))
}

func (c *lossCall) binaryLabel(i int) float64 {
	return c.y.data[i]*(1-c.LabelSmoothing) + 0.5*c.LabelSmoothing
}

func binaryCrossentropy(c *lossCall) (array, error) {
	if err := c.same(); err != nil {
		return array{}, err
	}
	logits := c.logits(true)
	return meanOf(c.x.shape, c.axis(), func(i int) float64 { return c.binary(i, c.binaryLabel(i), logits) })
}

func binaryFocalCrossentropy(c *lossCall) (array, error) {
	if err := c.same(); err != nil {
		return array{}, err
	}
	logits := c.logits(true)
	alpha := c.Alpha.at(0)
	return meanOf(c.x.shape, c.axis(), func(i int) float64 {
		y, p := c.binaryLabel(i), c.x.data[i]
		if c.FromLogits {
			p = 1 / (1 + math.Exp(-p))
		}
		f := math.Pow(1-(y*p+(1-y)*(1-p)), c.Gamma) * c.binary(i, y, logits)
		if c.ApplyClassBalancing {
			f *= y*alpha + (1-y)*(1-alpha)
		}
		return f
	})
}

func generalizedCrossentropy(c *lossCall) (array, error) {
	if !slices.Equal(c.y.shape, c.x.shape[:c.x.rank()-1]) {
		return array{}, fmt.Errorf("%w: true values %v, want %v: a class for each line of the predictions %v", graph.ErrShape, c.y.shape, c.x.shape[:c.x.rank()-1], c.x.shape)
	}
	k := -1
	return reduce(c.x.shape, -1, func(line []int) float64 {
		k++
		p := 0.0
		if y := int(c.y.data[k]); y >= 0 && y < len(line) {
			p = c.x.data[line[y]]
		}
		return (1 - math.Pow(p, c.Q)) / c.Q
	})
}

// overlap sums f over the axes of the options, all of them by default, and returns one minus what g makes of the sums.
func overlap(c *lossCall, sums int, f func(y, x float64, into []float64), g func(s []float64) float64) (array, error) {
	if err := c.same(); err != nil {
		return array{}, err
	}
	out, at, err := without(c.x.shape, c.Axis)
	if err != nil {
		return array{}, err
	}
	totals := make([][]float64, len(out.data))
	for i := range totals {
		totals[i] = make([]float64, sums)
	}
	for i := range c.x.data {
		f(c.y.data[i], c.x.data[i], totals[at(i)])
	}
	for i, s := range totals {
		out.data[i] = 1 - g(s)
	}
	return out, nil
}

// without returns an array of shape without axes, of none where axes is nil, and where element i of shape falls in it.
func without(shape []int, axes *axes) (array, func(i int) int, error) {
	drop := make([]bool, len(shape))
	for k := range drop {
		drop[k] = axes == nil
	}
	if axes != nil {
		for _, a := range *axes {
			if a < 0 {
				a += len(shape)
			}
			if a < 0 || a >= len(shape) {
				return array{}, nil, fmt.Errorf("%w: axis %d of %v", graph.ErrShape, a, shape)
			}
			drop[a] = true
		}
	}
	var rest []int
	for k, d := range shape {
		if !drop[k] {
			rest = append(rest, d)
		}
	}
	return newArray(rest...), func(i int) int {
		to, size := 0, 1
		for k := len(shape) - 1; k >= 0; k-- {
			j := i % shape[k]
			if i /= shape[k]; !drop[k] {
				to += j * size
				size *= shape[k]
			}
		}
		return to
	}, nil
}

func dice(c *lossCall) (array, error) {
	return overlap(c, 3,
		func(y, x float64, s []float64) { s[0] += y * x; s[1] += y; s[2] += x },
		func(s []float64) float64 { return 2 * s[0] / (s[1] + s[2] + epsilon) })
}

func tversky(c *lossCall) (array, error) {
	alpha := c.Alpha.at(0)
	return overlap(c, 3,
		func(y, x float64, s []float64) { s[0] += y * x; s[1] += (1 - x) * y; s[2] += x * (1 - y) },
		func(s []float64) float64 { return s[0] / (s[0] + s[1]*alpha + s[2]*c.Beta + epsilon) })
}

// circle compares all pairs of a batch of embeddings, (batch, dim), of the classes y.
func circle(c *lossCall) (array, error) {
	x, y := c.x, c.y
	if x.rank() != 2 || len(y.data) != x.shape[0] {
		return array{}, fmt.Errorf("%w: true values %v and predictions %v, want (batch) and (batch, dim)", graph.ErrShape, y.shape, x.shape)
	}
	n, dim := x.shape[0], x.shape[1]
	out := newArray(n)
	c.valid = make([]float64, n)
	all := make([]int, n)
	for j := range all {
		all[j] = j
	}
	positive, negative := make([]float64, n), make([]float64, n)
	for i := range n {
		for j := range n {
			dot := 0.0
			for k := range dim {
				dot += x.data[i*dim+k] * x.data[j*dim+k]
			}
			d := math.Max(1-dot, 0)
			positive[j], negative[j] = math.Inf(-1), math.Inf(-1)
			if math.Trunc(y.data[i]) != math.Trunc(y.data[j]) {
				negative[j] = c.Gamma * math.Max(1+c.Margin-d, 0) * (1 - c.Margin - d)
			} else if i != j || !c.RemoveDiagonal {
				positive[j] = -c.Gamma * math.Max(c.Margin+d, 0) * (c.Margin - d)
			}
		}
		out.data[i] = softplus(logSumExp(positive, all) + logSumExp(negative, all))
		if out.data[i] > 0 {
			c.valid[i] = 1
		}
	}
	return out, nil
}

// ctc is the negative log-likelihood of the labels y, (batch, length) and padded with 0, which is the blank too, under the logits
// (batch, time, classes): the sum over all alignments.
func ctc(c *lossCall) (array, error) {
	x, y := c.x, c.y
	if x.rank() != 3 || y.rank() != 2 || x.shape[0] != y.shape[0] {
		return array{}, fmt.Errorf("%w: true values %v and predictions %v, want (batch, length) and (batch, time, classes)", graph.ErrShape, y.shape, x.shape)
	}
	steps, classes, length := x.shape[1], x.shape[2], y.shape[1]
	out := newArray(x.shape[0])
	line := make([]int, classes)
	for b := range out.data {
		states := []int{0} // blank, label, blank, ..., blank
		count := 0
		for _, v := range y.data[b*length : (b+1)*length] {
			if v != 0 {
				count++
			}
		}
		for _, v := range y.data[b*length : b*length+count] {
			class := int(v)
			if class < 0 || class >= classes {
				return array{}, fmt.Errorf("%w: label %v, want 0 to %d", graph.ErrShape, v, classes-1)
			}
			states = append(states, class, 0)
		}
		alpha := make([]float64, len(states))
		for s := range alpha {
			alpha[s] = math.Inf(-1)
		}
		for t := range steps {
			for k := range line {
				line[k] = (b*steps+t)*classes + k
			}
			lse := logSumExp(x.data, line)
			next := make([]float64, len(states))
			for s, class := range states {
				var ways []float64
				switch {
				case t == 0 && s <= 1:
					ways = []float64{0}
				case t == 0:
					ways = []float64{math.Inf(-1)}
				default:
					ways = []float64{alpha[s]}
					if s > 0 {
						ways = append(ways, alpha[s-1])
					}
					if s > 1 && class != 0 && class != states[s-2] {
						ways = append(ways, alpha[s-2])
					}
				}
				next[s] = logSumExp(ways, []int{0, 1, 2}[:len(ways)]) + x.data[line[class]] - lse
			}
			alpha = next
		}
		ends := alpha[max(0, len(alpha)-2):]
		out.data[b] = -logSumExp(ends, []int{0, 1}[:len(ends)])
	}
	return out, nil
}
