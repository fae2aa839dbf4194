package vision_test

import (
	"io/fs"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/vision"
)

// goldens reads an archive of images that python/goldens_vision.py or goldens_boxes.py made.
func goldens(t *testing.T, name string) map[string]vision.Pixels {
	t.Helper()
	out := map[string]vision.Pixels{}
	for n, a := range arrays(t, name) {
		require.Len(t, a.Shape, 3, n)
		out[n] = vision.Pixels{H: a.Shape[0], W: a.Shape[1], C: a.Shape[2], Data: a.Data.([]float32)}
	}
	require.NotEmpty(t, out)
	return out
}

// within demands equal shapes and no difference above tolerance.
func within(t *testing.T, want, got vision.Pixels, tolerance float64, name string) {
	t.Helper()
	require.Equal(t, []int{want.H, want.W, want.C}, []int{got.H, got.W, got.C}, name)
	for i := range want.Data {
		d := math.Abs(float64(want.Data[i]) - float64(got.Data[i]))
		require.LessOrEqual(t, d, tolerance, "%s: element %d of %d: %v, want %v", name, i, len(want.Data), got.Data[i], want.Data[i])
	}
}

func TestResizeLikeKeras(t *testing.T) {
	all := goldens(t, "resize.npz")
	n := 0
	for name, want := range all {
		part := strings.Split(name, "/")
		if len(part) != 4 {
			continue
		}
		m, err := vision.ParseMethod(part[1])
		require.NoError(t, err)
		got := vision.NewPixels(want.H, want.W, want.C)
		err = vision.Resize(got, all["in_"+part[0]], vision.Resizing{Interpolation: m, Antialias: part[2] == "aa"})
		require.NoError(t, err)
		tolerance := 255 * 1e-6 // float32 rounding of sums of up to 11 x 11 terms
		if m == vision.Nearest || m == vision.Bilinear && part[2] == "plain" {
			tolerance = 0
		}
		within(t, want, got, tolerance, name)
		n++
	}
	require.Equal(t, 9*8*2, n)
}

func TestAspectLikeKeras(t *testing.T) {
	all := goldens(t, "aspect.npz")
	for name, want := range all {
		part := strings.Split(name, "/")
		if len(part) != 3 {
			continue
		}
		m, err := vision.ParseMethod(part[1])
		require.NoError(t, err)
		got := vision.NewPixels(want.H, want.W, want.C)
		if part[0] == "center" {
			require.NoError(t, vision.CenterCrop(got, all["in"]))
		} else {
			require.NoError(t, vision.Resize(got, all["in"], vision.Resizing{
				Interpolation:     m,
				CropToAspectRatio: part[0] != "pad",
				PadToAspectRatio:  part[0] == "pad",
				FillValue:         7,
			}))
		}
		within(t, want, got, 255*1e-6, name)
	}
}

func TestPreprocessLikeKeras(t *testing.T) {
	all := goldens(t, "preprocess.npz")
	for name, want := range all {
		if name == "in" {
			continue
		}
		m, err := vision.ParseMode(name)
		require.NoError(t, err)
		require.Equal(t, name, m.String())
		got := vision.NewPixels(want.H, want.W, want.C)
		copy(got.Data, all["in"].Data)
		require.NoError(t, vision.Preprocess(got, m))
		within(t, want, got, 0, name)
	}
}

func TestImagesLikeKeras(t *testing.T) {
	channels := map[string]int{"grayscale": 1, "rgb": 3, "rgba": 4}
	for name, want := range goldens(t, "images.npz") {
		file, mode, _ := strings.Cut(name, "/")
		got, err := vision.LoadImage("../testdata/vision/"+file, channels[mode])
		require.NoError(t, err)
		tolerance := 0.0
		if strings.HasSuffix(file, ".jpg") {
			tolerance = 3 // of 255: decoders may round the inverse DCT and the colours differently
		}
		within(t, want, got, tolerance, name)
	}
}

func TestLoadImageRefused(t *testing.T) {
	_, err := vision.LoadImage("golden_test.go", 3)
	require.ErrorIs(t, err, vision.ErrFormat)
	require.ErrorContains(t, err, "golden_test.go: ")
	_, err = vision.LoadImage("../testdata/vision/rgb.png", 2)
	require.ErrorIs(t, err, vision.ErrUnsupported)
	require.ErrorContains(t, err, "rgb.png: ")
	_, err = vision.LoadImage("../testdata/vision/none.png", 3)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
