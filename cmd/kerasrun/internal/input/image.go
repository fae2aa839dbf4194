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
	size, resized := img.Bounds(), ""
	if h, w := l.Size(img); h != size.Dy() || w != size.Dx() {
		resized = fmt.Sprintf("%s: resized from %dx%d to %dx%d (height x width, bilinear)", shown(name), size.Dy(), size.Dx(), h, w)
	}
	r.countImage(resized)
	return t, nil
}

// countImage counts an image, and says what became of it where it was resized.
func (r *Reader) countImage(resized string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Images++
	if resized != "" {
		r.Resized++
		r.LastResize = resized
	}
}

// ChannelsFirst reports whether an input takes images whose channels stand before
// rows and columns. An input that takes no images is an error.
func ChannelsFirst(in kerasrun.IO) (bool, error) {
	l, err := vision.LayoutOf(in)
	return l.ChannelsFirst, err
}
