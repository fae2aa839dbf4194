package vision_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/npy"
	"github.com/kerasrun/kerasrun/vision"
)

// arrays reads an archive of testdata/vision.
func arrays(t *testing.T, name string) map[string]npy.Array {
	t.Helper()
	b, err := os.ReadFile("../testdata/vision/" + name)
	require.NoError(t, err)
	z, err := npy.ReadZip(bytes.NewReader(b), int64(len(b)), npy.Limits{})
	require.NoError(t, err)
	out := map[string]npy.Array{}
	for _, n := range z.Names() {
		out[n], err = z.Open(n)
		require.NoError(t, err)
	}
	return out
}

// quarters makes boxes of coordinates in quarters of a pixel.
func quarters[T uint8 | uint16](v []T) []vision.Box {
	var boxes []vision.Box
	for c := range slices.Chunk(v, 4) {
		boxes = append(boxes, vision.Box{Top: float32(c[0]) / 4, Left: float32(c[1]) / 4, Bottom: float32(c[2]) / 4, Right: float32(c[3]) / 4})
	}
	return boxes
}

func requireBoxes(t *testing.T, want []float32, got []vision.Box, tolerance float64) {
	t.Helper()
	require.Len(t, got, len(want)/4)
	for i, b := range got {
		for k, v := range [4]float32{b.Top, b.Left, b.Bottom, b.Right} {
			require.InDelta(t, want[4*i+k], v, tolerance, "box %d: %v", i, b)
		}
	}
}

func TestBoxesLikeKeras(t *testing.T) {
	all := arrays(t, "boxes.npz")
	a, b := quarters(all["a"].Data.([]uint8)), quarters(all["b"].Data.([]uint8))
	require.Len(t, a, 1000)
	for i, want := range all["iou"].Data.([]float32) {
		require.InDelta(t, want, a[i].IoU(b[i]), 1e-6, "case %d", i)
		require.Equal(t, a[i].IoU(b[i]), b[i].IoU(a[i]))
		require.EqualValues(t, 1, a[i].IoU(a[i]))
	}
	deltas, variances := all["deltas"].Data.([]float32), all["variances"].Data.([]float32)
	got, err := vision.DecodeBoxes(deltas, a, [4]float32(variances))
	require.NoError(t, err)
	requireBoxes(t, all["decoded"].Data.([]float32), got, 1e-4) // of up to 255/4 pixels, times exp

	var sizes []vision.Size
	for s := range slices.Chunk(all["sizes"].Data.([]float32), 2) {
		sizes = append(sizes, vision.Size{Height: s[0], Width: s[1]})
	}
	anchors, err := vision.Grid{Rows: 4, Columns: 7, Height: 50, Width: 90, Sizes: sizes}.Anchors()
	require.NoError(t, err)
	requireBoxes(t, all["anchors"].Data.([]float32), anchors, 1e-5)
}

func TestBoxesRefused(t *testing.T) {
	_, err := vision.DecodeBoxes(make([]float32, 8), make([]vision.Box, 3), [4]float32{})
	require.ErrorIs(t, err, vision.ErrShape)
	require.EqualError(t, err, "boxes: 8 deltas for 3 anchors, want 4 for each: wrong image shape")
	one := []vision.Size{{Height: 1, Width: 1}}
	for _, g := range []vision.Grid{{}, {Rows: 1, Columns: 1, Height: 1, Width: 1}, {Rows: 1, Columns: 1, Height: float32(math.NaN()), Width: 1, Sizes: one},
		{Rows: 1, Columns: 1, Height: 1, Width: 1, Sizes: []vision.Size{{Height: 1}}}} {
		_, err := g.Anchors()
		require.ErrorIs(t, err, vision.ErrShape, "%+v", g)
	}
	_, err = vision.Grid{Rows: 1 << 20, Columns: 1 << 20, Height: 1, Width: 1, Sizes: one}.Anchors()
	require.ErrorIs(t, err, vision.ErrLimit)
}

func TestEmptyBoxes(t *testing.T) {
	b := vision.Box{Top: 1, Left: 1, Bottom: 3, Right: 3}
	for _, e := range []vision.Box{{}, {Top: 3, Left: 3, Bottom: 1, Right: 1}, {Top: 1, Left: 3, Bottom: 3, Right: 1}, {Top: float32(math.NaN()), Left: 0, Bottom: 9, Right: 9}} {
		require.Zero(t, e.Area(), "%v", e)
		require.Zero(t, e.IoU(b), "%v", e)
		require.Zero(t, b.IoU(e), "%v", e)
		require.Zero(t, e.IoU(e), "%v", e)
	}
	require.Equal(t, vision.Box{Top: 0, Left: 2, Bottom: 5, Right: 7}, vision.Box{Top: -1, Left: 2, Bottom: 9, Right: 9}.Clip(5, 7))
	require.Equal(t, vision.Box{Top: 25, Left: 100, Bottom: 50, Right: 150}, vision.Box{Top: 0.25, Left: 0.5, Bottom: 0.5, Right: 0.75}.Scale(100, 200))
}

// options of a case of suppress.npz.
func suppression(o []float32) vision.Suppression {
	return vision.Suppression{Overlap: o[0], Least: o[1], Sigma: o[2], Max: int(o[3])}
}

func TestSuppressLikeTensorFlow(t *testing.T) {
	all := arrays(t, "suppress.npz")
	boxes, parts := quarters(all["boxes"].Data.([]uint8)), all["scores"].Data.([]uint16)
	classes, lengths := all["classes"].Data.([]uint8), all["lengths"].Data.([]uint8)
	options := all["options"].Data.([]float32)
	require.Len(t, lengths, 1000)
	// what is left of the flat arrays, by kind
	kept, scores, counts := map[string][]uint8{}, map[string][]float32{}, map[string][]uint8{}
	for _, kind := range []string{"hard", "gaussian", "linear"} {
		kept[kind], counts[kind] = all[kind].Data.([]uint8), all[kind+"_lengths"].Data.([]uint8)
		if kind != "hard" {
			scores[kind] = all[kind+"_scores"].Data.([]float32)
		}
	}
	begin := 0
	for i, n := range lengths {
		s := suppression(options[4*i:])
		s.AcrossClasses = true
		var found []vision.Detection
		for j := begin; j < begin+int(n); j++ {
			found = append(found, vision.Detection{Box: boxes[j], Class: j - begin, Score: float32(parts[j]) / 65536})
		}
		before := slices.Clone(found)
		for kind, soft := range map[string]vision.Softening{"hard": vision.Hard, "gaussian": vision.SoftGaussian, "linear": vision.SoftLinear} {
			s.Soft = soft
			got, err := vision.Suppress(found, s)
			require.NoError(t, err)
			require.Equal(t, before, found)
			count := int(counts[kind][i])
			require.Len(t, got, count, "case %d, %s", i, kind)
			for j, d := range got {
				require.EqualValues(t, kept[kind][j], d.Class, "case %d, %s, box %d", i, kind, j)
				require.Equal(t, found[d.Class].Box, d.Box)
				if kind == "hard" {
					require.Equal(t, found[d.Class].Score, d.Score)
				} else {
					require.InDelta(t, scores[kind][j], d.Score, 1e-6, "case %d, %s, box %d", i, kind, j)
				}
			}
			kept[kind], scores[kind] = kept[kind][count:], scores[kind][min(count, len(scores[kind])):]
		}
		begin += int(n)
	}
	require.Empty(t, kept["hard"])
	require.Equal(t, len(classes), begin)
}

// Suppression of each class on its own is tf.image.combined_non_max_suppression.
func TestSuppressClassesLikeTensorFlow(t *testing.T) {
	all := arrays(t, "suppress.npz")
	boxes, parts := quarters(all["boxes"].Data.([]uint8)), all["scores"].Data.([]uint16)
	classes, options := all["classes"].Data.([]uint8), all["options"].Data.([]float32)
	kept, scores, counts := all["classes_kept"].Data.([]uint8), all["classes_scores"].Data.([]float32), all["classes_lengths"].Data.([]uint8)
	begin := 0
	for i, n := range all["lengths"].Data.([]uint8) {
		s := suppression(options[4*i:])
		s.MaxPerClass, s.Max, s.Least = s.Max, 2*s.Max, max(s.Least, 1e-3)
		table := make([]float32, 3*int(n))
		for j := range int(n) {
			at := 3*j + int(classes[begin+j])
			table[at] = float32(parts[begin+j]) / 65536
			if i%4 == 0 && table[at] > 0 {
				table[at] += float32(at%101) / 65536
			}
		}
		found, err := vision.Detections(boxes[begin:begin+int(n)], table, 3, s.Least)
		require.NoError(t, err)
		got, err := vision.Suppress(found, s)
		require.NoError(t, err)
		require.Len(t, got, int(counts[i]), "case %d", i)
		for j, d := range got {
			require.EqualValues(t, kept[j], d.Class, "case %d, box %d", i, j)
			require.Equal(t, scores[j], d.Score, "case %d, box %d", i, j)
		}
		kept, scores = kept[len(got):], scores[len(got):]
		begin += int(n)
	}
	require.Empty(t, kept)
}

func TestSuppressRefused(t *testing.T) {
	nan := float32(math.NaN())
	one := []vision.Detection{{Box: vision.Box{Bottom: 1, Right: 1}, Score: nan}, {Box: vision.Box{Bottom: 1, Right: 1}, Score: 0.5}}
	got, err := vision.Suppress(one, vision.Suppression{Overlap: 0.5})
	require.NoError(t, err)
	require.Equal(t, one[1:], got)
	for _, s := range []vision.Suppression{{Overlap: nan}, {Overlap: 1.1}, {Overlap: -1}, {Soft: vision.SoftGaussian}, {Soft: vision.SoftGaussian, Sigma: nan}} {
		_, err := vision.Suppress(one, s)
		require.ErrorIs(t, err, vision.ErrShape, "%+v", s)
	}
	_, err = vision.Suppress(one, vision.Suppression{Soft: 9})
	require.ErrorIs(t, err, vision.ErrUnsupported)
	_, err = vision.Detections(make([]vision.Box, 2), make([]float32, 5), 3, 0)
	require.ErrorIs(t, err, vision.ErrShape)
}

func TestMeanAveragePrecisionLikeNumPy(t *testing.T) {
	all := arrays(t, "precision.npz")
	wantMean, wantEach := all["mean"].Data.([]float64), all["each"].Data.([]float64)
	found, truth := make([][][]vision.Detection, len(wantMean)), make([][][]vision.Detection, len(wantMean))
	for c := range found {
		found[c], truth[c] = make([][]vision.Detection, 4), make([][]vision.Detection, 4)
	}
	for row := range slices.Chunk(all["found"].Data.([]uint16), 8) {
		image := &found[row[0]][row[1]]
		*image = append(*image, vision.Detection{Box: quarters(row[4:])[0], Class: int(row[2]), Score: float32(row[3]) / 65536})
	}
	for row := range slices.Chunk(all["truth"].Data.([]uint16), 7) {
		image := &truth[row[0]][row[1]]
		*image = append(*image, vision.Detection{Box: quarters(row[3:])[0], Class: int(row[2])})
	}
	for c := range found {
		mean, each, err := vision.MeanAveragePrecision(found[c], truth[c], 3, 0.5)
		require.NoError(t, err)
		requireClose(t, wantMean[c:c+1], []float64{mean}, 1e-12, fmt.Sprint("mean of case ", c))
		requireClose(t, wantEach[3*c:3*c+3], each, 1e-12, fmt.Sprint("case ", c))
	}
	_, _, err := vision.MeanAveragePrecision(found[0], truth[0][:1], 3, 0.5)
	require.ErrorIs(t, err, vision.ErrShape)
	_, _, err = vision.MeanAveragePrecision(found[0], truth[0], 1, 0.5)
	require.ErrorIs(t, err, vision.ErrShape)
	_, _, err = vision.MeanAveragePrecision(nil, nil, 0, 0.5)
	require.ErrorIs(t, err, vision.ErrShape)
}

// requireClose demands NaN where it is wanted, and no difference above tolerance elsewhere.
func requireClose(t *testing.T, want, got []float64, tolerance float64, name string) {
	t.Helper()
	require.Len(t, got, len(want), name)
	for i := range want {
		if math.IsNaN(want[i]) || math.IsNaN(got[i]) {
			require.Equal(t, math.IsNaN(want[i]), math.IsNaN(got[i]), "%s: %v, want %v", name, got, want)
			continue
		}
		require.InDelta(t, want[i], got[i], tolerance, name)
	}
}

func TestLetterboxLikeTensorFlow(t *testing.T) {
	all := goldens(t, "letterbox.npz")
	n := 0
	for name, want := range all {
		part := strings.Split(name, "/")
		if len(part) != 3 {
			continue
		}
		m, err := vision.ParseMethod(part[0])
		require.NoError(t, err)
		got := vision.NewPixels(want.H, want.W, want.C)
		for i := range got.Data {
			got.Data[i] = -1 // what was there does not count
		}
		_, err = vision.Letterbox(got, all["in"], vision.Resizing{Interpolation: m, Antialias: part[1] == "aa"})
		require.NoError(t, err)
		within(t, want, got, 255*1e-6, name)
		n++
	}
	require.Equal(t, 7*3*2, n)
}

func TestLetterboxPlacement(t *testing.T) {
	src, dst := vision.NewPixels(30, 60, 1), vision.NewPixels(20, 20, 1)
	for i := range src.Data {
		src.Data[i] = 1
	}
	p, err := vision.Letterbox(dst, src, vision.Resizing{Interpolation: vision.Bilinear, FillValue: 7})
	require.NoError(t, err)
	require.Equal(t, vision.Placement{Top: 5, Left: 0, Height: 10, Width: 20, SourceHeight: 30, SourceWidth: 60}, p)
	for i, v := range dst.Data {
		want := float32(1)
		if y := i / 20; y < 5 || y >= 15 {
			want = 7
		}
		require.Equal(t, want, v, "pixel %d", i)
	}
	require.Equal(t, vision.Box{Top: 0, Left: 0, Bottom: 30, Right: 60}, p.Back(vision.Box{Top: 5, Left: 0, Bottom: 15, Right: 20}))
	require.Equal(t, vision.Box{Top: 3, Left: 12, Bottom: 6, Right: 15}, p.Back(vision.Box{Top: 6, Left: 4, Bottom: 7, Right: 5}))

	_, err = vision.Letterbox(vision.NewPixels(9, 1, 1), vision.NewPixels(9, 20, 1), vision.Resizing{})
	require.ErrorIs(t, err, vision.ErrShape)
	_, err = vision.Letterbox(vision.NewPixels(9, 1, 2), src, vision.Resizing{})
	require.ErrorIs(t, err, vision.ErrShape)
	_, err = vision.Letterbox(vision.Pixels{}, src, vision.Resizing{})
	require.ErrorIs(t, err, vision.ErrShape)
}
