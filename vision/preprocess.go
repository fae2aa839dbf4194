package vision

import "fmt"

// Mode is what a model expects its input values to be: the preprocess_input modes of keras.applications.
type Mode uint8

// The modes; x is a value of 0 to 255.
const (
	None  Mode = iota // x
	Scale             // x / 255
	TF                // x / 127.5 - 1
	Caffe             // channels in the order BGR, minus the ImageNet means 103.939, 116.779, 123.68; three channels
	Torch             // (x / 255 - mean) / std with ImageNet's means and deviations of R, G and B; three channels
)

var modeNames = [...]string{"none", "scale", "tf", "caffe", "torch"}

// String returns Keras's name of the mode.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return fmt.Sprintf("Mode(%d)", uint8(m))
}

// ParseMode finds a mode by name; an unknown name is ErrUnsupported.
func ParseMode(name string) (Mode, error) {
	for i, n := range modeNames {
		if n == name {
			return Mode(i), nil
		}
	}
	return 0, fmt.Errorf("preprocess: mode %q, want one of %v: %w", name, modeNames, ErrUnsupported)
}

// Preprocess changes x in place as keras.applications.imagenet_utils.preprocess_input does, with float32 arithmetic in
// the same order. Caffe and Torch need three channels, R, G and B (ErrShape).
func Preprocess(x Pixels, m Mode) error {
	if err := x.check("preprocess"); err != nil {
		return err
	}
	if (m == Caffe || m == Torch) && x.C != 3 {
		return fmt.Errorf("preprocess: mode %s on %d channels, want 3: %w", m, x.C, ErrShape)
	}
	switch m {
	case None:
	case Scale:
		for i, v := range x.Data {
			x.Data[i] = v / 255
		}
	case TF:
		for i, v := range x.Data {
			x.Data[i] = v/127.5 - 1
		}
	case Caffe:
		for i := 0; i < len(x.Data); i += 3 {
			p := x.Data[i : i+3]
			p[0], p[1], p[2] = p[2]-103.939, p[1]-116.779, p[0]-123.68
		}
	case Torch:
		for i := 0; i < len(x.Data); i += 3 {
			p := x.Data[i : i+3]
			p[0] = (p[0]/255 - 0.485) / 0.229
			p[1] = (p[1]/255 - 0.456) / 0.224
			p[2] = (p[2]/255 - 0.406) / 0.225
		}
	default:
		return fmt.Errorf("preprocess: mode %s: %w", m, ErrUnsupported)
	}
	return nil
}
