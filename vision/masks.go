package vision

import (
	"fmt"
	"math"
)

// ArgMax returns the channel with the largest value for each pixel of p, row by row: the mask of a segmentation's
// scores. Of equal values the first counts, and a NaN is larger than any number, as in NumPy. More than 256 channels are
// ErrShape.
func ArgMax(p Pixels) ([]uint8, error) {
	if err := p.check("argmax"); err != nil {
		return nil, err
	}
	if p.C > 256 {
		return nil, fmt.Errorf("argmax: %d channels, want at most 256: %w", p.C, ErrShape)
	}
	mask := make([]uint8, p.H*p.W)
	for i := range mask {
		v := p.Data[i*p.C:][:p.C]
		best := 0
		for k := 1; k < len(v) && v[best] == v[best]; k++ {
			if v[k] > v[best] || v[k] != v[k] {
				best = k
			}
		}
		mask[i] = uint8(best)
	}
	return mask, nil
}

// MaskIoU returns for each class the intersection over union of the pixels that truth and found give it, and the mean
// over the classes that occur: keras.metrics.MeanIoU. The value of a class that neither has is NaN. Masks of several
// images may stand one after the other. Masks of different lengths and classes out of range are ErrShape.
func MaskIoU(truth, found []uint8, classes int) (mean float64, each []float64, err error) {
	if len(truth) != len(found) {
		return 0, nil, fmt.Errorf("mask: %d pixels found, truth has %d: %w", len(found), len(truth), ErrShape)
	}
	if classes < 1 || classes > 256 {
		return 0, nil, fmt.Errorf("mask: %d classes, want 1 to 256: %w", classes, ErrShape)
	}
	both, either := make([]int, classes), make([]int, classes)
	for i, t := range truth {
		f := found[i]
		if int(t) >= classes || int(f) >= classes {
			return 0, nil, fmt.Errorf("mask: pixel %d is %d, found %d, want classes below %d: %w", i, t, f, classes, ErrShape)
		}
		either[t]++
		if t == f {
			both[t]++
		} else {
			either[f]++
		}
	}
	each = make([]float64, classes)
	n := 0
	for k := range each {
		if either[k] == 0 {
			each[k] = math.NaN()
			continue
		}
		each[k] = float64(both[k]) / float64(either[k])
		mean += each[k]
		n++
	}
	return mean / float64(n), each, nil
}
