package confusion

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/png"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/metrics"
)

// matrix has examples on and beside the diagonal.
func matrix(classes int, named bool) Matrix {
	m := Matrix{Confusion: metrics.NewConfusion(classes), Title: "a model & its <errors>"}
	for k := range classes {
		m.Counts[k*classes+k] = int64(7 * (k + 1))
		m.Counts[k*classes+(k+1)%classes] = int64(k)
		if named {
			m.Labels = append(m.Labels, fmt.Sprintf("a class of a rather long name %d", k))
		}
	}
	return m
}

// TestPictures holds that pictures are whole and of a sensible size, and that labels do not overlap or leave them.
func TestPictures(t *testing.T) {
	for _, classes := range []int{2, 3, 10, 25, 70, 300, 1000} {
		for _, named := range []bool{false, true} {
			m := matrix(classes, named)
			var b bytes.Buffer
			require.NoError(t, m.Write(&b, "m.PNG"))
			img, err := png.Decode(&b)
			require.NoError(t, err)
			side := max(img.Bounds().Dx(), img.Bounds().Dy())
			require.Less(t, side, 2400)
			require.Greater(t, side, 150)

			l := m.layout()
			require.GreaterOrEqual(t, float64(l.every)*l.cell, l.font, "lines of labels")
			if !l.upright {
				require.LessOrEqual(t, l.labels, l.cell*float64(l.every))
			}
			require.LessOrEqual(t, l.labels, l.left)
			require.LessOrEqual(t, l.left+l.side, l.w)
			require.LessOrEqual(t, l.top+l.side, l.h)
			require.LessOrEqual(t, width(m.Title, 16)+margin, l.w)
		}
	}
}

func TestSVG(t *testing.T) {
	m := matrix(3, false)
	m.Labels = []string{"cat", "dog & fox", "<bird>"}
	var b bytes.Buffer
	require.NoError(t, m.Write(&b, "m.svg"))
	d := xml.NewDecoder(&b)
	var texts []string
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if c, ok := token.(xml.CharData); ok && len(bytes.TrimSpace(c)) > 0 {
			texts = append(texts, string(c))
		}
	}
	for _, want := range []string{"a model & its <errors>", "cat", "dog & fox", "<bird>", "14", "predicted", "true", "100%"} {
		require.Contains(t, texts, want)
	}
	require.ErrorContains(t, m.Write(&b, "m.gif"), "want a name that ends in one of .png, .svg")
	require.True(t, Known("a/b.SVG"))
	require.False(t, Known("a/b.pdf"))
}
