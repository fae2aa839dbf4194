package vision_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/vision"
)

// bomb is the header of a PNG of w x h pixels with nothing behind it.
func bomb(w, h uint32) []byte {
	head := append([]byte("IHDR"), 0, 0, 0, 0, 0, 0, 0, 0, 8, 6, 0, 0, 0)
	binary.BigEndian.PutUint32(head[4:], w)
	binary.BigEndian.PutUint32(head[8:], h)
	b := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	return binary.BigEndian.AppendUint32(append(b, head...), crc32.ChecksumIEEE(head))
}

func TestDecodeLimits(t *testing.T) {
	_, err := vision.Decode(bytes.NewReader(bomb(9000, 9000)), 0)
	require.ErrorIs(t, err, vision.ErrLimit)
	_, err = vision.Decode(bytes.NewReader(bomb(1<<25, 1)), math.MaxInt)
	require.ErrorIs(t, err, vision.ErrLimit)
	_, err = vision.Decode(bytes.NewReader(bomb(100, 100)), 0)
	require.ErrorIs(t, err, vision.ErrFormat)

	b, err := os.ReadFile("../testdata/vision/rgb.png")
	require.NoError(t, err)
	_, err = vision.Decode(bytes.NewReader(b), 14)
	require.ErrorIs(t, err, vision.ErrLimit)
	require.EqualError(t, err, "image: png of 5 x 3 pixels, want at most 14: image exceeds the limit")
	img, err := vision.Decode(iotest.OneByteReader(bytes.NewReader(b)), 15)
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, 5, 3), img.Bounds())
}

func TestDecodeBadInput(t *testing.T) {
	for _, b := range [][]byte{nil, []byte("hello, world"), []byte("GIF89a"), []byte("\x89PNG\r\n\x1a\n"), []byte("\xff\xd8\xff")} {
		_, err := vision.Decode(bytes.NewReader(b), 0)
		require.ErrorIs(t, err, vision.ErrFormat, "%q", b)
	}
	arithmetic := []byte("\xff\xd8\xff\xc9\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00")
	_, err := vision.Decode(bytes.NewReader(arithmetic), 0)
	require.ErrorIs(t, err, vision.ErrUnsupported)

	broken := errors.New("cable cut")
	for _, file := range []string{"rgb.png", "rgb444.jpg", "palette.gif"} {
		b, err := os.ReadFile("../testdata/vision/" + file)
		require.NoError(t, err)
		for _, n := range []int{0, 20, len(b) / 2} {
			_, err = vision.Decode(bytes.NewReader(b[:n]), 0)
			require.ErrorIs(t, err, vision.ErrFormat, "%s cut at %d", file, n)
			_, err = vision.Decode(io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(broken)), 0)
			require.ErrorIs(t, err, broken, file)
			require.NotErrorIs(t, err, vision.ErrFormat, file)
		}
	}
}

func TestFromImageErrors(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 2, 2))
	for _, c := range []int{-1, 0, 2, 5} {
		_, err := vision.FromImage(img, c)
		require.ErrorIs(t, err, vision.ErrUnsupported)
	}
	_, err := vision.FromImage(image.NewGray(image.Rect(0, 0, 0, 5)), 1)
	require.ErrorIs(t, err, vision.ErrShape)
	_, err = vision.FromImage(image.NewUniform(color.Black), 1) // two billion pixels a side
	require.ErrorIs(t, err, vision.ErrLimit)
}

// A part of an image gives that part of its pixels, whatever the type of the image.
func TestFromImageParts(t *testing.T) {
	full := image.Rect(0, 0, 9, 8)
	src := image.NewNRGBA(full)
	for i := range src.Pix {
		src.Pix[i] = uint8(i * 37)
	}
	chroma := func(r image.YCbCrSubsampleRatio) *image.YCbCr {
		img := image.NewYCbCr(full, r)
		for i := range img.Y {
			img.Y[i] = uint8(i * 29)
		}
		return img // gray, so that interpolated and repeated chroma agree
	}
	images := []interface {
		image.Image
		SubImage(image.Rectangle) image.Image
	}{src, image.NewNRGBA64(full), image.NewRGBA(full), image.NewRGBA64(full), image.NewGray(full), image.NewGray16(full), image.NewCMYK(full)}
	for _, img := range images[1:] {
		dst := img.(interface{ Set(x, y int, c color.Color) })
		for y := range 8 {
			for x := range 9 {
				dst.Set(x, y, src.At(x, y))
			}
		}
	}
	pal := image.NewPaletted(full, color.Palette{color.Black, color.White, color.NRGBA{R: 10, G: 20, B: 30, A: 40}})
	for i := range pal.Pix {
		pal.Pix[i] = uint8(i % 3)
	}
	images = append(images, pal)
	for _, r := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		images = append(images, chroma(r))
	}
	alpha := image.NewNYCbCrA(full, image.YCbCrSubsampleRatio420)
	for i := range alpha.A {
		alpha.A[i] = uint8(i)
	}
	images = append(images, alpha)

	part := image.Rect(1, 3, 8, 7)
	for _, img := range images {
		whole, err := vision.FromImage(img, 4)
		require.NoError(t, err)
		got, err := vision.FromImage(img.SubImage(part), 4)
		require.NoError(t, err)
		require.Equal(t, []int{4, 7, 4}, []int{got.H, got.W, got.C})
		for y := range 4 {
			want := whole.Data[((y+3)*9+1)*4:][:7*4]
			require.Equal(t, want, got.Data[y*7*4:][:7*4], "%T row %d", img, y)
		}
	}
}

// Alpha neither darkens the colours nor gets lost.
func TestFromImageAlpha(t *testing.T) {
	n := image.NewNRGBA(image.Rect(0, 0, 1, 1))
	n.SetNRGBA(0, 0, color.NRGBA{R: 200, G: 100, B: 50, A: 0})
	p, err := vision.FromImage(n, 3)
	require.NoError(t, err)
	require.Equal(t, []float32{200, 100, 50}, p.Data)

	pre := image.NewRGBA(image.Rect(0, 0, 2, 1))
	pre.SetRGBA(0, 0, color.RGBA{R: 64, G: 32, B: 0, A: 128})
	p, err = vision.FromImage(pre, 4)
	require.NoError(t, err)
	require.Equal(t, []float32{127, 63, 0, 128, 0, 0, 0, 0}, p.Data)
}

func TestResizeErrors(t *testing.T) {
	ok := vision.NewPixels(4, 5, 3)
	for _, bad := range []vision.Pixels{
		{}, {H: 1, W: 1, C: 3}, {H: -1, W: -1, C: 3, Data: make([]float32, 3)}, {H: 2, W: 2, C: 3, Data: make([]float32, 11)},
		{H: 1 << 24, W: 1 << 24, C: math.MaxInt / 2, Data: nil},
	} {
		require.ErrorIs(t, vision.Resize(bad, ok, vision.Resizing{}), vision.ErrShape)
		require.ErrorIs(t, vision.Resize(ok, bad, vision.Resizing{}), vision.ErrShape)
		require.ErrorIs(t, vision.CenterCrop(bad, ok), vision.ErrShape)
		require.ErrorIs(t, vision.CenterCrop(ok, bad), vision.ErrShape)
		require.ErrorIs(t, vision.Preprocess(bad, vision.TF), vision.ErrShape)
	}
	require.ErrorIs(t, vision.Resize(ok, vision.NewPixels(4, 5, 1), vision.Resizing{}), vision.ErrShape)
	require.ErrorIs(t, vision.CenterCrop(ok, vision.NewPixels(4, 5, 1)), vision.ErrShape)
	require.ErrorIs(t, vision.Resize(ok, ok, vision.Resizing{Interpolation: 99}), vision.ErrUnsupported)
	require.ErrorIs(t, vision.Resize(ok, ok, vision.Resizing{CropToAspectRatio: true, PadToAspectRatio: true}), vision.ErrUnsupported)
	long := vision.NewPixels(1<<24+1, 1, 1)
	require.ErrorIs(t, vision.Resize(long, vision.NewPixels(1, 1, 1), vision.Resizing{}), vision.ErrLimit)
	// 100,000 x 1 as a square would be 10 billion pixels.
	thin := vision.NewPixels(100_000, 1, 1)
	require.ErrorIs(t, vision.Resize(vision.NewPixels(2, 2, 1), thin, vision.Resizing{PadToAspectRatio: true}), vision.ErrLimit)
	_, err := vision.ParseMethod("hamming")
	require.ErrorIs(t, err, vision.ErrUnsupported)
}

func TestPreprocessErrors(t *testing.T) {
	require.ErrorIs(t, vision.Preprocess(vision.NewPixels(1, 1, 1), vision.Caffe), vision.ErrShape)
	require.ErrorIs(t, vision.Preprocess(vision.NewPixels(1, 1, 4), vision.Torch), vision.ErrShape)
	require.ErrorIs(t, vision.Preprocess(vision.NewPixels(1, 1, 3), vision.Mode(99)), vision.ErrUnsupported)
	_, err := vision.ParseMode("imagenet")
	require.ErrorIs(t, err, vision.ErrUnsupported)
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("../testdata/vision/*.[pjg][npi][gf]")
	require.NoError(f, err)
	require.Greater(f, len(files), 20)
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Add(bomb(100, 100))
	const limit = 1 << 12
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := vision.Decode(bytes.NewReader(data), limit)
		if err != nil {
			return
		}
		for _, c := range []int{1, 3, 4} {
			p, err := vision.FromImage(img, c)
			require.NoError(t, err)
			require.LessOrEqual(t, p.H*p.W, limit)
			require.Len(t, p.Data, p.H*p.W*c)
			for _, v := range p.Data {
				require.True(t, v >= 0 && v <= 65535)
			}
		}
	})
}
