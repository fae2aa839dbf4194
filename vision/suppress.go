package vision

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// A Detection is a box that a detector found, what it holds, and how sure the detector is.
type Detection struct {
	Box   Box
	Class int
	Score float32
}

// Detections returns the pairs of a box and a class whose score is above least. scores has the classes of the first box,
// then those of the second: (len(boxes), classes). A class for the background is one like any other: leave its column
// out. Scores that do not fit are ErrShape.
func Detections(boxes []Box, scores []float32, classes int, least float32) ([]Detection, error) {
	if classes < 1 || len(scores)%classes != 0 || len(scores)/classes != len(boxes) {
		return nil, fmt.Errorf("detections: %d scores for %d boxes of %d classes: %w", len(scores), len(boxes), classes, ErrShape)
	}
	var found []Detection
	for i, s := range scores {
		if s > least {
			found = append(found, Detection{boxes[i/classes], i % classes, s})
		}
	}
	return found, nil
}

// Softening says what becomes of a detection that overlaps a better one.
type Softening uint8

// The kinds of non-maximum suppression; o is the intersection over union of a box with a better one that is kept.
const (
	Hard         Softening = iota // dropped where o > Suppression.Overlap
	SoftLinear                    // its score is multiplied by 1 - o where o > Suppression.Overlap
	SoftGaussian                  // its score is multiplied by exp(-o² / (2·Sigma)), whatever o is
)

// Suppression says how to choose among boxes that overlap.
type Suppression struct {
	// Overlap is the intersection over union above which two boxes are taken for the same thing, 0 to 1.
	Overlap float32
	// Least is the score that a detection must exceed, before and after its score is weakened.
	Least float32
	// Soft is Hard unless set.
	Soft Softening
	// Sigma is how far SoftGaussian reaches; it must be positive there. It is soft_nms_sigma of TensorFlow; the paper's
	// σ is twice as much.
	Sigma float32
	// AcrossClasses lets a detection suppress those of other classes too.
	AcrossClasses bool
	// MaxPerClass and Max bound the number of detections kept of each class, and in all; zero means any number.
	MaxPerClass, Max int
}

// Suppress returns the detections that non-maximum suppression keeps, the best first, with their weakened scores. It is
// tf.image.non_max_suppression of each class (Hard), Soft-NMS of Bodla et al. (SoftLinear), and, with an Overlap of 1,
// tf.image.non_max_suppression_with_scores (SoftGaussian). Of equal scores the first goes first. Detections with a score of NaN
// are dropped. found is not changed. The time is proportional to len(found) times the number kept.
func Suppress(found []Detection, s Suppression) ([]Detection, error) {
	if !(s.Overlap >= 0 && s.Overlap <= 1) {
		return nil, fmt.Errorf("suppress: overlap %v, want 0 to 1: %w", s.Overlap, ErrShape)
	}
	if s.Soft > SoftGaussian {
		return nil, fmt.Errorf("suppress: softening %d: %w", s.Soft, ErrUnsupported)
	}
	if s.Soft == SoftGaussian && !(s.Sigma > 0) {
		return nil, fmt.Errorf("suppress: sigma %v, want more than 0: %w", s.Sigma, ErrShape)
	}
	left := slices.DeleteFunc(slices.Clone(found), func(d Detection) bool { return !(d.Score > s.Least) })
	var kept []Detection
	if s.AcrossClasses {
		kept = s.choose(left)
	} else {
		slices.SortStableFunc(left, func(a, b Detection) int { return cmp.Compare(a.Class, b.Class) })
		for len(left) > 0 {
			n := slices.IndexFunc(left, func(d Detection) bool { return d.Class != left[0].Class })
			if n < 0 {
				n = len(left)
			}
			kept = append(kept, s.choose(left[:n])...)
			left = left[n:]
		}
		slices.SortStableFunc(kept, func(a, b Detection) int { return cmp.Compare(b.Score, a.Score) })
	}
	if s.Max > 0 && len(kept) > s.Max {
		kept = kept[:s.Max]
	}
	return kept, nil
}

// choose runs the suppression over left, which it uses up, and returns what is kept, the best first.
func (s Suppression) choose(left []Detection) []Detection {
	var kept []Detection
	perClass := map[int]int{}
	for len(left) > 0 {
		best := 0
		for i, d := range left {
			if d.Score > left[best].Score {
				best = i
			}
		}
		d := left[best]
		left = slices.Delete(left, best, best+1) // in order, for equal scores
		if s.MaxPerClass > 0 && perClass[d.Class] == s.MaxPerClass {
			continue
		}
		perClass[d.Class]++
		kept = append(kept, d)
		left = s.weaken(left, d.Box)
	}
	return kept
}

// weaken lowers the scores of what overlaps box, and returns what is left.
func (s Suppression) weaken(left []Detection, box Box) []Detection {
	n := 0
	for _, d := range left {
		o := box.IoU(d.Box)
		switch {
		case s.Soft == SoftGaussian:
			d.Score *= float32(math.Exp(float64(-0.5 / s.Sigma * o * o)))
		case !(o > s.Overlap):
		case s.Soft == SoftLinear:
			d.Score *= 1 - o
		default:
			continue
		}
		if d.Score > s.Least {
			left[n] = d
			n++
		}
	}
	return left[:n]
}
