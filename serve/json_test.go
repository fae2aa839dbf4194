package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
)

func readFloats(text string) (kerasrun.Tensor, error) {
	b := builder{ctx: context.Background(), name: "x", dtype: kerasrun.Float32, most: 1 << 20, rank: -1}
	s := &scanner{data: []byte(text)}
	if err := b.read(s, 0); err != nil {
		return kerasrun.Tensor{}, err
	}
	return b.tensor(), s.end()
}

// Numbers are the nearest float32 in whatever form they stand, in the first row as in those after it, which are read another way.
func TestNumbers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	texts := []string{"0", "-0", "0.0", "-0.0", "1", "16777215", "16777216", "16777217", "16777219", "1677721", "0.1", "0.3333333", "33.333333333333",
		"0.0000000001", "0.00000000001", "1.6777217", "0.16777217", "1e3", "1E-3", "1.5e+2", "3.4028235e38", "1e-45", "NaN", "Infinity", "-Infinity"}
	for range 20000 {
		texts = append(texts, strconv.FormatFloat(math.Ldexp(random.Float64()-.5, random.IntN(30)-5), 'f', random.IntN(12), 64))
	}
	for _, text := range texts {
		want, err := strconv.ParseFloat(text, 32)
		require.NoError(t, err)
		got, err := readFloats("[[" + text + "],[ " + text + " ],[" + text + "]]")
		require.NoError(t, err, text)
		require.Equal(t, kerasrun.Shape{3, 1}, got.Shape)
		for _, x := range got.Float32s() {
			require.Equal(t, math.Float32bits(float32(want)), math.Float32bits(x), "%s: %v", text, x)
		}
	}
}

// What is no row of numbers is refused after rows as before them.
func TestRows(t *testing.T) {
	for text, want := range map[string]string{
		`[[1,2],[3]]`: `input "x" at [1]: 1 elements, want 2 as before`, `[[1,2],[]]`: `input "x" at [1]: 0 elements, want 2 as before`,
		`[[1,2],[3,01]]`: "JSON, byte 10: ", `[[1,2],[3,1.]]`: "JSON, byte ", `[[1,2],[3,.5]]`: "", `[[1,2],[3,-]]`: "", `[[1,2],[3,1.5.2]]`: "JSON, byte ",
		`[[1,2],[3,4`: "JSON, byte 11: the end, want ',' or ']'", `[[1,2],[3,`: `the end, want a number`, `[[1,2],[3,4,]]`: "", `[[1,2],[,3]]`: "",
		`[[1,2],[3,[4]]]`: `input "x" at [1][1]: an array, want an element as before`, `[[1,2],[3,"4"]]`: `input "x" at [1][1]: "\"4\"", want a number`,
		`[[1,2],[3,null]]`: `input "x" at [1][1]: null, want a number`, `[[1,2],[3,1e99]]`: `input "x" at [1][1]: 1e99, want a number of type float32`,
		`[[1,2],[3,+4]]`: "", `[[1,2],[3 4]]`: "JSON, byte ", `[[1,2],3]`: `input "x" at [1]: an element, want an array as before`,
	} {
		_, err := readFloats(text)
		require.Error(t, err, text)
		require.Contains(t, err.Error(), want, text)
		require.NotContains(t, err.Error(), "internal")
		require.False(t, json.Valid([]byte(text)) && want == "", text)
	}
	got, err := readFloats("[[1,2],\n[3,4] , [5e0,6],[ 7 ,\t8 ]]")
	require.NoError(t, err)
	require.Equal(t, []float32{1, 2, 3, 4, 5, 6, 7, 8}, got.Float32s())
	deep := strings.Repeat("[", maxDepth+1) + "1" + strings.Repeat("]", maxDepth+1)
	_, err = readFloats(deep)
	require.ErrorContains(t, err, fmt.Sprintf("nested deeper than %d", maxDepth))
}
