package graph

import (
	"fmt"
	"reflect"
)

// Ops holds one value of every Op, for tests that must cover them all.
var Ops = []Op{
	Activation{}, AddBias{}, ArgReduce{}, Band{}, BatchNorm{}, Binary{}, Call{}, Cast{}, CenterCrop{}, Concat{}, Conv{}, ConvTranspose{},
	ConvLSTM{}, CrossHash{}, DepthwiseConv{}, Equalize{}, Gather{}, GroupNorm{}, GRU{}, Hash{}, LayerNorm{}, Lookup{}, LSTM{}, MatMul{}, MaxPoolGrad{}, Pad{}, Pool{}, PReLU{}, Reduce{}, Repeat{},
	Reshape{}, Resize{}, SimpleRNN{}, Slice{}, Softmax{}, Sparsemax{}, Tile{}, Tokens{}, Transpose{}, Unary{}, Where{},
}

// Name returns the name of op: "Conv".
func Name(op Op) string { return reflect.TypeOf(op).Name() }

// operands checks the number of operands.
func operands(in []Type, n int) error {
	if len(in) != n {
		return fmt.Errorf("%w: %d operands, want %d", ErrShape, len(in), n)
	}
	return nil
}

// sameDType checks that all operands have the dtype of the first.
func sameDType(in []Type) error {
	for _, t := range in[1:] {
		if t.DType != in[0].DType {
			return fmt.Errorf("%w: operands are %v and %v", ErrDType, in[0].DType, t.DType)
		}
	}
	return nil
}

// floating checks that all operands have the floating dtype of the first.
func floating(in []Type) error {
	if !in[0].DType.Floating() {
		return fmt.Errorf("%w: operand is %v, want a floating type", ErrDType, in[0].DType)
	}
	return sameDType(in)
}

func one(d DType, s Shape) ([]Type, error) { return []Type{{d, s}}, nil }

func sameDim(a, b int) bool { return a == b || a == Dyn || b == Dyn }
