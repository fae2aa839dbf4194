package vision

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
)

// DefaultMaxPixels is the limit Decode uses where a caller gives zero: 64 Mi pixels, 256 MiB as RGBA.
const DefaultMaxPixels = 1 << 26

// Decode decodes a PNG, JPEG or GIF, of the latter the first frame, and any other format that the program has
// registered with package image (a blank import of golang.org/x/image/webp, bmp or tiff). The dimensions in the file's
// header are checked before anything is decoded: more than maxPixels (zero means DefaultMaxPixels) is ErrLimit.
// A PNG or JPEG that the standard library knows but does not decode (arithmetic coding, 12 bits) is ErrUnsupported,
// everything else that is wrong with the file ErrFormat; errors of r itself are returned as they are.
//
// JPEGs come out close to, not exactly as libjpeg (Keras, by way of Pillow) decodes them: the standard allows both.
func Decode(r io.Reader, maxPixels int) (img image.Image, err error) {
	if maxPixels <= 0 {
		maxPixels = DefaultMaxPixels
	}
	defer func() {
		if p := recover(); p != nil { // a decoder the program registered
			img, err = nil, fmt.Errorf("image: decoder: %v: %w", p, ErrFormat)
		}
	}()
	src := &errorKeeper{r: r}
	var head bytes.Buffer
	conf, format, err := image.DecodeConfig(io.TeeReader(src, &head))
	if err != nil {
		return nil, src.explain("header", err)
	}
	if conf.Width < 1 || conf.Height < 1 {
		return nil, fmt.Errorf("image: %d x %d pixels: %w", conf.Width, conf.Height, ErrFormat)
	}
	if conf.Width > maxSide || conf.Height > maxSide || conf.Width > maxPixels/conf.Height {
		return nil, fmt.Errorf("image: %s of %d x %d pixels, want at most %d: %w", format, conf.Width, conf.Height, maxPixels, ErrLimit)
	}
	data := io.MultiReader(&head, src)
	if format == "gif" {
		img, err = decodeGIF(data, maxPixels)
	} else {
		img, _, err = image.Decode(data)
	}
	if err != nil {
		return nil, src.explain(format, err)
	}
	if b := img.Bounds(); b.Dx() != conf.Width || b.Dy() != conf.Height {
		return nil, fmt.Errorf("image: %s of %d x %d pixels, its header says %d x %d: %w", format, b.Dx(), b.Dy(), conf.Width, conf.Height, ErrFormat)
	}
	return img, nil
}

// LoadImage reads an image file as keras.utils.load_img and img_to_array do: Decode with its default limit, then
// FromImage with 1, 3 or 4 channels. Errors are theirs, and those of opening the file; all name it.
func LoadImage(name string, channels int) (Pixels, error) {
	f, err := os.Open(name)
	if err != nil {
		return Pixels{}, err
	}
	defer f.Close()
	img, err := Decode(f, 0)
	if err != nil {
		return Pixels{}, fmt.Errorf("%s: %w", name, err)
	}
	p, err := FromImage(img, channels)
	if err != nil {
		return Pixels{}, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// decodeGIF decodes the first frame onto the whole screen, as Pillow shows it: around a smaller frame is the
// transparent colour, or colour 0, and transparent pixels keep the colour of their palette entry.
func decodeGIF(r io.Reader, maxPixels int) (image.Image, error) {
	// The first frame needs at most 1.5 bytes a pixel and a clear code now and then; what follows it is not needed.
	data, err := io.ReadAll(io.LimitReader(r, 4*int64(maxPixels)+1<<20))
	if err != nil {
		return nil, err
	}
	conf, err := gif.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	transparent := makeOpaque(data)
	first, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	frame, ok := first.(*image.Paletted)
	if !ok {
		return nil, errors.New("gif: a frame without a palette")
	}
	return onScreen(frame, conf.Width, conf.Height, transparent), nil
}

// errorKeeper remembers the reader's own error, which decoders wrap or replace.
type errorKeeper struct {
	r   io.Reader
	err error
}

func (k *errorKeeper) Read(p []byte) (int, error) {
	n, err := k.r.Read(p)
	if err != nil && err != io.EOF {
		k.err = err
	}
	return n, err
}

func (k *errorKeeper) explain(what string, err error) error {
	if k.err != nil {
		return fmt.Errorf("image: %w", k.err)
	}
	if errors.Is(err, image.ErrFormat) {
		return fmt.Errorf("image: of no known format: %w", ErrFormat)
	}
	var pngKind png.UnsupportedError
	var jpegKind jpeg.UnsupportedError
	if errors.As(err, &pngKind) || errors.As(err, &jpegKind) {
		return fmt.Errorf("image: %s: %v: %w", what, err, ErrUnsupported)
	}
	return fmt.Errorf("image: %s: %v: %w", what, err, ErrFormat)
}
