package serve

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/kerasrun/kerasrun"
)

// appendNested appends a tensor as nested arrays; a shape of no dimension is one element.
func appendNested(dst []byte, t kerasrun.Tensor) []byte {
	at := 0
	var level func(shape kerasrun.Shape)
	level = func(shape kerasrun.Shape) {
		if len(shape) == 0 {
			dst = appendElement(dst, t, at)
			at++
			return
		}
		dst = append(dst, '[')
		for i := range shape[0] {
			if i > 0 {
				dst = append(dst, ',')
			}
			level(shape[1:])
		}
		dst = append(dst, ']')
	}
	level(t.Shape)
	return dst
}

// appendFlat appends the elements of a tensor as one array.
func appendFlat(dst []byte, t kerasrun.Tensor) []byte {
	t.Shape = kerasrun.Shape{t.Len()}
	return appendNested(dst, t)
}

// appendElement appends element i. Floating numbers have as many digits as tell them from their neighbours, and a point
// or an exponent, so that clients read them as such.
func appendElement(dst []byte, t kerasrun.Tensor, i int) []byte {
	switch d := t.Data.(type) {
	case []string:
		return appendText(dst, d[i])
	case []bool:
		return strconv.AppendBool(dst, d[i])
	case []int64:
		return strconv.AppendInt(dst, d[i], 10)
	case []uint64:
		return strconv.AppendUint(dst, d[i], 10)
	case []float64:
		return appendFloat(dst, d[i], 64)
	}
	x := t.Float(i)
	if t.DType.Floating() {
		return appendFloat(dst, x, 32)
	}
	return strconv.AppendInt(dst, int64(x), 10)
}

func appendFloat(dst []byte, x float64, bits int) []byte {
	switch {
	case math.IsNaN(x):
		return append(dst, "NaN"...)
	case math.IsInf(x, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(x, -1):
		return append(dst, "-Infinity"...)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, x, 'g', -1, bits)
	for _, c := range dst[start:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// appendText appends a string, {"b64": "..."} where its bytes are not UTF-8.
func appendText(dst []byte, text string) []byte {
	if !utf8.ValidString(text) {
		dst = append(dst, `{"b64":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, []byte(text))
		return append(dst, `"}`...)
	}
	return appendQuoted(dst, text)
}

// appendQuoted appends a JSON string.
func appendQuoted(dst []byte, text string) []byte {
	quoted, _ := json.Marshal(text) // of a string it never fails
	return append(dst, quoted...)
}
