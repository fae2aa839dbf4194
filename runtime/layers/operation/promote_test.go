package operation

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// The upper triangle of keras.backend.result_type of Keras 3.15, over the
// columns of the types in order, then int and float.
func TestPromote(t *testing.T) {
	types := strings.Fields("float32 float64 float16 bfloat16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool")
	rows := []string{
		"float32 float64 float32 float32 float32 float32 float32 float32 float32 float32 float32 float32 float32 float32 float32",
		"float64 float64 float64 float64 float64 float64 float64 float64 float64 float64 float64 float64 float64 float64",
		"float16 float32 float16 float16 float16 float16 float16 float16 float16 float16 float16 float16 float16",
		"bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 bfloat16",
		"int8 int16 int32 int64 int16 int32 int64 float32 int8 int8 float32",
		"int16 int32 int64 int16 int32 int64 float32 int16 int16 float32",
		"int32 int64 int32 int32 int64 float32 int32 int32 float32",
		"int64 int64 int64 int64 float32 int64 int64 float32",
		"uint8 uint16 uint32 uint32 uint8 uint8 float32",
		"uint16 uint32 uint32 uint16 uint16 float32",
		"uint32 uint32 uint32 uint32 float32",
		"uint32 uint32 uint32 float32",
		"bool int32 float32",
	}
	for i, row := range rows {
		a, _ := graph.ParseDType(types[i])
		for k, want := range strings.Fields(row) {
			b := weakInt + lattice(i+k-len(types))
			if i+k < len(types) {
				d, _ := graph.ParseDType(types[i+k])
				b = latticeOf(d)
			}
			for _, pair := range [][2]lattice{{latticeOf(a), b}, {b, latticeOf(a)}} {
				got, err := promote(pair[0], pair[1])
				require.NoError(t, err)
				require.Equal(t, want, got.String(), "%s, column %d", types[i], i+k)
			}
		}
	}
	got, err := promote(weakInt, weakFloat)
	require.NoError(t, err)
	require.Equal(t, graph.Float32, got)
	_, err = promote(latticeOf(graph.String), weakInt)
	require.ErrorIs(t, err, graph.ErrDType)
}
