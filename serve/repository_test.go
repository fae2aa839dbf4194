package serve

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
)

// half asks for 0.5·2+2, or what a model of another scale makes of it.
func half(s *Server, path string) string {
	w := call(s, "POST", path+":predict", `{"instances": [2]}`)
	var answer struct {
		Error       string
		Predictions []float64
	}
	json.Unmarshal(w.Body.Bytes(), &answer)
	if answer.Error != "" {
		return answer.Error
	}
	return strconv.FormatFloat(answer.Predictions[0], 'g', -1, 64)
}

func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "half.json")
	halfPlusTwo(t, path, .5)
	s := newServer(t, Config{Models: []Model{{Name: "half", Path: path}}})
	require.Equal(t, "3", half(s, "/v1/models/half"))
	ctx := context.Background()
	in, err := s.repo.acquire("half", "")
	require.NoError(t, err)

	// Without a change nothing is loaded, unless it is asked for.
	require.NoError(t, s.Reload(ctx, false))
	same, err := s.repo.acquire("half", "")
	require.NoError(t, err)
	require.Same(t, in, same)
	same.release()
	require.NoError(t, s.Reload(ctx, true))
	other, err := s.repo.acquire("half", "")
	require.NoError(t, err)
	require.NotSame(t, in, other)
	other.release()

	// A new file takes its place; whoever holds the old model goes on with it.
	halfPlusTwo(t, path, 4)
	require.NoError(t, s.Reload(ctx, false))
	require.Equal(t, "10", half(s, "/v1/models/half"))
	out, err := s.run(ctx, in, []kerasrun.Tensor{kerasrun.Floats([]float32{2}, 1)})
	require.NoError(t, err)
	require.Equal(t, []float32{3}, out[0].Data)
	in.release()
	_, err = in.model.Predict(ctx, kerasrun.Floats([]float32{2}, 1))
	require.ErrorIs(t, err, kerasrun.ErrClosed)

	// A file that cannot be loaded leaves the old model, is reported once, and is tried again when it changes.
	require.NoError(t, os.WriteFile(path, []byte("{"), 0o666))
	err = s.Reload(ctx, false)
	require.ErrorContains(t, err, "model half, version 1: ")
	require.NoError(t, s.Reload(ctx, false))
	require.Error(t, s.Reload(ctx, true))
	require.Equal(t, "10", half(s, "/v1/models/half"))
	require.Contains(t, call(s, "GET", "/v1/models/half", "").Body.String(), `"state":"AVAILABLE","status":{"error_code":"UNKNOWN"`)
	require.True(t, s.Ready())
	require.NoError(t, os.Remove(path))
	require.ErrorContains(t, s.Reload(ctx, false), "no such file")
	require.Equal(t, "10", half(s, "/v1/models/half"))
	halfPlusTwo(t, path, 1)
	require.NoError(t, s.Reload(ctx, false))
	require.Equal(t, "4", half(s, "/v1/models/half"))
	require.Contains(t, call(s, "GET", "/v1/models/half", "").Body.String(), `"error_code":"OK"`)
	text := call(s, "GET", "/metrics", "").Body.String()
	require.Contains(t, text, `kerasrun_model_loads_total{model="half",result="failed"} 3`)
	require.Contains(t, text, `kerasrun_model_loads_total{model="half",result="loaded"} 4`)

	s.Close()
	require.Equal(t, "Servable not found for request: Latest(half)", half(s, "/v1/models/half"))
	require.False(t, s.Ready())
}

func TestPoll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "half.json")
	halfPlusTwo(t, path, .5)
	s := newServer(t, Config{Models: []Model{{Name: "half", Path: path}}, Poll: time.Millisecond})
	halfPlusTwo(t, path, 4)
	require.Eventually(t, func() bool { return half(s, "/v1/models/half") == "10" }, time.Minute, time.Millisecond)
}

func TestVersions(t *testing.T) {
	dir := t.TempDir()
	version := func(name string, scale float64) {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o777))
		halfPlusTwo(t, filepath.Join(dir, name, "model.json"), scale)
	}
	version("1", .5)
	version("2", 1)
	version("10", 2)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "notes"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "11"), nil, 0o666)) // no folder
	ctx := context.Background()

	newest := newServer(t, Config{Models: []Model{{Name: "half", Path: dir}}})
	require.Equal(t, "6", half(newest, "/v1/models/half"))
	require.Equal(t, "Servable not found for request: Specific(half, 2)", half(newest, "/v1/models/half/versions/2"))

	s := newServer(t, Config{Models: []Model{{Name: "half", Path: dir, Versions: 2}, {Name: "all", Path: dir, Versions: -1}}})
	require.Equal(t, "6", half(s, "/v1/models/half"))
	require.Equal(t, "4", half(s, "/v1/models/half/versions/2"))
	require.Equal(t, "Servable not found for request: Specific(half, 1)", half(s, "/v1/models/half/versions/1"))
	require.Equal(t, "3", half(s, "/v1/models/all/versions/1"))
	require.Contains(t, call(s, "GET", "/v2/models/all", "").Body.String(), `"versions":["1","2","10"]`)

	// A new version is served and the oldest retired; one that cannot be loaded retires nothing.
	version("12", 3)
	require.NoError(t, s.Reload(ctx, false))
	require.Equal(t, "8", half(s, "/v1/models/half"))
	require.Equal(t, "Servable not found for request: Specific(half, 2)", half(s, "/v1/models/half/versions/2"))
	require.Equal(t, "3", half(s, "/v1/models/all/versions/1"))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "13"), 0o777))
	require.ErrorContains(t, newest.Reload(ctx, false), filepath.Join(dir, "13")+": not found: 0 model files (.keras, .h5, model.json), want 1")
	require.Equal(t, "6", half(newest, "/v1/models/half"))
	version("13", 4)
	require.NoError(t, newest.Reload(ctx, false))
	require.Equal(t, "10", half(newest, "/v1/models/half"))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "13")))
	require.NoError(t, newest.Reload(ctx, false))
	require.Equal(t, "8", half(newest, "/v1/models/half"))
	require.Equal(t, "Servable not found for request: Specific(half, 13)", half(newest, "/v1/models/half/versions/13"))
}

// A folder without versions stands for the one model file in it, which may be written later and replaced.
func TestFolderOfOneModel(t *testing.T) {
	dir := t.TempDir()
	c := Config{Models: []Model{{Name: "half", Path: dir}}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	_, err := New(c)
	require.ErrorContains(t, err, "model half, version 1: "+dir+": not found: 0 model files (.keras, .h5, model.json), want 1")

	halfPlusTwo(t, filepath.Join(dir, "model.json"), 2)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "LICENSE.txt"), nil, 0o666))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "notes"), 0o777))
	s := newServer(t, c)
	require.Equal(t, "6", half(s, "/v1/models/half"))
	require.Equal(t, "6", half(s, "/v1/models/half/versions/1"))
	halfPlusTwo(t, filepath.Join(dir, "model.json"), 30)
	require.NoError(t, s.Reload(context.Background(), false))
	require.Equal(t, "62", half(s, "/v1/models/half"))

	require.NoError(t, os.WriteFile(filepath.Join(dir, "other.keras"), nil, 0o666))
	require.ErrorContains(t, s.Reload(context.Background(), false), "2 model files")
	require.Equal(t, "62", half(s, "/v1/models/half"))

	// A .keras archive in folder form is the model.
	archive := filepath.Join(t.TempDir(), "archive")
	require.NoError(t, os.Mkdir(archive, 0o777))
	halfPlusTwo(t, filepath.Join(archive, "config.json"), 4)
	found, err := candidates(Model{Path: archive})
	require.NoError(t, err)
	require.Equal(t, archive, found[1].path)
}

func TestConfig(t *testing.T) {
	for want, c := range map[string]Config{
		"serve: no models":                              {},
		`serve: the model name "a/b", want letters`:     {Models: []Model{{Name: "a/b"}}},
		`serve: the model name ".", want letters`:       {Models: []Model{{Name: "."}}},
		`serve: the model name "a" stands twice`:        {Models: []Model{{Name: "a"}, {Name: "a"}}},
		"model a, version 1: ":                          {Models: []Model{{Name: "a", Path: "nowhere"}}},
		"nowhere.json: no such file or directory":       {Models: []Model{{Name: "a", Path: digits, Watch: []string{"nowhere.json"}}}},
		"model a, version 1: testdata/malformed.txt: i": {Models: []Model{{Name: "a", Path: "testdata/malformed.txt"}}},
	} {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
		_, err := New(c)
		require.ErrorContains(t, err, want)
	}
}
