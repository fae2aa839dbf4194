package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision"
)

// maxPixels bounds an image in a request, before it is resized: 16 Mi pixels.
const maxPixels = 16 << 20

// A builder makes a tensor from nested JSON arrays.
type builder struct {
	ctx   context.Context
	name  string
	dtype kerasrun.DType
	// image says how the input takes images that stand as {"b64": "..."} in the place of an element; nil if it takes none.
	image *vision.Layout
	mode  vision.Mode
	most  int  // elements
	flat  bool // the nesting of arrays has no meaning

	shape    []int // by depth; -1 until the first array there has ended
	rank     int   // -1 until the first element
	path     []int
	floats32 []float32
	floats   []float64
	ints     []int64
	uints    []uint64
	bools    []bool
	texts    []string
}

func (b *builder) errorf(format string, args ...any) error {
	where := ""
	for _, i := range b.path {
		where += fmt.Sprintf("[%d]", i)
	}
	if where != "" {
		where = " at " + where
	}
	return badRequest("input %q%s: %s", b.name, where, fmt.Sprintf(format, args...))
}

// read reads a value at a depth of arrays.
func (b *builder) read(s *scanner, depth int) error {
	switch s.peek() {
	case '[':
		return b.array(s, depth)
	case '{':
		return b.encoded(s, depth)
	}
	if err := b.leaf(depth); err != nil {
		return err
	}
	return b.element(s)
}

// leaf notes that elements stand at a depth.
func (b *builder) leaf(depth int) error {
	switch {
	case b.flat || b.rank == depth:
	case b.rank < 0 && depth >= len(b.shape):
		b.rank = depth
	default:
		return b.errorf("an element, want an array as before")
	}
	return nil
}

func (b *builder) array(s *scanner, depth int) error {
	if b.rank >= 0 && depth >= b.rank && !b.flat {
		return b.errorf("an array, want an element as before")
	}
	if depth == len(b.shape) {
		b.shape = append(b.shape, -1)
	}
	if b.dtype == kerasrun.Float32 && (b.flat || b.rank == depth+1) && s.depth < maxDepth { // most of a body
		had := len(b.floats32)
		var ok bool
		if b.floats32, ok = s.row(b.floats32); ok {
			return b.length(depth, len(b.floats32)-had)
		}
	}
	n := 0
	b.path = append(b.path, 0)
	err := s.array(func(i int) error {
		b.path[len(b.path)-1] = i
		n = i + 1
		return b.read(s, depth+1)
	})
	if err != nil {
		return err
	}
	b.path = b.path[:len(b.path)-1]
	return b.length(depth, n)
}

// length notes the number of elements of an array at a depth.
func (b *builder) length(depth, n int) error {
	switch {
	case b.flat:
	case b.shape[depth] < 0:
		b.shape[depth] = n
	case b.shape[depth] != n:
		return b.errorf("%d elements, want %d as before", n, b.shape[depth])
	}
	return nil
}

// element reads a scalar, at whose first byte s is.
func (b *builder) element(s *scanner) error {
	switch {
	case b.dtype == kerasrun.String:
		if s.peek() != '"' {
			return b.errorf("%s, want a string", s.found())
		}
		text, err := s.text()
		b.texts = append(b.texts, text)
		return err
	case b.dtype == kerasrun.Bool:
		found := s.found()
		word := s.word()
		if word != "true" && word != "false" {
			return b.errorf("%s, want true or false", found)
		}
		b.bools = append(b.bools, word == "true")
		return nil
	}
	var text []byte
	word := ""
	if c := s.peek(); c-'0' >= 10 {
		word = s.word()
	}
	switch word {
	case "":
		if c := s.peek(); c != '-' && c-'0' >= 10 {
			return b.errorf("%s, want a number", s.found())
		}
		var err error
		if text, err = s.number("a number"); err != nil {
			return err
		}
	case "NaN", "Infinity", "-Infinity":
		text = []byte(word)
	default:
		return b.errorf("%s, want a number", word)
	}
	return b.number(text)
}

// number appends a number of valid form.
func (b *builder) number(text []byte) error {
	var err error
	switch d := b.dtype; {
	case d == kerasrun.Float32:
		var x float64
		x, err = strconv.ParseFloat(string(text), 32)
		b.floats32 = append(b.floats32, float32(x))
	case d.Floating():
		var x float64
		x, err = strconv.ParseFloat(string(text), 64)
		b.floats = append(b.floats, x)
	case d == kerasrun.Uint64:
		var x uint64
		x, err = strconv.ParseUint(string(text), 10, 64)
		b.uints = append(b.uints, x)
	default:
		var x int64
		x, err = strconv.ParseInt(string(text), 10, 64)
		if errors.Is(err, strconv.ErrSyntax) { // 2.0 and 1e3 are integers too
			var f float64
			if f, err = strconv.ParseFloat(string(text), 64); err == nil && (f != math.Trunc(f) || math.Abs(f) > 1<<53) {
				err = strconv.ErrRange
			}
			x = int64(f)
		}
		if lo, hi := limits(d); err == nil && (x < lo || x > hi) {
			err = strconv.ErrRange
		}
		b.ints = append(b.ints, x)
	}
	if err != nil {
		return b.errorf("%s, want a number of type %v", text[:min(len(text), 32)], b.dtype)
	}
	return nil
}

// limits are the least and the greatest integer of a type, those of Uint64 apart.
func limits(d kerasrun.DType) (lo, hi int64) {
	bits := 8 * d.Size()
	if d >= kerasrun.Uint8 {
		return 0, 1<<bits - 1
	}
	return -1 << (bits - 1), 1<<(bits-1) - 1
}

// encoded reads {"b64": "..."}: the bytes of a string, or an image.
func (b *builder) encoded(s *scanner, depth int) error {
	data, err := readBase64(s)
	if err != nil {
		return b.errorf("%v", err)
	}
	if b.dtype == kerasrun.String {
		if err := b.leaf(depth); err != nil {
			return err
		}
		b.texts = append(b.texts, string(data))
		return nil
	}
	if b.image == nil || b.flat {
		return b.errorf("an object, want an element of type %v", b.dtype)
	}
	return b.picture(data, depth)
}

// readBase64 reads an object that has only the member "b64".
func readBase64(s *scanner) ([]byte, error) {
	var data []byte
	found := false
	err := s.object(func(name string) error {
		if name != "b64" {
			return fmt.Errorf("the name %q, want \"b64\"", name)
		}
		text, err := s.text()
		if err != nil {
			return err
		}
		found = true
		data, err = base64.StdEncoding.DecodeString(text)
		if err != nil {
			data, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
		}
		return err
	})
	if err == nil && !found {
		err = errors.New(`an object without "b64"`)
	}
	return data, err
}

// picture appends the pixels of an image that stands for one example.
func (b *builder) picture(data []byte, depth int) error {
	if depth != 1 {
		return b.errorf("an image at depth %d, want one for each example", depth)
	}
	if err := b.ctx.Err(); err != nil {
		return err
	}
	img, err := vision.Decode(bytes.NewReader(data), maxPixels)
	if err != nil {
		return b.errorf("%v", err)
	}
	t, err := b.image.Tensor(img, b.mode)
	if err != nil {
		return b.errorf("%v", err)
	}
	one := t.Shape[1:]
	switch {
	case b.rank < 0 && len(b.shape) <= 1:
		b.shape = append(b.shape, one...)
		b.rank = len(b.shape)
	case b.rank != len(t.Shape) || !slices.Equal(b.shape[1:], one):
		return b.errorf("an image of shape %v, want that of the examples before", one)
	}
	if b.count()+t.Len() > b.most {
		return fail(413, "input %q: more than %d elements", b.name, b.most)
	}
	for _, x := range t.Float32s() {
		switch {
		case b.dtype == kerasrun.Float32:
			b.floats32 = append(b.floats32, x)
		case b.dtype.Floating():
			b.floats = append(b.floats, float64(x))
		case b.dtype == kerasrun.Uint64:
			b.uints = append(b.uints, uint64(max(0, x)))
		case b.dtype == kerasrun.Bool:
			b.bools = append(b.bools, x != 0)
		default:
			lo, hi := limits(b.dtype)
			b.ints = append(b.ints, min(max(int64(x), lo), hi))
		}
	}
	return nil
}

func (b *builder) count() int {
	return len(b.floats32) + len(b.floats) + len(b.ints) + len(b.uints) + len(b.bools) + len(b.texts)
}

// tensor is the tensor that was read.
func (b *builder) tensor() kerasrun.Tensor {
	shape := make(kerasrun.Shape, 0, len(b.shape))
	for _, n := range b.shape {
		shape = append(shape, max(0, n))
	}
	if b.flat {
		shape = kerasrun.Shape{b.count()}
	}
	return kerasrun.Tensor{DType: b.dtype, Shape: shape, Data: b.elements()}
}

// elements are the elements in the form that a tensor has.
func (b *builder) elements() any {
	switch b.dtype {
	case kerasrun.Float32:
		return b.floats32
	case kerasrun.Float64:
		return b.floats
	case kerasrun.Int64:
		return b.ints
	case kerasrun.Uint64:
		return b.uints
	case kerasrun.Bool:
		return b.bools
	case kerasrun.String:
		return b.texts
	case kerasrun.Int8:
		return integers[int8](b.ints)
	case kerasrun.Int16:
		return integers[int16](b.ints)
	case kerasrun.Int32:
		return integers[int32](b.ints)
	case kerasrun.Uint8:
		return integers[uint8](b.ints)
	case kerasrun.Uint16:
		return integers[uint16](b.ints)
	case kerasrun.Uint32:
		return integers[uint32](b.ints)
	}
	half := kerasrun.Tensor{DType: b.dtype, Shape: kerasrun.Shape{len(b.floats)}, Data: make([]uint16, len(b.floats))}
	for i, x := range b.floats {
		half.SetFloat(i, x)
	}
	return half.Data
}

func integers[T int8 | int16 | int32 | uint8 | uint16 | uint32](from []int64) []T {
	out := make([]T, len(from))
	for i, x := range from {
		out[i] = T(x)
	}
	return out
}
