package reference

import (
	"fmt"
	"strconv"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// OnText reports the ops that read the text of their elements.
func OnText(op graph.Op) bool {
	switch op.(type) {
	case graph.Hash, graph.CrossHash, graph.Lookup:
		return true
	}
	return false
}

// A Vocabulary finds elements.
type Vocabulary struct {
	words map[string]int64
	ints  map[int64]int64
}

// NewVocabulary makes the Vocabulary of a tensor of type String or Int64.
func NewVocabulary(vocabulary graph.Tensor) *Vocabulary {
	x := &Vocabulary{words: map[string]int64{}, ints: map[int64]int64{}}
	switch d := vocabulary.Data.(type) {
	case []string:
		for i, w := range d {
			x.words[w] = int64(i)
		}
	case []int64:
		for i, n := range d {
			x.ints[n] = int64(i)
		}
	}
	return x
}

// Text computes elements lo to hi-1 of an op of [OnText]. The vocabulary of a
// [graph.Lookup] is in index. It allocates only for texts of more than 64 bytes.
func Text(op graph.Op, in []graph.Tensor, out graph.Tensor, index *Vocabulary, lo, hi int) error {
	y := out.Data.([]int64)
	var stack [64]byte
	buf := stack[:0]
	switch op := op.(type) {
	case graph.Hash:
		for i := lo; i < hi; i++ {
			buf = appendText(buf[:0], in[0], i)
			h := uint64(0)
			if op.Strong {
				h = SipHash(op.Key, buf)
			} else {
				h = Fingerprint64(buf)
			}
			y[i] = int64(h % uint64(op.Bins))
		}
	case graph.CrossHash:
		const seed = 0xDECAFCAFFE // of TensorFlow
		for i := lo; i < hi; i++ {
			h := uint64(seed)
			for _, x := range in {
				f := uint64(0)
				if x.DType == graph.String {
					buf = appendText(buf[:0], x, i)
					f = Fingerprint64(buf)
				} else {
					f = uint64(intAt(x, i))
				}
				h = concatFingerprints(h, f)
			}
			y[i] = int64(h % uint64(op.Bins))
		}
	case graph.Lookup:
		for i := lo; i < hi; i++ {
			n, ok := int64(0), false
			switch d := in[0].Data.(type) {
			case []string:
				n, ok = index.words[d[i]]
			case []int64:
				n, ok = index.ints[d[i]]
			}
			switch {
			case ok:
				y[i] = n
			case op.Strict:
				buf = appendText(buf[:0], in[0], i)
				return fmt.Errorf("%w: %q is not in the vocabulary, which has no index for others", graph.ErrAttr, string(buf))
			default:
				y[i] = -1
			}
		}
	}
	return nil
}

// appendText appends the text of element i.
func appendText(buf []byte, t graph.Tensor, i int) []byte {
	switch d := t.Data.(type) {
	case []string:
		return append(buf, d[i]...)
	case []uint64:
		return strconv.AppendUint(buf, d[i], 10)
	}
	return strconv.AppendInt(buf, intAt(t, i), 10)
}
