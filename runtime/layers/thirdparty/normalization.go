package thirdparty

import (
	"fmt"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// one returns the single input of a layer as a floating value of its compute dtype.
func one(b *layers.LayerBuilder, in []graph.Value) graph.Value {
	if len(in) != 1 {
		b.Failf("%w: %d inputs, want 1", graph.ErrShape, len(in))
		return graph.Value{ID: -1}
	}
	return b.Cast(in[0], b.DType())
}

// kept is the result y of a layer that hands on the mask of its input x.
func kept(b *layers.LayerBuilder, x, y graph.Value) ([]graph.Value, error) {
	if mask, ok := b.Mask(x); ok {
		y = b.Masked(y, mask)
	}
	return []graph.Value{y}, b.Err()
}

func binary(b *layers.LayerBuilder, f graph.BinaryFunc, x, y graph.Value) graph.Value {
	return b.Apply(graph.Binary{Func: f}, x, y)
}

// must checks that a config has keys by which its class is told from others of the name.
func must(config *keras.Value, keys ...string) error {
	for _, k := range keys {
		if !config.Has(k) {
			return fmt.Errorf("%w: its config lacks the key %q, so that it is none of the known classes of this name", keras.ErrUnsupported, k)
		}
	}
	return nil
}

// axis resolves an axis, which must be known and not the batch.
func axis(b *layers.LayerBuilder, x graph.Value, a int) int {
	n := x.Rank()
	if a < 0 {
		a += n
	}
	if b.Err() == nil && (a < 1 || a >= n || x.Dim(a) < 1) {
		b.Failf("%w: axis %d of %v", graph.ErrAttr, a, x.Shape)
	}
	return a
}

// along gives weights of one dimension the shape that broadcasts to x along axis a.
func along(b *layers.LayerBuilder, w, x graph.Value, a int) graph.Value {
	if b.Err() != nil {
		return w
	}
	dims := make([]int, x.Rank()-a)
	for i := range dims {
		dims[i] = 1
	}
	dims[0] = w.Dim(0)
	return b.Apply(graph.Reshape{Dims: dims}, w)
}

func instanceNormalization(b *layers.LayerBuilder, config *keras.Value, in []graph.Value) ([]graph.Value, error) {
	if config.Has("groups") {
		return addonsGroupNormalization(b, config.With("groups", keras.NewInt(-1)), in)
	}
	if err := must(config, "axis", "epsilon", "center", "scale"); err != nil {
		return nil, err
	}
	var c struct {
		Axis    *int    `json:"axis"`
		Epsilon float64 `json:"epsilon"`
		Center  bool    `json:"center"`
		Scale   bool    `json:"scale"`
	}
	if err := b.Decode(&c); err != nil {
		return nil, err
	}
	x := one(b, in)
	if b.Err() != nil {
		return nil, b.Err()
	}
	a, size := -1, 1
	if c.Axis != nil {
		a = axis(b, x, *c.Axis)
		size = x.Dim(a)
	}
	var over []int
	for i := 1; i < x.Rank(); i++ {
		if i != a {
			over = append(over, i)
		}
	}
	if len(over) == 0 {
		return nil, fmt.Errorf("%w: nothing to normalize in %v", graph.ErrShape, x.Shape)
	}
	mean := graph.Reduce{Func: graph.ReduceMean, Axes: over, KeepDims: true}
	y := binary(b, graph.Sub, x, b.Apply(mean, x))
	deviation := b.Apply(graph.Unary{Func: graph.Sqrt}, b.Apply(mean, b.Apply(graph.Unary{Func: graph.Square}, y)))
	y = binary(b, graph.Div, y, binary(b, graph.Add, deviation, b.Scalar(y.DType, c.Epsilon)))
	broadcast := func(w graph.Value) graph.Value {
		if a < 0 {
			return w
		}
		return along(b, w, x, a)
	}
	if c.Scale {
		y = binary(b, graph.Mul, y, broadcast(b.Weight("gamma", size)))
	}
	if c.Center {
		y = binary(b, graph.Add, y, broadcast(b.Weight("beta", size)))
	}
	return kept(b, in[0], y)
}

func addonsGroupNormalization(b *layers.LayerBuilder, config *keras.Value, in []graph.Value) ([]graph.Value, error) {
	c := struct {
		Groups  int     `json:"groups"`
		Axis    int     `json:"axis"`
		Epsilon float64 `json:"epsilon"`
		Center  bool    `json:"center"`
		Scale   bool    `json:"scale"`
	}{Groups: 2, Axis: -1, Epsilon: 1e-3, Center: true, Scale: true}
	if err := b.Decode(&c); err != nil {
		return nil, err
	}
	x := one(b, in)
	a := axis(b, x, c.Axis)
	if b.Err() != nil {
		return nil, b.Err()
	}
	size := x.Dim(a)
	if groups, _ := config.Get("groups").Int(); groups == -1 {
		c.Groups = size
	}
	operands := []graph.Value{}
	if c.Scale {
		operands = append(operands, b.Weight("gamma", size))
	}
	if c.Center {
		operands = append(operands, b.Weight("beta", size))
	}
	last := x.Rank() - 1
	var there, back []int // the channels to the last place and back
	for i := range x.Rank() {
		if i != a {
			there = append(there, i)
		}
		switch {
		case i == a:
			back = append(back, last)
		case i < a:
			back = append(back, i)
		default:
			back = append(back, i-1)
		}
	}
	y := x
	if a != last {
		y = b.Apply(graph.Transpose{Perm: append(there, a)}, y)
	}
	y = b.Apply(graph.GroupNorm{Groups: c.Groups, Epsilon: c.Epsilon, Scale: c.Scale, Center: c.Center}, append([]graph.Value{y}, operands...)...)
	if a != last {
		y = b.Apply(graph.Transpose{Perm: back}, y)
	}
	return kept(b, in[0], y)
}

func scale(b *layers.LayerBuilder, config *keras.Value, in []graph.Value) ([]graph.Value, error) {
	if err := must(config, "axis", "momentum"); err != nil {
		return nil, err
	}
	var c struct {
		Axis     int                `json:"axis"`
		Momentum keras.TrainingOnly `json:"momentum"`
	}
	if err := b.Decode(&c); err != nil {
		return nil, err
	}
	x := one(b, in)
	a := axis(b, x, c.Axis)
	if b.Err() != nil {
		return nil, b.Err()
	}
	gamma, beta := b.Weight("gamma", x.Dim(a)), b.Weight("beta", x.Dim(a))
	y := binary(b, graph.Mul, x, along(b, gamma, x, a))
	return kept(b, in[0], binary(b, graph.Add, y, along(b, beta, x, a)))
}

func localResponse(b *layers.LayerBuilder, config *keras.Value, in []graph.Value) ([]graph.Value, error) {
	key := "depth_radius"
	if !config.Has(key) {
		key = "radius"
	}
	if err := must(config, key, "bias", "alpha", "beta"); err != nil {
		return nil, err
	}
	var c struct {
		DepthRadius int     `json:"depth_radius"`
		Radius      int     `json:"radius"`
		Bias        float64 `json:"bias"`
		Alpha       float64 `json:"alpha"`
		Beta        float64 `json:"beta"`
	}
	if err := b.Decode(&c); err != nil {
		return nil, err
	}
	x, radius := one(b, in), c.DepthRadius+c.Radius
	if b.Err() != nil {
		return nil, b.Err()
	}
	n := x.Dim(-1)
	if x.Rank() != 4 || n < 1 || n > 1<<12 || radius < 0 || radius > 1<<12 {
		return nil, fmt.Errorf("%w: response normalization of %v over %d channels", graph.ErrShape, x.Shape, radius)
	}
	window := graph.NewTensor(x.DType, graph.Shape{n, n})
	for i := range n {
		for j := max(0, i-radius); j <= min(n-1, i+radius); j++ {
			window.SetFloat(i*n+j, 1)
		}
	}
	sum := b.Apply(graph.MatMul{}, b.Apply(graph.Unary{Func: graph.Square}, x), b.Const(window))
	base := binary(b, graph.Add, binary(b, graph.Mul, sum, b.Scalar(x.DType, c.Alpha)), b.Scalar(x.DType, c.Bias))
	return []graph.Value{binary(b, graph.Div, x, binary(b, graph.Pow, base, b.Scalar(x.DType, c.Beta)))}, b.Err()
}
