package thirdparty

import (
	"fmt"
	"math"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// adaptivePooling pools so many spatial axes into windows, whose borders TensorFlow
// Addons computes in float32.
func adaptivePooling(f graph.ReduceFunc, axes int) layers.LayerFunc {
	return func(b *layers.LayerBuilder, config *keras.Value, in []graph.Value) ([]graph.Value, error) {
		var c struct {
			OutputSize *keras.Value `json:"output_size"`
			DataFormat *keras.Value `json:"data_format"`
		}
		if err := b.Decode(&c); err != nil {
			return nil, err
		}
		first := 1
		if format, _ := c.DataFormat.Str(); format == "channels_first" {
			first = 2
		}
		y := one(b, in)
		if b.Err() != nil {
			return nil, b.Err()
		}
		if y.Rank() != axes+2 {
			return nil, fmt.Errorf("%w: input is %v, want %d dimensions", graph.ErrShape, y.Shape, axes+2)
		}
		for i := range axes {
			n, ok := c.OutputSize.Int()
			if !ok && i < c.OutputSize.Len() {
				n, ok = c.OutputSize.Items()[i].Int()
			}
			size := y.Dim(first + i)
			if !ok || n < 1 || size < 1 || n > 1<<12 {
				return nil, fmt.Errorf("%w: output_size is %s for an input %v", graph.ErrAttr, c.OutputSize.JSON(), y.Shape)
			}
			step := float32(float64(size) / float64(n))
			windows := make([]graph.Value, n)
			for k := range windows {
				ranges := make([]graph.Range, y.Rank())
				for j := range ranges {
					ranges[j].Step = 1
				}
				ranges[first+i] = graph.Range{
					Start: int(float32(k) * step), HasStart: true,
					Stop: int(math.Ceil(float64((float32(k) + 1) * step))), HasStop: true, Step: 1,
				}
				windows[k] = b.Apply(graph.Reduce{Func: f, Axes: []int{first + i}, KeepDims: true}, b.Apply(graph.Slice{Ranges: ranges}, y))
			}
			y = b.Apply(graph.Concat{Axis: first + i}, windows...)
		}
		return []graph.Value{y}, b.Err()
	}
}

func stochasticDepth(b *layers.LayerBuilder, config *keras.Value, in []graph.Value) ([]graph.Value, error) {
	var c struct {
		Survival *float64           `json:"survival_probability"`
		Rate     *float64           `json:"rate"`
		DropPath keras.TrainingOnly `json:"drop_path_rate"`
		DropProb keras.TrainingOnly `json:"drop_prob"`
		Seed     keras.TrainingOnly `json:"seed"`
	}
	if err := b.Decode(&c); err != nil {
		return nil, err
	}
	pass := config.Has("drop_path_rate") || config.Has("drop_prob")
	switch {
	case len(in) == 1 && pass && c.Survival == nil && c.Rate == nil:
		return []graph.Value{b.Cast(in[0], b.DType())}, b.Err()
	case len(in) != 2 || pass:
		return nil, fmt.Errorf("%w: called on %d tensors with the config %s", keras.ErrUnsupported, len(in), config.JSON())
	}
	p := 0.0
	switch {
	case c.Survival != nil:
		p = *c.Survival
	case c.Rate != nil:
		p = 1 - *c.Rate
	default:
		return nil, must(config, "survival_probability")
	}
	x, y := b.Cast(in[0], b.DType()), b.Cast(in[1], b.DType())
	return []graph.Value{binary(b, graph.Add, x, binary(b, graph.Mul, y, b.Scalar(y.DType, p)))}, b.Err()
}

func dropPath(b *layers.LayerBuilder, _ *keras.Value, in []graph.Value) ([]graph.Value, error) {
	var c struct {
		Rate         keras.TrainingOnly `json:"rate"`
		DropRate     keras.TrainingOnly `json:"drop_rate"`
		DropProb     keras.TrainingOnly `json:"drop_prob"`
		DropPath     keras.TrainingOnly `json:"drop_path"`
		DropPathRate keras.TrainingOnly `json:"drop_path_rate"`
		Seed         keras.TrainingOnly `json:"seed"`
	}
	if err := b.Decode(&c); err != nil {
		return nil, err
	}
	return []graph.Value{one(b, in)}, b.Err()
}

func fixedDropout(b *layers.LayerBuilder, _ *keras.Value, in []graph.Value) ([]graph.Value, error) {
	var c struct {
		Rate       keras.TrainingOnly `json:"rate"`
		NoiseShape keras.TrainingOnly `json:"noise_shape"`
		Seed       keras.TrainingOnly `json:"seed"`
	}
	if err := b.Decode(&c); err != nil {
		return nil, err
	}
	x := one(b, in)
	if b.Err() != nil {
		return nil, b.Err()
	}
	return kept(b, in[0], x)
}

// selfAttention weighs the steps of a sequence for each of its steps:
//
//	additive        e = tanh(x·Wt + x'·Wx + bh)·Wa + ba
//	multiplicative  e = (x·Wa)·x' + ba
//	a = exp(e - max)/(Σ exp(e - max) + 1e-7), zero where masked or too far away
//	result = Σ a·x'
func selfAttention(b *layers.LayerBuilder, config *keras.Value, in []graph.Value) ([]graph.Value, error) {
	c := struct {
		Units       int                `json:"units"`
		Width       *float64           `json:"attention_width"`
		Type        string             `json:"attention_type"`
		Return      bool               `json:"return_attention"`
		History     bool               `json:"history_only"`
		AddBias     bool               `json:"use_additive_bias"`
		Bias        bool               `json:"use_attention_bias"`
		Activation  *keras.Value       `json:"attention_activation"`
		Regularizer keras.TrainingOnly `json:"attention_regularizer_weight"`
	}{Units: 32, Type: "additive", AddBias: true, Bias: true, Activation: keras.NewNull()}
	if err := b.Decode(&c); err != nil {
		return nil, err
	}
	x := one(b, in)
	if b.Err() != nil {
		return nil, b.Err()
	}
	d := x.Dim(-1)
	if c.Width != nil && *c.Width < 1 {
		return nil, fmt.Errorf("%w: attention_width is %v", keras.ErrUnsupported, *c.Width)
	}
	if x.Rank() != 3 || d < 1 || c.Units < 1 {
		return nil, fmt.Errorf("%w: attention of %d units over %v", graph.ErrShape, c.Units, x.Shape)
	}
	var e graph.Value
	switch c.Type {
	case "additive":
		q := b.Apply(graph.MatMul{}, x, b.Weight("Wt", d, c.Units))
		k := b.Apply(graph.MatMul{}, x, b.Weight("Wx", d, c.Units))
		q = b.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), graph.KeepDim(1), 1, c.Units}}, q)
		k = b.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), 1, graph.KeepDim(1), c.Units}}, k)
		h := binary(b, graph.Add, q, k)
		if c.AddBias {
			h = binary(b, graph.Add, h, b.Weight("bh", c.Units))
		}
		h = b.Apply(graph.Activation{Func: graph.Tanh}, h)
		e = b.Apply(graph.Reduce{Func: graph.ReduceSum, Axes: []int{-1}}, b.Apply(graph.MatMul{}, h, b.Weight("Wa", c.Units, 1))) // of one element
	case "multiplicative":
		e = b.Apply(graph.MatMul{}, b.Apply(graph.MatMul{}, x, b.Weight("Wa", d, d)), b.Apply(graph.Transpose{Perm: []int{0, 2, 1}}, x))
	default:
		return nil, fmt.Errorf("%w: attention_type %q", keras.ErrUnsupported, c.Type)
	}
	if c.Bias {
		e = binary(b, graph.Add, e, b.Weight("ba", 1))
	}
	e = b.Activate(c.Activation, e)
	last := graph.Reduce{Func: graph.ReduceMax, Axes: []int{-1}, KeepDims: true}
	e = b.Apply(graph.Unary{Func: graph.Exp}, binary(b, graph.Sub, e, b.Apply(last, e)))
	if c.Width != nil || c.History {
		e = binary(b, graph.Mul, e, b.Cast(b.Apply(window(c.Width, c.History), e), e.DType))
	}
	mask, masked := b.Mask(in[0])
	if masked {
		m := b.Cast(mask, e.DType)
		e = binary(b, graph.Mul, e, b.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), graph.KeepDim(1), 1}}, m))
		e = binary(b, graph.Mul, e, b.Apply(graph.Reshape{Dims: []int{graph.KeepDim(0), 1, graph.KeepDim(1)}}, m))
	}
	last.Func = graph.ReduceSum
	a := binary(b, graph.Div, e, binary(b, graph.Add, b.Apply(last, e), b.Scalar(e.DType, 1e-7)))
	out := []graph.Value{b.Apply(graph.MatMul{}, a, x)}
	if masked {
		out[0] = b.Masked(out[0], mask)
	}
	if c.Return {
		out = append(out, a)
	}
	return out, b.Err()
}

// window is the band of steps that attention of a width looks at, of the earlier ones alone.
func window(width *float64, history bool) graph.Band {
	const far = 1 << 24 // steps: no limit
	if width == nil || *width > far {
		if history {
			return graph.Band{Below: -1}
		}
		return graph.Band{Below: -1, Above: -1}
	}
	w := int(*width)
	if history {
		return graph.Band{Below: w - 1}
	}
	return graph.Band{Below: w / 2, Above: (w - 1) / 2}
}
