package reference

import (
	"math"
	"slices"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// gammaBeta takes the optional weights that follow x.
func gammaBeta(x []array, scale, center bool) (gamma, beta []float64, rest []array) {
	rest = x[1:]
	if scale {
		gamma, rest = rest[0].v, rest[1:]
	}
	if center {
		beta, rest = rest[0].v, rest[1:]
	}
	return gamma, beta, rest
}

// affine is x·gamma[i] + beta[i] with absent weights left out.
func affine(x float64, gamma, beta []float64, i int) float64 {
	if gamma != nil {
		x *= gamma[i]
	}
	if beta != nil {
		x += beta[i]
	}
	return x
}

func batchNorm(y array, x []array, op graph.BatchNorm) {
	gamma, beta, stats := gammaBeta(x, op.Scale, op.Center)
	mean, variance := stats[0].v, stats[1].v
	kept, along := SplitAxes(y.shape, axesOf(op.Axes, len(y.shape)))
	for j, a := range along {
		inv := 1 / math.Sqrt(variance[j]+op.Epsilon)
		for _, k := range kept {
			y.v[k+a] = affine((x[0].v[k+a]-mean[j])*inv, gamma, beta, j)
		}
	}
}

func layerNorm(y array, x []array, op graph.LayerNorm) {
	gamma, beta, _ := gammaBeta(x, op.Scale, op.Center)
	kept, along := SplitAxes(y.shape, axesOf(op.Axes, len(y.shape)))
	for _, k := range kept {
		mean, variance := moments(x[0].v, k, along, op.Kind != graph.NormRMS)
		if op.Kind == graph.NormRMSScaling {
			mean = 0
		}
		inv := 1 / math.Sqrt(variance+op.Epsilon)
		for j, a := range along {
			y.v[k+a] = affine((x[0].v[k+a]-mean)*inv, gamma, beta, j)
		}
	}
}

// moments returns mean and variance of the elements base + along, about 0
// unless centred.
func moments(v []float64, base int, along []int, centred bool) (mean, variance float64) {
	n := float64(len(along))
	if centred {
		for _, a := range along {
			mean += v[base+a]
		}
		mean /= n
	}
	for _, a := range along {
		d := v[base+a] - mean
		variance += d * d
	}
	return mean, variance / n
}

func groupNorm(y array, x []array, op graph.GroupNorm) {
	gamma, beta, _ := gammaBeta(x, op.Scale, op.Center)
	rank := len(y.shape)
	c := y.shape[rank-1]
	width := c / op.Groups
	// As (batch, cells, groups, width), a group is axes 1 and 3.
	kept, along := SplitAxes(graph.Shape{y.shape[0], product(y.shape[1 : rank-1]), op.Groups, width}, []int{1, 3})
	for i, k := range kept {
		mean, variance := moments(x[0].v, k, along, true)
		inv := 1 / math.Sqrt(variance+op.Epsilon)
		for j, a := range along {
			y.v[k+a] = affine((x[0].v[k+a]-mean)*inv, gamma, beta, i%op.Groups*width+j%width)
		}
	}
}

func softmax(y, x array, op graph.Softmax) {
	kept, along := SplitAxes(y.shape, axesOf(op.Axes, len(y.shape)))
	for _, k := range kept {
		top, sum := math.Inf(-1), 0.0
		for _, a := range along {
			top = max(top, x.v[k+a])
		}
		for _, a := range along {
			sum += math.Exp(x.v[k+a] - top)
		}
		for _, a := range along {
			if op.Log {
				y.v[k+a] = x.v[k+a] - top - math.Log(sum)
			} else {
				y.v[k+a] = math.Exp(x.v[k+a]-top) / sum
			}
		}
	}
}

func sparsemax(y, x array) {
	n := x.shape[len(x.shape)-1]
	for i := 0; n > 0 && i < len(x.v); i += n {
		sorted := slices.Clone(x.v[i : i+n])
		slices.Sort(sorted)
		slices.Reverse(sorted)
		sum, total, k := 0.0, 0.0, 0.0
		for j, v := range sorted {
			sum += v
			if v-(sum-1)/float64(j+1) > 0 {
				total += sum
				k++
			}
		}
		for j, v := range x.v[i : i+n] {
			y.v[i+j] = max(v-(total-1)/k, 0)
		}
	}
}
