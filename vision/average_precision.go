package vision

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// MeanAveragePrecision rates a detector: found and truth have a slice for each image; scores of truth do not count. A
// detection is right if the box of its class that it overlaps most, by an intersection over union of at least overlap,
// was not found by one with a better score. A class's average precision is the area under precision over recall, where
// the precision at a recall is the best one at that recall or a larger one (as in PASCAL VOC since 2010). It is NaN for
// a class that truth does not have; mean is over the others. Numbers of images that differ, and classes out of range,
// are ErrShape.
func MeanAveragePrecision(found, truth [][]Detection, classes int, overlap float32) (mean float64, each []float64, err error) {
	if len(found) != len(truth) {
		return 0, nil, fmt.Errorf("average precision: %d images, truth has %d: %w", len(found), len(truth), ErrShape)
	}
	if classes < 1 {
		return 0, nil, fmt.Errorf("average precision: %d classes: %w", classes, ErrShape)
	}
	for _, all := range [][][]Detection{found, truth} {
		for i, image := range all {
			for _, d := range image {
				if d.Class < 0 || d.Class >= classes {
					return 0, nil, fmt.Errorf("average precision: class %d in image %d, want less than %d: %w", d.Class, i, classes, ErrShape)
				}
			}
		}
	}
	each = make([]float64, classes)
	n := 0
	for k := range each {
		each[k] = averagePrecision(found, truth, k, overlap)
		if each[k] == each[k] {
			mean += each[k]
			n++
		}
	}
	return mean / float64(n), each, nil
}

// averagePrecision is that of one class.
func averagePrecision(found, truth [][]Detection, class int, overlap float32) float64 {
	type ranked struct {
		Detection
		image int
	}
	var all []ranked
	boxes := make([][]Box, len(truth))
	total := 0
	for i := range truth {
		for _, d := range truth[i] {
			if d.Class == class {
				boxes[i] = append(boxes[i], d.Box)
				total++
			}
		}
		for _, d := range found[i] {
			if d.Class == class {
				all = append(all, ranked{d, i})
			}
		}
	}
	if total == 0 {
		return math.NaN()
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(b.Score, a.Score) })
	used := make(map[[2]int]bool, total)
	precision := make([]float64, len(all))
	right := make([]bool, len(all))
	hits := 0
	for n, d := range all {
		best, most := -1, float32(-1)
		for j, b := range boxes[d.image] {
			if o := b.IoU(d.Box); o > most {
				best, most = j, o
			}
		}
		if at := [2]int{d.image, best}; best >= 0 && most >= overlap && !used[at] {
			used[at], right[n] = true, true
			hits++
		}
		precision[n] = float64(hits) / float64(n+1)
	}
	area, peak := 0.0, 0.0
	for n := len(all) - 1; n >= 0; n-- {
		peak = max(peak, precision[n])
		if right[n] {
			area += peak
		}
	}
	return area / float64(total)
}
