package graph

import (
	"fmt"
	"slices"
)

// Hash numbers the bin of each element by the hash of its text; an integer's is
// its decimal form. The hash is FarmHash's Fingerprint64, or, with Strong,
// SipHash-2-4 under Key.
//
//	x       (...)    String or integers
//	result  (...)    Int64 from 0 to Bins-1
type Hash struct {
	Bins   int
	Strong bool
	Key    [2]uint64
}

// Infer implements [Op].
func (h Hash) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 1); err != nil {
		return nil, err
	}
	if err := words(in[0]); err != nil {
		return nil, err
	}
	if err := positive("bins", []int{h.Bins}, 1); err != nil {
		return nil, err
	}
	return one(Int64, in[0].Shape)
}

// CrossHash numbers the bin of each tuple of elements, as tf.sparse.cross_hashed
// does: fingerprints of strings and the integers themselves, one after the other.
//
//	x...    (...)    String or integers, of one shape
//	result  (...)    Int64 from 0 to Bins-1
type CrossHash struct{ Bins int }

// Infer implements [Op].
func (c CrossHash) Infer(in []Type) ([]Type, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("%w: no operands", ErrShape)
	}
	shape := in[0].Shape.Clone()
	for _, t := range in {
		if err := words(t); err != nil {
			return nil, err
		}
		if len(t.Shape) != len(shape) {
			return nil, fmt.Errorf("%w: operands are %v and %v", ErrShape, in[0].Shape, t.Shape)
		}
		for i, n := range t.Shape {
			if !sameDim(n, shape[i]) {
				return nil, fmt.Errorf("%w: operands are %v and %v", ErrShape, in[0].Shape, t.Shape)
			}
			if shape[i] == Dyn {
				shape[i] = n
			}
		}
	}
	if err := positive("bins", []int{c.Bins}, 1); err != nil {
		return nil, err
	}
	return one(Int64, shape)
}

// Lookup finds elements in a vocabulary without repetitions. An element that is
// not in it is -1, or with Strict an error.
//
//	x           (...)    String or Int64
//	vocabulary  (n)      the same type
//	result      (...)    Int64
type Lookup struct{ Strict bool }

// Infer implements [Op].
func (Lookup) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 2); err != nil {
		return nil, err
	}
	if err := sameDType(in); err != nil {
		return nil, err
	}
	if d := in[0].DType; d != String && d != Int64 {
		return nil, fmt.Errorf("%w: lookup of %v", ErrDType, d)
	}
	if len(in[1].Shape) != 1 {
		return nil, fmt.Errorf("%w: vocabulary %v", ErrShape, in[1].Shape)
	}
	return one(Int64, in[0].Shape)
}

// TextSplit says what the tokens of a text are.
type TextSplit string

// The ways to split a text.
const (
	NoSplit         TextSplit = ""           // a token is a whole text
	SplitWhitespace TextSplit = "whitespace" // ASCII whitespace
	SplitCharacter  TextSplit = "character"  // Unicode code points; malformed UTF-8 is U+FFFD
)

// TextSplits lists every TextSplit.
var TextSplits = []TextSplit{NoSplit, SplitWhitespace, SplitCharacter}

// Tokens splits texts into tokens, joins neighbours to n-grams and finds those
// in a vocabulary without repetitions. Places are 0 for the empty token, 1 for
// tokens that are not in the vocabulary, and then the vocabulary's. With Count
// they are counted instead: first those that are not in the vocabulary, then
// the vocabulary's, and the empty token nowhere.
//
//	x           (..., n)       String; (...) with a Split
//	vocabulary  (m)            String
//	result      (..., Size)    Int64; places beyond Size are dropped, missing ones and columns are 0
type Tokens struct {
	Lower  bool // ASCII letters to lower case, before the split
	Strip  bool // drop ASCII punctuation, before the split
	Split  TextSplit
	NGrams []int // lengths of the n-grams, one after the other; nil for single tokens
	Size   int
	Count  bool
}

// Infer implements [Op].
func (t Tokens) Infer(in []Type) ([]Type, error) {
	if err := operands(in, 2); err != nil {
		return nil, err
	}
	if in[0].DType != String || in[1].DType != String {
		return nil, fmt.Errorf("%w: tokens of %v in %v", ErrDType, in[0].DType, in[1].DType)
	}
	if len(in[1].Shape) != 1 {
		return nil, fmt.Errorf("%w: vocabulary %v", ErrShape, in[1].Shape)
	}
	if !slices.Contains(TextSplits, t.Split) {
		return nil, fmt.Errorf("%w: split %q", ErrAttr, t.Split)
	}
	if err := positive("n-grams", t.NGrams, len(t.NGrams)); err != nil {
		return nil, err
	}
	if err := positive("size", []int{t.Size}, 1); err != nil {
		return nil, err
	}
	if n := in[1].Shape[0]; t.Count && n >= t.Size {
		return nil, fmt.Errorf("%w: %d counts for a vocabulary of %d", ErrAttr, t.Size, n)
	}
	shape := in[0].Shape.Clone()
	if t.Split == NoSplit {
		if len(shape) == 0 {
			return nil, fmt.Errorf("%w: %v is no list of texts", ErrShape, shape)
		}
		shape = shape[:len(shape)-1]
	}
	return one(Int64, append(shape, t.Size))
}

// words checks that elements have a text.
func words(t Type) error {
	if t.DType != String && !t.DType.Integer() {
		return fmt.Errorf("%w: hash of %v", ErrDType, t.DType)
	}
	return nil
}
