package graph

import (
	"fmt"
	"math"
	"math/rand"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

func f32(dims ...int) Type { return Type{Float32, dims} }

func TestInfer(t *testing.T) {
	same := Padding{Mode: Same}
	valid := Padding{Mode: Valid}
	for _, c := range []struct {
		op   Op
		in   []Type
		want string // shape, or the message of the error
	}{
		{MatMul{}, []Type{f32(Dyn, 3, 7), f32(7, 5)}, "(None, 3, 5)"},
		{MatMul{}, []Type{f32(Dyn, 3, 7), f32(2, 7, 5)}, "(2, 3, 5)"},
		{MatMul{}, []Type{f32(Dyn, 3, 6), f32(7, 5)}, "shape mismatch: (None, 3, 6) · (7, 5)"},
		{MatMul{}, []Type{{Int8, Shape{Dyn, 7}}, {Int8, Shape{7, 5}}}, "(None, 5)"},
		{MatMul{}, []Type{{Int8, Shape{Dyn, 7}}, f32(7, 5)}, "dtype mismatch: operand is int8, want a floating type"},
		{MatMul{}, []Type{{Int32, Shape{Dyn, 7}}, {Int32, Shape{7, 5}}}, "dtype mismatch: operand is int32, want a floating type"},
		{Conv{[]int{2, 1}, []int{1, 1}, 1, same}, []Type{f32(Dyn, 8, 9, 3), f32(3, 3, 3, 4)}, "(None, 4, 9, 4)"},
		{Conv{[]int{2, 1}, []int{1, 1}, 1, valid}, []Type{f32(Dyn, 8, Dyn, 3), f32(3, 3, 3, 4)}, "(None, 3, None, 4)"},
		{Conv{[]int{1, 1}, []int{1, 2}, 2, valid}, []Type{f32(2, 8, 9, 4), f32(3, 3, 2, 6)}, "(2, 6, 5, 6)"},
		{Conv{[]int{1, 1}, []int{1, 1}, 1, valid}, []Type{f32(2, 2, 9, 4), f32(3, 3, 4, 6)}, "shape mismatch: a window of 3 does not fit into 2 cells"},
		{Conv{[]int{0, 1}, []int{1, 1}, 1, valid}, []Type{f32(2, 5, 9, 4), f32(3, 3, 4, 6)}, "attribute out of range: strides [0 1]"},
		{Conv{[]int{1}, []int{2}, 1, Padding{Mode: Causal}}, []Type{f32(2, 5, 4), f32(3, 4, 6)}, "(2, 5, 6)"},
		{DepthwiseConv{[]int{1, 1}, []int{1, 1}, valid}, []Type{f32(2, 5, 6, 4), f32(3, 2, 4, 3)}, "(2, 3, 5, 12)"},
		{ConvTranspose{[]int{2, 3}, []int{1, 1}, same, nil}, []Type{f32(2, 5, 6, 4), f32(3, 2, 7, 4)}, "(2, 10, 18, 7)"},
		{ConvTranspose{[]int{2, 1}, []int{1, 1}, valid, nil}, []Type{f32(2, 5, 6, 4), f32(3, 2, 7, 4)}, "(2, 11, 7, 7)"},
		{ConvTranspose{[]int{2, 2}, []int{1, 1}, same, []int{1, 0}}, []Type{f32(2, 5, 6, 4), f32(3, 3, 7, 4)}, "(2, 10, 11, 7)"},
		{Pool{MaxPool, []int{2, 3}, []int{2, 3}, valid}, []Type{f32(2, 5, 7, 4)}, "(2, 2, 2, 4)"},
		{MaxPoolGrad{[]int{2, 3}, []int{2, 3}, valid, false}, []Type{f32(Dyn, 5, 7, 4), f32(Dyn, 2, 2, 4)}, "(None, 5, 7, 4)"},
		{MaxPoolGrad{[]int{2, 3}, []int{2, 3}, valid, false}, []Type{f32(2, 5, 7, 4), f32(2, 3, 2, 4)}, "shape mismatch: gradient float32 (2, 3, 2, 4) of pooled float32 (2, 2, 2, 4)"},
		{Reduce{ReduceMean, []int{1, 2}, false}, []Type{f32(2, 5, 7, 4)}, "(2, 4)"},
		{Reduce{ReduceMean, []int{-2, 1}, true}, []Type{f32(2, 5, 7, 4)}, "(2, 1, 1, 4)"},
		{Reduce{ReduceMean, []int{4}, true}, []Type{f32(2, 5, 7, 4)}, "attribute out of range: axis 4 of rank 4"},
		{Reshape{[]int{KeepDim(0), Infer1}}, []Type{f32(Dyn, 5, 7, 4)}, "(None, 140)"},
		{Reshape{[]int{KeepDim(0), 7, Infer1}}, []Type{f32(Dyn, 5, Dyn, 4)}, "(None, 7, None)"},
		{Reshape{[]int{LikeDim(0), LikeDim(1), KeepDim(1)}}, []Type{f32(Dyn, 5), f32(Dyn, Dyn, 7)}, "(None, None, 5)"},
		{Reshape{[]int{LikeDim(0), LikeDim(1), KeepDim(1)}}, []Type{f32(6, 5), f32(2, 3, 7)}, "(2, 3, 5)"},
		{Reshape{[]int{LikeDim(0), Infer1}}, []Type{f32(6, 5), f32(Dyn)}, "(None, None)"},
		{Reshape{[]int{LikeDim(0), LikeDim(1), KeepDim(1)}}, []Type{f32(6, 5), f32(2, 4, 7)}, "shape mismatch: (6, 5) does not reshape to (2, 4, 5)"},
		{Reshape{[]int{LikeDim(2), Infer1}}, []Type{f32(6, 5), f32(2, 4)}, "attribute out of range: dimension 2 of the second operand (2, 4)"},
		{Reshape{[]int{LikeDim(0), Infer1}}, []Type{f32(6, 5)}, "attribute out of range: dimension 0 of the second operand ()"},
		{Reshape{[]int{KeepDim(0), 3, Infer1}}, []Type{f32(Dyn, 5, 4)}, "shape mismatch: (None, 5, 4) does not reshape to [-2 3 -1]"},
		{Transpose{[]int{0, 3, 1, 2}}, []Type{f32(Dyn, 5, 7, 4)}, "(None, 4, 5, 7)"},
		{Concat{-1}, []Type{f32(Dyn, 5), f32(3, 7)}, "(3, 12)"},
		{Concat{1}, []Type{f32(2, 5, 1), f32(2, 7, 2)}, "shape mismatch: concatenation of (2, 5, 1) and (2, 7, 2) on axis 1"},
		{Slice{[]Range{{Step: 1}, {Start: 1, HasStart: true, Stop: -1, HasStop: true, Step: 1}}}, []Type{f32(Dyn, 5)}, "(None, 3)"},
		{Slice{[]Range{{Step: 1}, {Step: -2}}}, []Type{f32(Dyn, 5)}, "(None, 3)"},
		{Slice{[]Range{{Index: true, Start: -1}}}, []Type{f32(4, 5)}, "(5,)"},
		{Pad{[]int{0, 1}, []int{0, 2}, FillConstant, 0}, []Type{f32(Dyn, 5)}, "(None, 8)"},
		{Binary{Add}, []Type{f32(Dyn, 5, 1), f32(5, 7)}, "(None, 5, 7)"},
		{Binary{Add}, []Type{f32(2, 5), f32(2, 4)}, "shape mismatch: (2, 5) and (2, 4) do not broadcast"},
		{Resize{Height: 3, Width: 4, Interpolation: "bilinear"}, []Type{f32(Dyn, Dyn, 9, 2)}, "(None, 3, 4, 2)"},
		{GroupNorm{Groups: 3, Scale: true}, []Type{f32(2, 5, 6), f32(6)}, "(2, 5, 6)"},
		{GroupNorm{Groups: 4}, []Type{f32(2, 5, 6)}, "attribute out of range: 4 groups of 6 channels"},
		{BatchNorm{Axes: []int{-1}, Scale: true}, []Type{f32(2, 6), f32(6), f32(6), f32(5)}, "shape mismatch: weight (5,) on axes [-1] of (2, 6)"},
		{Band{Below: -1}, []Type{f32(Dyn, 4, 5, Dyn)}, "(5, None)"},
		{Band{}, []Type{f32(4)}, "shape mismatch: band of (4,)"},
		{Band{Below: -2}, []Type{f32(4, 5)}, "attribute out of range: band of -2 below and 0 above"},
		{Gather{}, []Type{f32(9, 4), {Int32, Shape{Dyn, 3}}}, "(None, 3, 4)"},
		{Hash{Bins: 7}, []Type{{String, Shape{Dyn, 3}}}, "(None, 3)"},
		{Hash{}, []Type{{String, Shape{Dyn, 3}}}, "attribute out of range: bins [0]"},
		{Hash{Bins: 7}, []Type{f32(2)}, "dtype mismatch: hash of float32"},
		{Equalize{GridH: 3, GridW: 2}, []Type{f32(Dyn, 7, Dyn, 3)}, "(None, 7, None, 3)"},
		{Equalize{GridH: 8, GridW: 2}, []Type{f32(2, 3, 5, 3)}, "shape mismatch: 8 tiles of 3 pixels"},
		{Equalize{GridH: 3}, []Type{f32(2, 7, 5, 3)}, "attribute out of range: grid [3 0]"},
		{Equalize{GridH: 3, GridW: 2, ClipLimit: math.NaN()}, []Type{f32(2, 7, 5, 3)}, "attribute out of range: clip limit NaN"},
		{Tokens{Size: 4}, []Type{{String, Shape{Dyn, 3}}, {String, Shape{9}}}, "(None, 4)"},
		{Tokens{Split: SplitWhitespace, Size: 10, Count: true}, []Type{{String, Shape{Dyn}}, {String, Shape{9}}}, "(None, 10)"},
		{Tokens{Size: 9, Count: true}, []Type{{String, Shape{Dyn, 3}}, {String, Shape{9}}}, "attribute out of range: 9 counts for a vocabulary of 9"},
		{Tokens{Split: "words", Size: 4}, []Type{{String, Shape{Dyn}}, {String, Shape{9}}}, `attribute out of range: split "words"`},
		{Tokens{NGrams: []int{2, 0}, Size: 4}, []Type{{String, Shape{Dyn, 3}}, {String, Shape{9}}}, "attribute out of range: n-grams [2 0]"},
		{Tokens{Size: 4}, []Type{{String, Shape{}}, {String, Shape{9}}}, "shape mismatch: () is no list of texts"},
		{Tokens{Size: 4}, []Type{{String, Shape{3}}, {Int64, Shape{9}}}, "dtype mismatch: tokens of string in int64"},
		{CrossHash{7}, []Type{{String, Shape{Dyn, 1}}, {Int32, Shape{4, 1}}}, "(4, 1)"},
		{CrossHash{7}, []Type{{String, Shape{3, 1}}, {Int32, Shape{4, 1}}}, "shape mismatch: operands are (3, 1) and (4, 1)"},
		{Lookup{}, []Type{{String, Shape{Dyn, 3}}, {String, Shape{9}}}, "(None, 3)"},
		{Lookup{}, []Type{{Int64, Shape{Dyn, 3}}, {Int64, Shape{9, 1}}}, "shape mismatch: vocabulary (9, 1)"},
		{Lookup{}, []Type{{Int32, Shape{Dyn, 3}}, {Int32, Shape{9}}}, "dtype mismatch: lookup of int32"},
		{LSTM{}, []Type{f32(Dyn, 9, 3), f32(3, 8), f32(2, 8)}, "(None, 2)"},
		{LSTM{Recurrence: Recurrence{Sequences: true, Masked: true}}, []Type{f32(Dyn, Dyn, 3), f32(3, 8), f32(2, 8), {Bool, Shape{Dyn, 9}}}, "(None, None, 2)"},
		{ConvLSTM{}, []Type{f32(Dyn, Dyn, 5, 6, 8), f32(3, 2, 2, 8)}, "(None, 5, 6, 2)"},
		{ConvLSTM{Recurrence: Recurrence{Sequences: true, Masked: true}}, []Type{f32(4, Dyn, Dyn, 8), f32(3, 2, 8), {Bool, Shape{Dyn, 9}}}, "(4, None, None, 2)"},
		{ConvLSTM{Recurrence: Recurrence{State: true}}, []Type{f32(Dyn, 7, 5, 8), f32(3, 2, 8), f32(4, 5, 2), f32(4, 4, 2)}, "shape mismatch: initial state (4, 4, 2), want (None, 5, 2)"},
		{ConvLSTM{}, []Type{f32(Dyn, 7, 5, 6), f32(3, 2, 8)}, "shape mismatch: recurrence of (None, 7, 5, 6) with kernel (3, 2, 8) of 4 gates"},
		{ConvLSTM{}, []Type{f32(Dyn, 7, 5, 6), f32(3, 2, 6)}, "shape mismatch: recurrence of (None, 7, 5, 6) with kernel (3, 2, 6) of 4 gates"},
		{ConvLSTM{}, []Type{f32(Dyn, 7, 8), f32(2, 8)}, "shape mismatch: recurrence of (None, 7, 8) with kernel (2, 8)"},
		{ConvLSTM{Recurrence: Recurrence{Bias: true}}, []Type{f32(Dyn, 7, 5, 8), f32(3, 2, 8), f32(8)}, "attribute out of range: a bias of its own"},
		{ConvLSTM{RecurrentActivation: Activation{Func: "no"}}, []Type{f32(Dyn, 7, 5, 8), f32(3, 2, 8)}, `attribute out of range: activation "no"`},
		{LSTM{}, []Type{f32(Dyn, 9, 3), f32(3, 8), f32(2, 6)}, "shape mismatch: kernels (3, 8) and (2, 6) of 4 gates"},
		{LSTM{Recurrence: Recurrence{Masked: true}}, []Type{f32(Dyn, 9, 3), f32(3, 8), f32(2, 8), f32(Dyn, 9)}, "shape mismatch: mask float32 (None, 9), want (None, 9)"},
		{GRU{Recurrence: Recurrence{Bias: true}, ResetAfter: true}, []Type{f32(Dyn, 9, 3), f32(3, 6), f32(2, 6), f32(6)}, "shape mismatch: bias (6,), want (2, 6)"},
		{SimpleRNN{Recurrence{State: true}}, []Type{f32(4, 9, 3), f32(3, 2), f32(2, 2), f32(5, 2)}, "shape mismatch: initial state (5, 2), want (4, 2)"},
		{Call{"f", []Type{f32(Dyn, 3), f32(2)}}, []Type{f32(Dyn, 4)}, "(None, 3)"},
		{Call{"f", []Type{f32(Dyn, -7)}}, []Type{f32(Dyn, 4)}, "attribute out of range: result 0 is [-1 -7]"},
		{Call{"f", []Type{{DType: 99}}}, []Type{f32(Dyn, 4)}, "attribute out of range: result 0 of dtype 99"},
		{Call{"", []Type{f32(2)}}, []Type{f32(Dyn, 4)}, `attribute out of range: call of "" on 1 operands with 1 results`},
		{Call{"f", []Type{f32(2)}}, nil, `attribute out of range: call of "f" on 0 operands with 1 results`},
	} {
		t.Run(fmt.Sprintf("%s%v", Name(c.op), c.want), func(t *testing.T) {
			out, err := c.op.Infer(c.in)
			if err != nil {
				require.Equal(t, c.want, err.Error())
				return
			}
			require.Equal(t, c.want, out[0].Shape.String())
		})
	}
}

// A range must select what Python's slice selects.
func TestRangeBounds(t *testing.T) {
	for _, c := range []struct {
		r                  Range
		n                  int
		first, count, step int
	}{
		{Range{Step: 1}, 5, 0, 5, 1},
		{Range{Start: -3, HasStart: true, Step: 1}, 5, 2, 3, 1},
		{Range{Stop: 9, HasStop: true, Step: 2}, 5, 0, 3, 2},
		{Range{Start: 4, HasStart: true, Stop: 1, HasStop: true, Step: 1}, 5, 4, 0, 1},
		{Range{Step: -1}, 5, 4, 5, -1},
		{Range{Start: 3, HasStart: true, Stop: -9, HasStop: true, Step: -2}, 5, 3, 2, -2},
		{Range{Start: -9, HasStart: true, Step: -1}, 5, -1, 0, -1},
		{Range{Index: true, Start: -1}, 5, 4, 1, 1},
	} {
		first, count, step := c.r.Bounds(c.n)
		require.Equal(t, []int{c.first, c.count, c.step}, []int{first, count, step}, "%+v of %d", c.r, c.n)
	}
}

func TestBroadcastStringsAndFits(t *testing.T) {
	require.Equal(t, "()", Shape{}.String())
	require.True(t, Shape{Dyn, 3}.Fits(Shape{7, 3}))
	require.False(t, Shape{Dyn, 3}.Fits(Shape{7, 4}))
	require.False(t, Shape{Dyn, 3}.Fits(Shape{7}))
	_, ok := Shape{math.MaxInt / 2, 3}.Elems()
	require.False(t, ok)
	n, ok := Shape{math.MaxInt, 0}.Elems()
	require.True(t, ok)
	require.Zero(t, n)
}

// Ops are data: a func or a map cannot be compared, printed, fused or exported.
func TestOpsAreData(t *testing.T) {
	var check func(name string, ty reflect.Type)
	check = func(name string, ty reflect.Type) {
		switch ty.Kind() {
		case reflect.Func, reflect.Map, reflect.Chan, reflect.Interface, reflect.Pointer:
			t.Errorf("%s is a %v", name, ty.Kind())
		case reflect.Slice:
			check(name+"[]", ty.Elem())
		case reflect.Struct:
			for i := range ty.NumField() {
				check(name+"."+ty.Field(i).Name, ty.Field(i).Type)
			}
		}
	}
	for _, op := range Ops {
		check(Name(op), reflect.TypeOf(op))
	}
}

// Infer must return an error, never panic, whatever the attributes and operands.
func TestInferNeverPanics(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	ints := []int{-3, -2, -1, 0, 1, 2, 3, 5, 1 << 24, math.MaxInt32, math.MinInt32, math.MaxInt - 2, math.MinInt}
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Int:
			v.SetInt(int64(ints[rng.Intn(len(ints))]))
		case reflect.Uint8:
			v.SetUint(uint64(rng.Intn(16)))
		case reflect.Bool:
			v.SetBool(rng.Intn(2) == 0)
		case reflect.Float64:
			v.SetFloat(rng.NormFloat64())
		case reflect.String:
			words := []string{"", "same", "valid", "causal", "explicit", "max", "average", "mean", "add", "relu", "constant", "reflect", "bilinear", "pad", "sum", "log"}
			v.SetString(words[rng.Intn(len(words))])
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), rng.Intn(4), 5))
			for i := range v.Len() {
				fill(v.Index(i))
			}
		case reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		}
	}
	for range 200 {
		for _, op := range Ops {
			v := reflect.New(reflect.TypeOf(op)).Elem()
			fill(v)
			in := make([]Type, rng.Intn(5))
			for i := range in {
				in[i].DType = DType(rng.Intn(3))
				in[i].Shape = make(Shape, rng.Intn(6))
				for j := range in[i].Shape {
					in[i].Shape[j] = []int{Dyn, 0, 1, 2, 3, 6, math.MaxInt/2 + 1}[rng.Intn(7)]
				}
			}
			got := v.Interface().(Op)
			require.NotPanics(t, func() { _, _ = got.Infer(in) }, "%#v of %v", got, in)
		}
	}
}

// A Func answers for operands of any shape, and its answer is checked.
func TestFunc(t *testing.T) {
	run := func(in, out []Tensor) error { return nil }
	same, err := Func{Run: run}.Call("same", []Type{f32(Dyn, 4), f32(3)})
	require.NoError(t, err)
	require.Equal(t, Call{"same", []Type{f32(Dyn, 4)}}, same)
	halved := Func{Run: run, Infer: func(in []Type) ([]Type, error) {
		in[0].Shape[0] = 99 // the function's own copy
		if in[0].Shape[1]%2 != 0 {
			return nil, fmt.Errorf("%w: odd", ErrShape)
		}
		return []Type{f32(Dyn, in[0].Shape[1]/2)}, nil
	}}
	in := []Type{f32(7, 4)}
	c, err := halved.Call("halved", in)
	require.NoError(t, err)
	require.Equal(t, []Type{f32(7, 4)}, in)
	require.Equal(t, []Type{f32(Dyn, 2)}, c.Results)
	for want, f := range map[string]func() (Call, error){
		"shape mismatch: odd":           func() (Call, error) { return halved.Call("h", []Type{f32(7, 5)}) },
		`call of "h", which has no Run`: func() (Call, error) { return Func{}.Call("h", in) },
		`call of "h" without operands`:  func() (Call, error) { return halved.Call("h", nil) },
		`call of "h" on 1 operands with 0 re`: func() (Call, error) {
			return Func{Run: run, Infer: func([]Type) ([]Type, error) { return nil, nil }}.Call("h", in)
		},
	} {
		_, err := f()
		require.ErrorContains(t, err, want)
	}
}
