package output

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun"
)

// Float writes x for people: four significant digits, or all of an integer's up
// to nine.
func Float(x float64) string {
	switch a := math.Abs(x); {
	case math.IsNaN(x):
		return "NaN"
	case math.IsInf(x, 1):
		return "Infinity"
	case math.IsInf(x, -1):
		return "-Infinity"
	case x == 0:
		return "0"
	case a >= 1e4 && a < 1e9:
		return fmt.Sprintf("%.0f", x)
	default:
		return strings.TrimSuffix(fmt.Sprintf("%#.4g", x), ".")
	}
}

// Element writes element i of t for people.
func Element(t kerasrun.Tensor, i int) string {
	switch {
	case t.DType == kerasrun.String, t.DType.Floating():
		if t.DType == kerasrun.String {
			return strconv.Quote(t.Data.([]string)[i])
		}
		return Float(t.Float(i))
	}
	return string(AppendElement(nil, t, i))
}

// AppendElement appends element i of t as JSON: the shortest decimal that reads
// back as the same number, and NaN and the infinities, which JSON lacks, as the
// strings "NaN", "Infinity" and "-Infinity".
func AppendElement(b []byte, t kerasrun.Tensor, i int) []byte {
	switch d := t.Data.(type) {
	case []string:
		text, _ := json.Marshal(d[i]) // a string always marshals
		return append(b, text...)
	case []bool:
		return strconv.AppendBool(b, d[i])
	case []int64:
		return strconv.AppendInt(b, d[i], 10)
	case []uint64:
		return strconv.AppendUint(b, d[i], 10)
	case []float64:
		return appendFloat(b, d[i], 64)
	}
	return appendFloat(b, t.Float(i), 32)
}

func appendFloat(b []byte, x float64, bits int) []byte {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return strconv.AppendQuote(b, Float(x))
	}
	format := byte('f')
	if a := math.Abs(x); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, x, format, -1, bits)
}

// Count writes n with commas: 44,408,133.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Bytes writes a size: 1.41 MiB.
func Bytes(n int64) string {
	return scaled(float64(n), 1024, " B", " KiB", " MiB", " GiB", " TiB")
}

// Quantity writes a large number with a prefix: 3.86 G.
func Quantity(n int64) string {
	return scaled(float64(n), 1000, "", " K", " M", " G", " T")
}

func scaled(x, base float64, units ...string) string {
	i := 0
	for i < len(units)-1 && x >= base {
		x /= base
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%.0f%s", x, units[0])
	}
	return fmt.Sprintf("%.3g%s", x, units[i])
}
