package step

import (
	"math/rand"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/kernels/cpu"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/step/reference"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// TestBatch compares a batch with its samples, one by one and bit by bit.
func TestBatch(t *testing.T) {
	for _, name := range []string{"Conv", "DepthwiseConv", "ConvTranspose", "Pool", "GroupNorm", "Resize", "CenterCrop"} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewSource(3))
			for k := range 40 {
				tr := trials[name](r, k == 0)
				whole := tr.run(t, false)
				n := tr.in[0].Shape[0]
				for i := range n {
					one := tr
					one.in = slices.Clone(tr.in)
					one.in[0] = sampleOf(tr.in[0], i)
					if tr.epi.Residual {
						one.in[len(one.in)-1] = sampleOf(tr.in[len(tr.in)-1], i)
					}
					require.Equal(t, bits(sampleOf(whole, i)), bits(one.run(t, false)), "%#v: sample %d of %d", tr.op, i, n)
				}
			}
		})
	}
}

// TestIntegerProductIsExact multiplies the largest numbers in sums that float32
// does not hold.
func TestIntegerProductIsExact(t *testing.T) {
	r := rand.New(rand.NewSource(6))
	for _, k := range []int{exactProducts, exactProducts + 1, 3*exactProducts + 17} {
		for _, extreme := range []bool{false, true} {
			x, w := integers(r, graph.Int8, -128, 128, 3, 2*integerRows+5, k), integers(r, graph.Int8, -128, 128, k, 37)
			if extreme {
				for i := range x.Len() {
					x.Data.([]int8)[i] = -128
				}
				for i := range w.Len() {
					w.Data.([]int8)[i] = -128 + int8(i/37%8/7) // now and then -127
				}
			}
			tr := trial{op: graph.MatMul{}, in: []graph.Tensor{x, w}, fixed: []int{1}}
			tr.check(t)
		}
	}
}

// sampleOf is sample i of a float32 batch, as a batch of 1.
func sampleOf(t graph.Tensor, i int) graph.Tensor {
	d := t.Data.([]float32)
	n := len(d) / t.Shape[0]
	s := t.Shape.Clone()
	s[0] = 1
	return graph.Tensor{DType: t.DType, Shape: s, Data: d[i*n : (i+1)*n]}
}

// TestPointwiseIsMatMul compares 1x1 convolutions with products.
func TestPointwiseIsMatMul(t *testing.T) {
	r := rand.New(rand.NewSource(4))
	for range 50 {
		h, w, k, n := between(r, 1, 9), between(r, 1, 9), between(r, 1, 40), between(r, 1, 40)
		x, kernel := random(r, 2, h, w, k), random(r, 1, 1, k, n)
		conv := trial{op: graph.Conv{Strides: []int{1, 1}, Dilation: []int{1, 1}, Groups: 1, Padding: graph.Padding{Mode: graph.Same}}, in: []graph.Tensor{x, kernel}, fixed: []int{1}}
		kernel.Shape = graph.Shape{k, n}
		for _, fixed := range [][]int{nil, {1}} {
			product := trial{op: graph.MatMul{}, in: []graph.Tensor{x, kernel}, fixed: fixed}
			require.Equal(t, bits(conv.run(t, false)), bits(product.run(t, false)))
		}
	}
}

// TestOtherFloats demands the float64 result, rounded once.
func TestOtherFloats(t *testing.T) {
	for _, op := range computed {
		t.Run(graph.Name(op), func(t *testing.T) {
			r := rand.New(rand.NewSource(5))
			for range 30 {
				tr := trials[graph.Name(op)](r, false)
				d := pick(r, graph.Float16, graph.BFloat16, graph.Float64)
				for i, x := range tr.in {
					if x.DType == graph.Float32 {
						tr.in[i] = x.Cast(d)
					}
				}
				got, want := tr.run(t, false), tr.want(t, same)
				act := func(x float64) float64 { return x }
				if tr.epi.Act != nil {
					act = reference.Activation(*tr.epi.Act)
				}
				for i, w := range want {
					rounded := graph.NewTensor(got.DType, graph.Shape{1})
					rounded.SetFloat(0, act(w))
					g, w := got.Float(i), rounded.Float(0)
					require.True(t, g == w || g != g && w != w, "%#v of %v: element %d is %v, want %v", tr.op, d, i, g, w)
				}
			}
		})
	}
}

// TestMovers moves elements that float64 cannot hold, of every type.
func TestMovers(t *testing.T) {
	large := graph.Tensor{DType: graph.Int64, Shape: graph.Shape{2, 2}, Data: []int64{1<<62 + 1, -(1<<62 + 3), 5, 1<<53 + 1}}
	words := graph.Tensor{DType: graph.String, Shape: graph.Shape{2, 2}, Data: []string{"a", "b", "c", "d"}}
	bits := graph.Tensor{DType: graph.Uint64, Shape: graph.Shape{2, 2}, Data: []uint64{1<<63 + 1, 1<<64 - 1, 0, 7}}
	in := []graph.Tensor{large, words, bits}
	for _, d := range []graph.DType{graph.Float32, graph.Float64, graph.Float16, graph.BFloat16, graph.Int8, graph.Int16, graph.Int32, graph.Uint8, graph.Uint16, graph.Uint32, graph.Bool} {
		in = append(in, tensor(d, []int{2, 2}, 1, 0, 3, 4))
	}
	indices := tensor(graph.Int32, []int{3}, 1, 0, 1)
	cond := tensor(graph.Bool, []int{2}, 1, 0)
	for _, x := range in {
		for _, tr := range []trial{
			{op: graph.Reshape{Dims: []int{4}}, in: []graph.Tensor{x}},
			{op: graph.Transpose{Perm: []int{1, 0}}, in: []graph.Tensor{x}},
			{op: graph.Concat{Axis: 1}, in: []graph.Tensor{x, x}},
			{op: graph.Slice{Ranges: []graph.Range{{Step: 1}, {Step: -1}}}, in: []graph.Tensor{x}},
			{op: graph.Repeat{Axis: 1, N: 2}, in: []graph.Tensor{x}},
			{op: graph.Tile{Reps: []int{2, 1}}, in: []graph.Tensor{x}},
			{op: graph.Pad{Before: []int{1, 0}, After: []int{0, 1}, Mode: graph.FillSymmetric}, in: []graph.Tensor{x}},
			{op: graph.Pad{Before: []int{1, 0}, After: []int{0, 1}, Mode: graph.FillConstant, Value: 2}, in: []graph.Tensor{x}},
			{op: graph.Gather{}, in: []graph.Tensor{x, indices}},
			{op: graph.Where{}, in: []graph.Tensor{cond, x, x}},
		} {
			ref, err := Reference(tr.op, tr.in, tr.spec(t).Out)
			require.NoError(t, err)
			require.Equal(t, ref[0].Data, tr.run(t, false).Data, "%#v of %v", tr.op, x.DType)
		}
	}
	tr := trial{op: graph.Transpose{Perm: []int{1, 0}}, in: []graph.Tensor{large}}
	require.Equal(t, []int64{1<<62 + 1, 5, -(1<<62 + 3), 1<<53 + 1}, tr.run(t, false).Data)
	tr = trial{op: graph.Concat{Axis: 0}, in: []graph.Tensor{words, words}}
	require.Equal(t, []string{"a", "b", "c", "d", "a", "b", "c", "d"}, tr.run(t, false).Data)
	tr = trial{op: graph.Binary{Func: graph.NotEqual}, in: []graph.Tensor{words, {DType: graph.String, Shape: graph.Shape{}, Data: []string{"c"}}}}
	require.Equal(t, []bool{true, true, false, true}, tr.run(t, false).Data)
}

// TestLargeIntegers computes with integers that float64 cannot hold.
func TestLargeIntegers(t *testing.T) {
	i64 := func(v ...int64) graph.Tensor {
		return graph.Tensor{DType: graph.Int64, Shape: graph.Shape{len(v)}, Data: v}
	}
	u64 := func(v ...uint64) graph.Tensor {
		return graph.Tensor{DType: graph.Uint64, Shape: graph.Shape{len(v)}, Data: v}
	}
	const big = 1<<53 + 1
	relu := graph.Activation{Func: graph.ReLU, B: inf}
	for _, c := range []struct {
		tr   trial
		want any
	}{
		{trial{op: graph.Binary{Func: graph.Add}, in: []graph.Tensor{i64(big), i64(2)}}, []int64{big + 2}},
		{trial{op: graph.Binary{Func: graph.Add}, in: []graph.Tensor{i64(big, -9), i64(2, 1)}, epi: Epilogue{Act: &relu}}, []int64{big + 2, 0}},
		{trial{op: graph.Binary{Func: graph.Less}, in: []graph.Tensor{i64(big - 1), i64(big)}}, []bool{true}},
		{trial{op: graph.Binary{Func: graph.Less}, in: []graph.Tensor{u64(1<<63, 1), u64(1, 1<<63)}}, []bool{false, true}},
		{trial{op: graph.Binary{Func: graph.FloorDiv}, in: []graph.Tensor{u64(1<<64 - 1), u64(2)}}, []uint64{1<<63 - 1}},
		{trial{op: graph.Binary{Func: graph.Maximum}, in: []graph.Tensor{u64(1 << 63), u64(3)}}, []uint64{1 << 63}},
		{trial{op: graph.Reduce{Func: graph.ReduceMax, Axes: []int{0}}, in: []graph.Tensor{i64(big-1, big)}}, []int64{big}},
		{trial{op: graph.Reduce{Func: graph.ReduceMin, Axes: []int{0}}, in: []graph.Tensor{u64(1<<64-1, 1<<63)}}, []uint64{1 << 63}},
		{trial{op: graph.ArgReduce{}, in: []graph.Tensor{i64(big-1, big, big)}}, []int32{1}},
		{trial{op: graph.Unary{Func: graph.Neg}, in: []graph.Tensor{i64(big)}}, []int64{-big}},
		{trial{op: graph.Cast{To: graph.Float32}, in: []graph.Tensor{i64(9007199791611905)}}, []float32{9007200328482816}}, // rounded once
		{trial{op: graph.Cast{To: graph.Uint64}, in: []graph.Tensor{i64(big)}}, []uint64{big}},
	} {
		require.Equal(t, c.want, c.tr.run(t, false).Data, "%#v", c.tr.op)
	}
}

func TestErrorsOfValues(t *testing.T) {
	table := vector(1, 2, 3)
	for _, c := range []struct {
		op   graph.Op
		in   []graph.Tensor
		want string
	}{
		{graph.Gather{}, []graph.Tensor{table, tensor(graph.Int32, []int{2}, 0, 3)}, "index 3 at place 1, want 0 to 2"},
		{graph.Gather{}, []graph.Tensor{table, tensor(graph.Int64, []int{1}, -1)}, "index -1 at place 0, want 0 to 2"},
		{graph.Gather{}, []graph.Tensor{table, {DType: graph.Uint64, Shape: graph.Shape{1}, Data: []uint64{1 << 63}}}, "index 9223372036854775808 at place 0"},
		{graph.Binary{Func: graph.FloorDiv}, []graph.Tensor{tensor(graph.Int32, []int{1}, 1), tensor(graph.Int32, []int{1}, 0)}, "floor_div of int32 by zero"},
		{graph.Binary{Func: graph.Mod}, []graph.Tensor{tensor(graph.Uint64, []int{1}, 1), tensor(graph.Uint64, []int{1}, 0)}, "mod of uint64 by zero"},
		{graph.Binary{Func: graph.Pow}, []graph.Tensor{tensor(graph.Int32, []int{1}, 3), tensor(graph.Int32, []int{1}, -1)}, "pow of int32 to the negative power -1"},
	} {
		tr := trial{op: c.op, in: c.in}
		spec := tr.spec(t)
		s, err := New(spec, nil)
		require.NoError(t, err)
		require.ErrorContains(t, s.Run(tr.operands(spec), 0, nil), c.want)
		_, err = Reference(c.op, c.in, spec.Out)
		require.ErrorContains(t, err, c.want)
	}
}

func TestNewRefuses(t *testing.T) {
	f := func(s ...int) graph.Type { return graph.Type{DType: graph.Float32, Shape: s} }
	words := graph.Type{DType: graph.String, Shape: graph.Shape{2}}
	relu := &graph.Activation{Func: graph.ReLU}
	for _, c := range []struct {
		spec Spec
		want error
	}{
		{Spec{Op: graph.MatMul{}, In: []graph.Type{f(2, 3), f(4, 5)}, Out: []graph.Type{f(2, 5)}}, graph.ErrShape},
		{Spec{Op: graph.MatMul{}, In: []graph.Type{f(2, 3), f(3, 5)}, Out: []graph.Type{f(2, 4)}}, graph.ErrShape},
		{Spec{Op: graph.MatMul{}, In: []graph.Type{f(graph.Dyn, 3), f(3, 5)}, Out: []graph.Type{f(graph.Dyn, 5)}}, graph.ErrShape},
		{Spec{Op: graph.MatMul{}, In: []graph.Type{f(2, 3), f(3, 5), f(4)}, Out: []graph.Type{f(2, 5)}, Epilogue: Epilogue{Bias: true}}, graph.ErrShape},
		{Spec{Op: graph.MatMul{}, In: []graph.Type{f(2, 3), f(3, 5), f(5)}, Out: []graph.Type{f(2, 5)}, Epilogue: Epilogue{Residual: true}}, graph.ErrShape},
		{Spec{Op: graph.Pool{}, In: []graph.Type{f(1, 2, 2, 1)}, Out: []graph.Type{f(1, 1, 1, 1)}, Epilogue: Epilogue{Act: relu}}, graph.ErrAttr},
		{Spec{Op: graph.Binary{Func: graph.Less}, In: []graph.Type{words, words}, Out: []graph.Type{{DType: graph.Bool, Shape: graph.Shape{2}}}}, graph.ErrDType},
		{Spec{Op: graph.Activation{Func: graph.ReLU}, In: []graph.Type{words}, Out: []graph.Type{words}}, graph.ErrDType},
		{Spec{Op: graph.ArgReduce{}, In: []graph.Type{f(0, 2)}, Out: []graph.Type{{DType: graph.Int32, Shape: graph.Shape{2}}}}, graph.ErrShape},
		{Spec{Op: graph.Resize{Height: 2, Width: 2, Interpolation: "area"}, In: []graph.Type{f(1, 0, 2, 3)}, Out: []graph.Type{f(1, 2, 2, 3)}}, graph.ErrShape},
		{Spec{}, graph.ErrAttr},
	} {
		_, err := New(c.spec, nil)
		require.ErrorIs(t, err, c.want, "%+v", c.spec)
	}
}

func TestFuses(t *testing.T) {
	silu := &graph.Activation{Func: graph.SiLU}
	all := Epilogue{Bias: true, Residual: true, Act: silu}
	for _, op := range []graph.Op{graph.Conv{}, graph.DepthwiseConv{}, graph.ConvTranspose{}, graph.MatMul{}} {
		require.True(t, Fuses(op, all), graph.Name(op))
	}
	pool := &graph.Pool{Kind: graph.MaxPool, Size: []int{2, 2}, Strides: []int{2, 2}, Padding: graph.Padding{Mode: graph.Valid}}
	for _, op := range []graph.Op{graph.Conv{}, graph.DepthwiseConv{}} {
		require.True(t, Fuses(op, Epilogue{Bias: true, Act: silu, Pool: pool}), graph.Name(op))
		require.False(t, Fuses(op, Epilogue{Pool: &graph.Pool{Kind: graph.AveragePool, Size: []int{2, 2}}}), graph.Name(op))
		require.False(t, Fuses(op, Epilogue{Pool: &graph.Pool{Kind: graph.MaxPool, Size: []int{2, 2, 2}}}), graph.Name(op))
	}
	for _, op := range []graph.Op{graph.ConvTranspose{}, graph.MatMul{}, graph.Binary{Func: graph.Add}, graph.BatchNorm{}, graph.Softmax{}} {
		require.False(t, Fuses(op, Epilogue{Pool: pool}), graph.Name(op))
	}
	for _, op := range []graph.Op{graph.Binary{Func: graph.Add}, graph.BatchNorm{}} {
		require.True(t, Fuses(op, Epilogue{Act: silu}), graph.Name(op))
		require.False(t, Fuses(op, Epilogue{Bias: true}), graph.Name(op))
		require.False(t, Fuses(op, Epilogue{Residual: true}), graph.Name(op))
	}
	for _, op := range []graph.Op{graph.Binary{Func: graph.Mul}, graph.Pool{}, graph.Softmax{}, graph.Pad{}} {
		require.False(t, Fuses(op, Epilogue{Act: silu}), graph.Name(op))
		require.True(t, Fuses(op, Epilogue{}), graph.Name(op))
	}
}

// TestPacks makes steps of one kernel for several shapes at the same time: it is packed once.
func TestPacks(t *testing.T) {
	r := rand.New(rand.NewSource(6))
	packs := weight.NewPacks(1)
	kernel := weight.Of(random(r, 3, 3, 4, 8))
	op := graph.Conv{Strides: []int{1, 1}, Dilation: []int{1, 1}, Groups: 1, Padding: graph.Padding{Mode: graph.Same}}
	steps := make([]Step, 8)
	var wg sync.WaitGroup
	for i := range steps {
		wg.Add(1)
		go func() {
			defer wg.Done()
			x, y := graph.Shape{i + 1, 5, 5, 4}, graph.Shape{i + 1, 5, 5, 8}
			steps[i], _ = New(Spec{
				Op: op, In: []graph.Type{{Shape: x}, {Shape: kernel.Shape}}, Out: []graph.Type{{Shape: y}},
				Const: []*weight.Value{nil, kernel},
			}, packs)
		}()
	}
	wg.Wait()
	first := steps[0].(*convolution).packed
	require.Equal(t, int64(4*len(first)), packs.Bytes())
	for _, s := range steps {
		require.Same(t, &first[0], &s.(*convolution).packed[0])
	}
}

func TestInfo(t *testing.T) {
	r := rand.New(rand.NewSource(7))
	tr := trial{op: graph.MatMul{}, in: []graph.Tensor{random(r, 2, 3), random(r, 3, 5), random(r, 5)}, fixed: []int{1, 2}, epi: Epilogue{Bias: true}}
	s, err := New(tr.spec(t), nil)
	require.NoError(t, err)
	require.Equal(t, int64(2*2*3*5), s.Info().FLOPs)
	require.Equal(t, int64(4*(2*3+3*5+5+2*5)), s.Info().Bytes)
	require.Zero(t, s.Info().Scratch)
	require.Equal(t, "conv/"+string(cpu.Active())+" 2x3x5", s.Info().Kernel)
}

// TestOneRow compares convolutions over images of a single row, whose chunks
// are pixels, with the reference.
func TestOneRow(t *testing.T) {
	r := rand.New(rand.NewSource(13))
	most := 0
	for range 40 {
		n, c := between(r, 300, 900), between(r, 16, 40)
		size, strides, dilation := []int{between(r, 1, 5)}, []int{between(r, 1, 2)}, []int{1}
		if strides[0] == 1 {
			dilation[0] = between(r, 1, 3)
		}
		x, p := random(r, between(r, 1, 3), n, c), padding(r, 1, size)
		tr := trial{op: graph.DepthwiseConv{Strides: strides, Dilation: dilation, Padding: p}, in: []graph.Tensor{x, random(r, size[0], c, 1)}, terms: size[0]}
		if r.Intn(3) > 0 {
			tr = trial{op: graph.Conv{Strides: strides, Dilation: dilation, Groups: 1, Padding: p},
				in: []graph.Tensor{x, random(r, size[0], c, between(r, 10, 40))}, terms: size[0] * c}
		}
		tr = tr.finishConv(r)
		tr.check(t)
		s, err := New(tr.spec(t), nil)
		require.NoError(t, err)
		if c, ok := s.(*convolution); ok && c.wide {
			most = max(most, c.rows.chunks/x.Shape[0])
		}
	}
	require.Greater(t, most, 1, "no image had more than one chunk")
}
