package serve

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
)

func TestPage(t *testing.T) {
	dir := t.TempDir()
	c := Config{Models: []Model{{Name: "digits", Path: digits, Labels: strings.Fields("zero one two three four five six seven eight nine")},
		{Name: "half", Path: halfPlusTwo(t, filepath.Join(dir, "half.json"), .5)}}}
	s := newServer(t, c)
	for path, kind := range map[string]string{"/": "text/html", "/page/app.js": "text/javascript", "/page/style.css": "text/css", "/page/icon.svg": "image/svg+xml"} {
		w := call(s, "GET", path, "")
		require.Equal(t, 200, w.Code, path)
		require.Contains(t, w.Header().Get("Content-Type"), kind)
		require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'self'")
		require.NotContains(t, strings.ReplaceAll(w.Body.String(), "http://www.w3.org/2000/svg", ""), "//www", path) // it works offline
	}
	var models []pageModel
	require.NoError(t, json.Unmarshal(call(s, "GET", "/page/models", "").Body.Bytes(), &models))
	require.Equal(t, pageModel{Name: "digits", Version: "1", Input: "image (None, 32, 32, 1)", Height: 32, Width: 32, Colours: 1}, models[0])
	require.Contains(t, models[1].Why, "an image needs (batch, height, width, channels)")

	picture, err := os.ReadFile("../testdata/images/digit_7.png")
	require.NoError(t, err)
	w := call(s, "POST", "/page/run?model=digits", string(picture))
	require.Equal(t, 200, w.Code, w.Body)
	var a pageAnswer
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a))
	require.Equal(t, "seven", a.Outputs[0].Top[0].Label)
	require.Len(t, a.Outputs[0].Top, 10)
	require.True(t, strings.HasPrefix(a.Image, "data:image/png;base64,"))
	byPath := map[string]pageLayer{}
	for _, l := range a.Layers {
		byPath[l.Path] = l
	}
	require.Len(t, byPath["conv2d"].Maps, pageMaps)
	require.Equal(t, 32, byPath["conv2d"].Of)
	require.NotNil(t, byPath["conv2d"].Seconds)
	require.Equal(t, "(1, 10)", byPath["digit"].Shape)
	require.Len(t, byPath["digit"].Maps, 1)

	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "/page/run?model=digits", "no image", "invalid image"},
		{"POST", "/page/run?model=half", string(picture), "an image needs (batch, height, width, channels)"},
		{"POST", "/page/run?model=nobody", string(picture), "Servable not found"},
		{"GET", "/page/run?model=digits", "", "method GET, want POST"},
		{"GET", "/page/../server.go", "", "there is nothing at"},
		{"POST", "/", "", "method POST, want GET"},
	} {
		w := call(s, c.method, c.path, c.body)
		require.GreaterOrEqual(t, w.Code, 400, c.path)
		require.Less(t, w.Code, 500, c.path)
		require.Contains(t, w.Body.String(), c.want)
	}
	c.NoPage = true
	require.Equal(t, 404, call(newServer(t, c), "GET", "/", "").Code)
}

// Numbers that are none, constant maps and planes before rows can be drawn.
func TestMaps(t *testing.T) {
	x := kerasrun.NewTensor(kerasrun.Float32, kerasrun.Shape{1, 2, 3, 4})
	require.Len(t, mapsOf(x, false, 16), 4)
	require.Len(t, mapsOf(x, true, 16), 2)
	require.Len(t, mapsOf(x, true, 1), 1)
	x.SetFloat(0, math.NaN())
	x.SetFloat(4, math.Inf(1))
	x.SetFloat(8, -1)
	require.Len(t, mapsOf(x, false, 16), 4)
	require.Len(t, mapsOf(kerasrun.NewTensor(kerasrun.Float32, kerasrun.Shape{1, 1000}), false, 16), 1)
	require.Empty(t, mapsOf(kerasrun.NewTensor(kerasrun.String, kerasrun.Shape{1, 3}), false, 16))
	require.Empty(t, mapsOf(kerasrun.NewTensor(kerasrun.Float32, kerasrun.Shape{1, 0}), false, 16))
}
