package reference

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// OnText reports the ops that read the text of their elements.
func OnText(op graph.Op) bool {
	switch op.(type) {
	case graph.Hash, graph.CrossHash, graph.Lookup, graph.Tokens:
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

// Text computes elements lo to hi-1 of an op of [OnText], of [graph.Tokens] rows
// lo to hi-1. The vocabulary of a [graph.Lookup] or [graph.Tokens] is in index. It
// allocates only for texts of more than 64 bytes and, of Tokens, 256 bytes or 32 tokens.
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
	case graph.Tokens:
		x := in[0].Data.([]string)
		n := 1 // texts in a row
		if op.Split == graph.NoSplit {
			n = in[0].Shape[len(in[0].Shape)-1]
		}
		var text [256]byte
		var ends [32]int
		row := tokenRow{text[:0], ends[:0]}
		for i := lo; i < hi; i++ {
			row = row.read(op, x[i*n:(i+1)*n])
			row.write(op, y[i*op.Size:(i+1)*op.Size], index.words)
		}
	}
	return nil
}

// A tokenRow holds the tokens of a row with a space between each two, so that
// n-grams are parts of its text.
type tokenRow struct {
	text []byte
	ends []int // of each token in text
}

// read returns r with the tokens of texts instead of its own.
func (r tokenRow) read(op graph.Tokens, texts []string) tokenRow {
	text, ends := r.text[:0], r.ends[:0]
	for _, s := range texts {
		switch op.Split {
		case graph.SplitWhitespace:
			inside := false
			for i := range len(s) {
				if b := s[i]; b == ' ' || b >= '\t' && b <= '\r' {
					if inside {
						ends = append(ends, len(text))
					}
					inside = false
				} else if b, ok := standard(op, b); ok {
					if !inside {
						text = separate(text, len(ends))
					}
					inside = true
					text = append(text, b)
				}
			}
			if inside {
				ends = append(ends, len(text))
			}
		case graph.SplitCharacter:
			for s != "" {
				c, n := firstRune(s)
				s = s[n:]
				if c < utf8.RuneSelf {
					b, ok := standard(op, byte(c))
					if !ok {
						continue
					}
					c = rune(b)
				}
				text = utf8.AppendRune(separate(text, len(ends)), c)
				ends = append(ends, len(text))
			}
		default:
			text = separate(text, len(ends))
			for i := range len(s) {
				if b, ok := standard(op, s[i]); ok {
					text = append(text, b)
				}
			}
			ends = append(ends, len(text))
		}
	}
	return tokenRow{text, ends}
}

// separate appends the space that goes before a token after others.
func separate(text []byte, others int) []byte {
	if others > 0 {
		text = append(text, ' ')
	}
	return text
}

// standard returns b in the form in which op compares it; ok is false if op drops it.
func standard(op graph.Tokens, b byte) (byte, bool) {
	switch {
	case op.Lower && b >= 'A' && b <= 'Z':
		return b + ('a' - 'A'), true
	case op.Strip && (b >= '!' && b <= '/' || b >= ':' && b <= '@' || b >= '[' && b <= '`' || b >= '{' && b <= '~'):
		return 0, false
	}
	return b, true
}

// firstRune returns the first code point of s and its length; malformed UTF-8 is
// U+FFFD for as many bytes as could have begun a code point, as in ICU.
func firstRune(s string) (rune, int) {
	c, n := utf8.DecodeRuneInString(s)
	if c != utf8.RuneError || n != 1 {
		return c, n
	}
	// A prefix is good if some continuation makes it a code point.
	for n < min(len(s), 3) && begins(s[:n+1]) {
		n++
	}
	return utf8.RuneError, n
}

// begins reports whether s, of 2 or 3 bytes, is the beginning of a longer code point.
func begins(s string) bool {
	for _, rest := range []string{"\x80", "\x80\x80"} {
		if c, n := utf8.DecodeRuneInString(s + rest); n == len(s)+len(rest) && c != utf8.RuneError {
			return true
		}
	}
	return false
}

// write puts the places or counts of the row's n-grams into y.
func (r tokenRow) write(op graph.Tokens, y []int64, words map[string]int64) {
	clear(y)
	single := [1]int{1}
	lengths := op.NGrams
	if lengths == nil {
		lengths = single[:]
	}
	at := 0
	for _, n := range lengths {
		for i := n - 1; i < len(r.ends); i++ {
			start := 0
			if i >= n {
				start = r.ends[i-n] + 1
			}
			gram := r.text[start:r.ends[i]]
			place, ok := words[string(gram)]
			switch {
			case len(gram) == 0 && op.Count:
			case op.Count && ok:
				y[place+1]++
			case op.Count:
				y[0]++
			case at == len(y):
				return
			case len(gram) == 0:
				at++
			case ok:
				y[at] = place + 2
				at++
			default:
				y[at] = 1
				at++
			}
		}
	}
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
