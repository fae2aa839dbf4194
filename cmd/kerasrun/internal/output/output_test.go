package output_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/output"
)

var nan, inf = float32(math.NaN()), float32(math.Inf(1))

func result(data []float32, shape ...int) output.Result {
	return output.Result{Input: `a "b".png`, Row: -1, Outputs: []output.Output{{Name: "dense", Tensor: kerasrun.Floats(data, shape...)}}}
}

func written(t *testing.T, format string, results ...output.Result) string {
	t.Helper()
	var b bytes.Buffer
	w := output.NewWriter(format, &b, output.Style{})
	for _, r := range results {
		require.NoError(t, w.Add(r))
	}
	require.NoError(t, w.Close())
	return b.String()
}

func TestJSON(t *testing.T) {
	for _, c := range []struct {
		r    output.Result
		want string
	}{
		{result([]float32{1, -2.5, 1e-9, 3e30}, 4), `[1,-2.5,1e-09,3e+30]`},
		{result([]float32{nan, inf, -inf}, 3), `["NaN","Infinity","-Infinity"]`},
		{result([]float32{0.1}), `0.1`},
		{result([]float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 2, 3, 2), `[[[1,2],[3,4],[5,6]],[[7,8],[9,10],[11,12]]]`},
		{result([]float32{1, 2}, 1, 2, 1), `[[[1],[2]]]`},
		{result(nil, 0), `[]`},
	} {
		text := written(t, "json", c.r)
		require.Equal(t, `{"schema_version":1,"results":[{"input":"a \"b\".png","outputs":{"dense":`+c.want+"}}]}\n", text)
		require.True(t, json.Valid([]byte(text)))
	}
	require.Equal(t, "{\"schema_version\":1,\"results\":[]}\n", written(t, "json"))
	r := result([]float32{0.25, 0.75}, 2)
	r.Row, r.Top = 3, output.Best(r.Outputs[0], 1, []string{"cat", "dog"})
	require.Equal(t, `{"schema_version":1,"input":"a \"b\".png","row":3,"outputs":{"dense":[0.25,0.75]},"top":[{"index":1,"label":"dog","score":0.75}]}`+"\n", written(t, "jsonl", r))
}

func TestElementTypes(t *testing.T) {
	for _, c := range []struct {
		tensor kerasrun.Tensor
		want   string
	}{
		{kerasrun.Tensor{DType: kerasrun.Int64, Data: []int64{math.MaxInt64}}, "9223372036854775807"},
		{kerasrun.Tensor{DType: kerasrun.Uint64, Data: []uint64{math.MaxUint64}}, "18446744073709551615"},
		{kerasrun.Tensor{DType: kerasrun.Bool, Data: []bool{true}}, "true"},
		{kerasrun.Tensor{DType: kerasrun.Float64, Data: []float64{0.1}}, "0.1"},
		{kerasrun.Tensor{DType: kerasrun.Float16, Data: []uint16{0x3c00}}, "1"},
		{kerasrun.Tensor{DType: kerasrun.Int8, Data: []int8{-7}}, "-7"},
		{kerasrun.Tensor{DType: kerasrun.String, Data: []string{"a<b"}}, `"a\u003cb"`},
	} {
		require.Equal(t, c.want, string(output.AppendElement(nil, c.tensor, 0)))
	}
}

// NaN is never the best class, and equal scores keep their order.
func TestBest(t *testing.T) {
	best := output.Best(result([]float32{nan, 1, inf, 1, -inf}, 5).Outputs[0], 9, nil)
	var order []int
	for _, s := range best {
		order = append(order, s.Index)
	}
	require.Equal(t, []int{2, 1, 3, 4, 0}, order)
	require.Equal(t, "2", best[0].Label)
}

func TestNumbers(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0", 1: "1.000", 0.99988: "0.9999", 8.4e-5: "8.400e-05", 12345.6: "12346", 1e12: "1.000e+12", -0.5: "-0.5000", 999.96: "1000",
		math.Inf(-1): "-Infinity",
	} {
		require.Equal(t, want, output.Float(x))
	}
	require.Equal(t, "NaN", output.Float(math.NaN()))
	require.Equal(t, "44,408,133", output.Count(44408133))
	require.Equal(t, "-1,234", output.Count(-1234))
	require.Equal(t, "999", output.Count(999))
	require.Equal(t, "1023 B", output.Bytes(1023))
	require.Equal(t, "1.5 KiB", output.Bytes(1536))
	require.Equal(t, "3.86 G", output.Quantity(3858e6))
}

// Arrays and the columns of a csv cannot hold results of different shapes.
func TestShapesDiffer(t *testing.T) {
	for _, format := range []string{"csv", "npy", "npz"} {
		w := output.NewWriter(format, io.Discard, output.Style{})
		require.NoError(t, w.Add(result([]float32{1, 2}, 2)))
		require.ErrorIs(t, w.Add(result([]float32{1, 2, 3}, 3)), kerasrun.ErrShape)
	}
}

func TestNpy(t *testing.T) {
	text := written(t, "npy", result([]float32{1, 2}, 2), result([]float32{3, 4}, 2))
	got, err := kerasrun.ReadNpy(strings.NewReader(text), 0)
	require.NoError(t, err)
	require.Equal(t, kerasrun.Floats([]float32{1, 2, 3, 4}, 2, 2), got)
}

func TestTableNeverEmpty(t *testing.T) {
	text := written(t, "table", result(nil, 0, 3))
	require.Contains(t, text, "dense   (0, 3)  (no elements)")
}
