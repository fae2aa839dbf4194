package step

import (
	"fmt"
	"math"

	"github.com/kerasrun/kerasrun/kernels/vec"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step/reference"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A scaleShift is x·scale + shift: BatchNorm with its weights joined in float64.
type scaleShift struct {
	base
	rows
	x            operand
	scale, shift []float32
	finish       finish
	pixels
}

func (m *maker) batchNorm(op graph.BatchNorm) Step {
	var key weight.Key
	var w [4]*graph.Tensor
	for i := 1; i < m.args; i++ {
		if key.Of[i-1] = m.value(i); key.Of[i-1] == nil {
			return nil
		}
		w[i-1] = m.constant(i)
	}
	x := m.In[0].Shape
	axes, err := graph.Axes(op.Axes, len(x))
	if err != nil {
		return nil
	}
	shape := make(graph.Shape, len(x))
	for i := range shape {
		shape[i] = 1
	}
	for _, a := range axes {
		shape[a] = x[a]
	}
	n := elems(shape)
	key.Form = fmt.Sprintf("batch norm %t %t %x", op.Scale, op.Center, math.Float64bits(op.Epsilon))
	packed, err := m.packs.Floats(key, 2*n, func(dst []float32) error {
		joinBatchNorm(dst[:n], dst[n:], op, w)
		return nil
	})
	if err != nil {
		m.fail(err)
		packed = make([]float32, 2*n)
	}
	s := &scaleShift{rows: newRows(x, x, shape), x: m.operand(0), scale: packed[:n], shift: packed[n:], finish: newFinish(m.Epilogue.Act), pixels: m.pixels()}
	ns := float64(elems(x)) * nsPass
	if m.Epilogue.Act != nil {
		ns += float64(elems(x)) * costOf(s.finish)
	}
	s.base = m.base(kernel("vec", "scale shift"), float64(2*elems(x)), s.rows.split(ns))
	if s.apart {
		s.work = splitFor(elems(x)/s.c, ns)
	}
	return s
}

// joinBatchNorm computes scale = gamma/√(variance + ε) and shift = beta - mean·scale.
func joinBatchNorm(scale, shift []float32, op graph.BatchNorm, w [4]*graph.Tensor) {
	k := 0
	next := func(has bool) *graph.Tensor {
		if !has {
			return nil
		}
		k++
		return w[k-1]
	}
	gamma, beta := next(op.Scale), next(op.Center)
	mean, variance := next(true), next(true)
	for i := range scale {
		s := 1 / math.Sqrt(variance.Float(i)+op.Epsilon)
		if gamma != nil {
			s *= gamma.Float(i)
		}
		t := -mean.Float(i) * s
		if beta != nil {
			t += beta.Float(i)
		}
		scale[i], shift[i] = float32(s), float32(t)
	}
}

func (s *scaleShift) Run(a *Args, chunk int, _ []float32) error {
	x, dst := s.x.of(a), result(a)
	if s.apart {
		lo, hi := s.work.bounds(chunk)
		for i := lo; i < hi; i++ {
			d, v := s.at(dst, x, i)
			vec.ScaleShift(d, v, s.scale, s.shift)
			s.finish.apply(d)
		}
		return nil
	}
	lo, hi, from, n := s.chunk(s.work, chunk)
	at, end := lo*s.inner+from, (hi-1)*s.inner+from+n
	d := dst[at:end]
	switch {
	case s.step[1] == 1 && s.fixed(1) && s.finish.clamp:
		vec.ScaleShiftClip(d, x[at:end], s.scale[from:from+n], s.shift[from:from+n], s.finish.lo, s.finish.hi)
		return nil
	case s.step[1] == 1 && s.fixed(1):
		vec.ScaleShift(d, x[at:end], s.scale[from:from+n], s.shift[from:from+n])
	default:
		for i := lo; i < hi; i++ {
			p, q := i*s.inner+from, s.start(i, 1)+from*s.step[1]
			row := dst[p : p+n]
			if s.step[1] == 1 {
				vec.ScaleShift(row, x[p:p+n], s.scale[q:q+n], s.shift[q:q+n])
			} else {
				vec.MulScalar(row, x[p:p+n], s.scale[q])
				vec.AddScalar(row, row, s.shift[q])
			}
		}
	}
	s.finish.apply(d)
	return nil
}

// A layerNorm normalizes rows that lie side by side.
type layerNorm struct {
	base
	x, gamma, beta operand
	n              int
	epsilon        float32
	rms            bool
}

// A stridedNorm normalizes along any axes.
type stridedNorm struct {
	base
	x, gamma, beta operand
	kept, along    lattice
	epsilon        float64
	kind           graph.LayerNormKind
}

// affineOperands are gamma and beta, which follow x when present.
func (m *maker) affineOperands(scale, center bool) (gamma, beta operand) {
	i := 1
	if scale {
		gamma = m.operand(i)
		i++
	}
	if center {
		beta = m.operand(i)
	}
	return gamma, beta
}

func (m *maker) layerNorm(op graph.LayerNorm) Step {
	x := m.In[0].Shape
	axes, err := graph.Axes(op.Axes, len(x))
	if err != nil {
		return nil
	}
	gamma, beta := m.affineOperands(op.Scale, op.Center)
	outer, n, inner, ok := lines(x, axes)
	ns := float64(elems(x)) * nsSmooth
	if ok && inner == 1 && (op.Kind == graph.NormMean || op.Kind == graph.NormRMS && !op.Center) {
		return &layerNorm{m.base(kernelOn(vec.RowsVariant(), "vec", "layer norm"), float64(8*elems(x)), splitFor(outer, ns)),
			m.operand(0), gamma, beta, n, float32(op.Epsilon), op.Kind == graph.NormRMS}
	}
	kept, along := splitAxes(x, reference.Strides(x), axes)
	return &stridedNorm{m.base("go layer norm", float64(8*elems(x)), splitFor(kept.count(), float64(elems(x))*nsScalar)),
		m.operand(0), gamma, beta, kept, along, op.Epsilon, op.Kind}
}

func (s *layerNorm) Run(a *Args, chunk int, _ []float32) error {
	lo, hi := s.work.bounds(chunk)
	dst, src := result(a)[lo*s.n:hi*s.n], s.x.of(a)[lo*s.n:hi*s.n]
	if s.rms {
		vec.RMSNorm(dst, src, s.gamma.of(a), s.n, s.epsilon)
	} else {
		vec.LayerNorm(dst, src, s.gamma.of(a), s.beta.of(a), s.n, s.epsilon)
	}
	return nil
}

func (s *stridedNorm) Run(a *Args, chunk int, _ []float32) error {
	x, gamma, beta, dst := s.x.of(a), s.gamma.of(a), s.beta.of(a), result(a)
	lo, hi := s.work.bounds(chunk)
	for i := lo; i < hi; i++ {
		base := s.kept.at(i)
		mean, inv := s.moments(x[base:])
		for l := range s.along.lines() {
			at := base + s.along.line(l)
			for j := l * s.along.n; j < (l+1)*s.along.n; j++ {
				v := (float64(x[at]) - mean) * inv
				if gamma != nil {
					v *= float64(gamma[j])
				}
				if beta != nil {
					v += float64(beta[j])
				}
				dst[at] = float32(v)
				at += s.along.step
			}
		}
	}
	return nil
}

// moments returns what to subtract from the elements and what to multiply them with.
func (s *stridedNorm) moments(x []float32) (mean, inv float64) {
	n := float64(s.along.count())
	if s.kind != graph.NormRMS {
		for l := range s.along.lines() {
			mean = foldLine(graph.ReduceSum, mean, x[s.along.line(l):], s.along.n, s.along.step)
		}
		mean /= n
	}
	variance := 0.0
	for l := range s.along.lines() {
		line := x[s.along.line(l):]
		for j := range s.along.n {
			d := float64(line[j*s.along.step]) - mean
			variance += d * d
		}
	}
	if s.kind == graph.NormRMSScaling {
		mean = 0
	}
	return mean, 1 / math.Sqrt(variance/n+s.epsilon)
}

// A groupNorm normalizes samples one by one.
type groupNorm struct {
	base
	x, gamma, beta           operand
	pixels, channels, groups int
	epsilon                  float32
}

func (m *maker) groupNorm(op graph.GroupNorm) Step {
	x := m.In[0].Shape
	if len(x) < 2 {
		return nil
	}
	gamma, beta := m.affineOperands(op.Scale, op.Center)
	c := x[len(x)-1]
	return &groupNorm{m.base(kernelOn(vec.RowsVariant(), "vec", "group norm"), float64(8*elems(x)), splitFor(x[0], float64(elems(x))*nsSmooth)),
		m.operand(0), gamma, beta, elems(x) / x[0] / c, c, op.Groups, float32(op.Epsilon)}
}

func (s *groupNorm) Run(a *Args, chunk int, _ []float32) error {
	lo, hi := s.work.bounds(chunk)
	n := s.pixels * s.channels
	for i := lo; i < hi; i++ {
		vec.GroupNorm(result(a)[i*n:(i+1)*n], s.x.of(a)[i*n:(i+1)*n], s.gamma.of(a), s.beta.of(a), s.pixels, s.channels, s.groups, s.epsilon)
	}
	return nil
}
