package vision

import (
	"errors"
	"fmt"
	"math"
)

// The kinds of errors; test with errors.Is.
var (
	// ErrFormat means that the bytes are not an image, or a damaged one.
	ErrFormat = errors.New("invalid image")
	// ErrUnsupported means something this package does not do.
	ErrUnsupported = errors.New("unsupported image operation")
	// ErrShape means sizes that do not fit together.
	ErrShape = errors.New("wrong image shape")
	// ErrLimit means an image that is larger than allowed.
	ErrLimit = errors.New("image exceeds the limit")
)

// maxSide is the largest height or width; a float32 counts exactly so far, and TensorFlow's resize computes in it.
const maxSide = 1 << 24

// Pixels is one image as a tensor: H rows of W pixels of C channels, channels last. Data[(y*W+x)*C+k] is channel k of
// the pixel in row y and column x.
type Pixels struct {
	H, W, C int
	Data    []float32
}

// NewPixels returns a black image. Sizes below 1 give an image without data.
func NewPixels(h, w, c int) Pixels {
	return Pixels{H: h, W: w, C: c, Data: make([]float32, max(h, 0)*max(w, 0)*max(c, 0))}
}

// check says whether sizes and data of p fit together; who names it in the error.
func (p Pixels) check(who string) error {
	if p.H < 1 || p.W < 1 || p.C < 1 {
		return fmt.Errorf("%s: shape (%d, %d, %d), want at least one row, column and channel: %w", who, p.H, p.W, p.C, ErrShape)
	}
	if p.H > maxSide || p.W > maxSide {
		return fmt.Errorf("%s: %d x %d pixels, want at most %d a side: %w", who, p.H, p.W, maxSide, ErrLimit)
	}
	if p.H > math.MaxInt/p.W || p.H*p.W > math.MaxInt/p.C || p.H*p.W*p.C != len(p.Data) {
		return fmt.Errorf("%s: %d values for shape (%d, %d, %d): %w", who, len(p.Data), p.H, p.W, p.C, ErrShape)
	}
	return nil
}
