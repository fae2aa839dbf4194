package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPredictBoundsMemory holds that 2,000 images of 192 KiB as tensors are not in memory at once: together they have 375 MiB.
func TestPredictBoundsMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a model on 2,000 images")
	}
	dir := t.TempDir()
	img := image.NewRGBA(image.Rect(0, 0, 128, 128))
	for i := range img.Pix {
		img.Pix[i] = uint8(rand.Intn(256))
	}
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, img))
	first := filepath.Join(dir, "images", "0000.png")
	require.NoError(t, os.Mkdir(filepath.Dir(first), 0o777))
	require.NoError(t, os.WriteFile(first, b.Bytes(), 0o666))
	const images = 2000
	for i := 1; i < images; i++ {
		require.NoError(t, os.Link(first, filepath.Join(dir, "images", fmt.Sprintf("%04d.png", i))))
	}
	model := filepath.Join(dir, "mean.json")
	require.NoError(t, os.WriteFile(model, []byte(`{"class_name":"Sequential","keras_version":"3.15.1","config":{"name":"mean","layers":[
		{"class_name":"InputLayer","config":{"name":"x","batch_shape":[null,128,128,3],"dtype":"float32"}},
		{"class_name":"GlobalAveragePooling2D","config":{"name":"out","data_format":"channels_last","keepdims":false}}]}}`), 0o666))

	var peak uint64
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		var m runtime.MemStats
		for {
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	var out lineCounter
	a := &app{in: bytes.NewReader(nil), out: &out, err: io.Discard}
	code := a.run(context.Background(), []string{"predict", model, filepath.Join(dir, "images"), "--format", "jsonl", "--color", "never"})
	close(done)
	<-stopped
	require.Equal(t, exitOK, code)
	require.Equal(t, images, int(out))
	require.Less(t, peak, uint64(150<<20), "most bytes on the heap")
}

// A lineCounter counts the lines that are written to it.
type lineCounter int

func (c *lineCounter) Write(p []byte) (int, error) {
	*c += lineCounter(bytes.Count(p, []byte("\n")))
	return len(p), nil
}
