package input

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
)

func TestReadTexts(t *testing.T) {
	for _, c := range []struct {
		file    string
		columns bool
		shape   kerasrun.Shape
		want    []string // or the message of the error
	}{
		{"a b\n\n c \r\n", false, kerasrun.Shape{-1, 1}, []string{"a b", "", " c "}},
		{"\xef\xbb\xbfa,\"b\"", false, kerasrun.Shape{-1}, []string{`a,"b"`}},
		{"a,\" b\"\n\"c\nd\", e\n", true, kerasrun.Shape{-1, 2}, []string{"a", " b", "c\nd", " e"}},
		{"a\tb\n", true, kerasrun.Shape{-1, -1}, []string{"a", "b"}},
		{"a\n", false, kerasrun.Shape{-1, -1}, []string{"a"}},
		{"a\n", false, kerasrun.Shape{-1, 2}, []string{"1 texts a line"}},
		{"a,b\n", true, kerasrun.Shape{-1, -1, 2}, []string{"2 texts a line"}},
		{"a,b\nc\n", true, kerasrun.Shape{-1, 2}, []string{"line 2: 1 texts, want 2"}},
		{"a\n", false, kerasrun.Shape{}, []string{"no batch"}},
		{"\n", true, kerasrun.Shape{-1, 1}, []string{"no text"}},
		{"a,\"b\n", true, kerasrun.Shape{-1, 2}, []string{"line 1"}},
	} {
		got, err := readTexts(strings.NewReader(c.file), kerasrun.IO{Name: "x", DType: kerasrun.String, Shape: c.shape}, c.columns)
		if err != nil {
			require.ErrorIs(t, err, kerasrun.ErrInput)
			require.ErrorContains(t, err, c.want[0])
			continue
		}
		require.Equal(t, c.want, got.Data, "%q", c.file)
		require.True(t, c.shape.Fits(got.Shape), "%q: %v", c.file, got.Shape)
	}
}
