package graph

import (
	"fmt"
	"slices"
)

// BatchNorm is gamma·(x - mean)/√(variance + Epsilon) + beta with stored statistics.
//
//	operands  x, gamma (if Scale), beta (if Center), mean, variance
//
// The weights have the dimensions of Axes, in their order; usually that is the
// last axis alone.
type BatchNorm struct {
	Axes          []int
	Epsilon       float64
	Scale, Center bool
}

// Infer implements [Op].
func (b BatchNorm) Infer(in []Type) ([]Type, error) {
	return normInfer(in, b.Axes, 3, b.Scale, b.Center)
}

// LayerNorm normalizes each sample over Axes.
//
//	operands  x, gamma (if Scale), beta (if Center)
//
// Mean: (x - mean)/√(variance + Epsilon). RMSScaling divides by √(variance +
// Epsilon) without centring, as Keras's rms_scaling does; RMS divides by
// √(mean(x²) + Epsilon) (Zhang and Sennrich, 2019).
type LayerNorm struct {
	Axes          []int
	Epsilon       float64
	Kind          LayerNormKind
	Scale, Center bool
}

// LayerNormKind says what LayerNorm divides by and whether it centres.
type LayerNormKind string

// The kinds of layer normalization.
const (
	NormMean       LayerNormKind = "mean"
	NormRMSScaling LayerNormKind = "rms_scaling"
	NormRMS        LayerNormKind = "rms"
)

// Infer implements [Op].
func (l LayerNorm) Infer(in []Type) ([]Type, error) {
	if !slices.Contains([]LayerNormKind{NormMean, NormRMSScaling, NormRMS}, l.Kind) {
		return nil, fmt.Errorf("%w: normalization %q", ErrAttr, l.Kind)
	}
	return normInfer(in, l.Axes, 1, l.Scale, l.Center)
}

// GroupNorm normalizes each sample over all axes but the batch, within Groups
// contiguous groups of the last axis (Wu and He, 2018).
//
//	operands  x, gamma (c) (if Scale), beta (c) (if Center)
type GroupNorm struct {
	Groups        int
	Epsilon       float64
	Scale, Center bool
}

// Infer implements [Op].
func (g GroupNorm) Infer(in []Type) ([]Type, error) {
	if len(in) > 0 && len(in[0].Shape) > 1 {
		if c := in[0].Shape[len(in[0].Shape)-1]; g.Groups < 1 || c != Dyn && c%g.Groups != 0 {
			return nil, fmt.Errorf("%w: %d groups of %d channels", ErrAttr, g.Groups, c)
		}
	}
	return normInfer(in, []int{-1}, 1, g.Scale, g.Center)
}

func normInfer(in []Type, axes []int, fixed int, scale, center bool) ([]Type, error) {
	for _, b := range []bool{scale, center} {
		if b {
			fixed++
		}
	}
	if err := operands(in, fixed); err != nil {
		return nil, err
	}
	if err := floating(in); err != nil {
		return nil, err
	}
	x := in[0].Shape
	ax, err := Axes(axes, len(x))
	if err != nil {
		return nil, err
	}
	if len(ax) == 0 {
		return nil, fmt.Errorf("%w: no axes to normalize", ErrAttr)
	}
	for _, w := range in[1:] {
		ok := len(w.Shape) == len(ax)
		for i := range ax {
			ok = ok && sameDim(w.Shape[i], x[ax[i]])
		}
		if !ok {
			return nil, fmt.Errorf("%w: weight %v on axes %v of %v", ErrShape, w.Shape, axes, x)
		}
	}
	return one(in[0].DType, x)
}
