package input

import (
	"fmt"
	"io"

	_ "golang.org/x/image/bmp"  // for vision.Decode
	_ "golang.org/x/image/webp" // for vision.Decode

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision"
)

// image reads an image as Keras's load_img, Resizing and preprocess_input would.
func (r *Reader) image(f io.Reader, name string, in kerasrun.IO) (kerasrun.Tensor, error) {
	l, err := vision.LayoutOf(in)
	if err != nil {
		return kerasrun.Tensor{}, err
	}
	img, err := vision.Decode(f, 0)
	if err != nil {
		return kerasrun.Tensor{}, err
	}
	t, err := l.Tensor(img, r.Preprocess)
	if err != nil {
		return kerasrun.Tensor{}, err
	}
	r.Images++
	size := img.Bounds()
	if h, w := l.Size(img); h != size.Dy() || w != size.Dx() {
		r.Resized++
		r.LastResize = fmt.Sprintf("%s: resized from %dx%d to %dx%d (height x width, bilinear)", shown(name), size.Dy(), size.Dx(), h, w)
	}
	return t, nil
}
