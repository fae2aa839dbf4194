package plot_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/plot"
)

func open(t *testing.T, file string, o plot.Options) *plot.Graph {
	t.Helper()
	src, err := kerasrun.OpenArchitecture(file, kerasrun.WithUnknownKeys())
	require.NoError(t, err)
	defer src.Close()
	g, err := plot.New(src.Arch, src.Program, o)
	require.NoError(t, err)
	return g
}

// models are files to draw: those of docs/plots.md, and of the golden cases those
// that are more than a chain.
func models(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"plots/*.json", "models/net_*/model.keras", "models/nested_*/model.keras", "models/functional_*/model.keras", "models/shared_*/model.keras", "models/*siamese*/model.keras", "models/digits/model.keras", "models/lstm_*/model.keras"} {
		found, err := filepath.Glob("../testdata/" + pattern)
		require.NoError(t, err)
		files = append(files, found...)
	}
	require.Greater(t, len(files), 60)
	return files
}

// TestGeometry holds what makes a drawing readable: no two boxes touch unless one
// lies inside the other, no text leaves its box or touches another, and no edge runs
// through a box or a text.
func TestGeometry(t *testing.T) {
	for _, file := range models(t) {
		for name, o := range map[string]plot.Options{"": {}, "flat": {Flat: true}, "columns": {Columns: 3}, "collapse": {Collapse: true, NoShapes: true, Dark: true}} {
			t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file)+"/"+name, func(t *testing.T) {
				check(t, open(t, file, o).Draw())
			})
		}
	}
}

// TestGeometryOfRandomGraphs is TestGeometry for graphs that no model has.
func TestGeometryOfRandomGraphs(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		check(t, random(r, 2).Draw())
	}
}

// random makes a graph with models inside to the given depth.
func random(r *rand.Rand, depth int) *plot.Graph {
	g := &plot.Graph{Name: "random"}
	n := 1 + r.IntN(24)
	for i := range n {
		node := plot.Node{Shape: strings.Repeat("9×", r.IntN(12)) + "3"}
		for k := range 1 + r.IntN(3) {
			node.Layers = append(node.Layers, plot.Layer{Name: strings.Repeat("n", r.IntN(60)), Class: strings.Repeat("C", 1+r.IntN(60)), Options: strings.Repeat("o", r.IntN(60)), Params: r.Int64N(1 << 40), Family: plot.Family(k)})
		}
		if depth > 0 && r.IntN(8) == 0 {
			node.Layers, node.Inside = node.Layers[:1], random(r, depth-1)
		}
		g.Nodes = append(g.Nodes, node)
		for range r.IntN(3) {
			if i > 0 {
				g.Edges = append(g.Edges, plot.Edge{From: r.IntN(i), To: i})
			}
		}
	}
	return g
}

// An area is a rectangle.
type area struct{ left, top, right, bottom float64 }

// touches reports whether a and b have points in common, which may be those of a line.
func (a area) touches(b area) bool {
	return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

func (a area) holds(b area) bool {
	return a.left <= b.left && b.right <= a.right && a.top <= b.top && b.bottom <= a.bottom
}

func (a area) has(p plot.Point) bool {
	const edge = 0.01 // lines begin and end at the boxes
	return a.left+edge < p.X && p.X < a.right-edge && a.top+edge < p.Y && p.Y < a.bottom-edge
}

func check(t *testing.T, d *plot.Drawing) {
	t.Helper()
	var boxes, texts []area
	var words []string
	var edges []*plot.Path
	page := area{0, 0, d.Width, d.Height}
	for _, s := range d.Shapes {
		switch s := s.(type) {
		case *plot.Rect:
			b := area{s.X, s.Y, s.X + s.W, s.Y + s.H}
			require.True(t, page.holds(b), "%v leaves the page", b)
			if s.Node {
				boxes = append(boxes, b)
			}
		case *plot.Text:
			require.InDelta(t, plot.Measure(s.Text, s.Size, s.Bold), s.Width, 1e-9)
			b := area{s.X, s.Y - 0.75*s.Size, s.X + s.Width, s.Y + 0.2*s.Size}
			require.True(t, page.holds(b), "%q leaves the page", s.Text)
			texts, words = append(texts, b), append(words, s.Text)
		case *plot.Path:
			if s.Edge {
				edges = append(edges, s)
			}
		}
	}
	for i, a := range boxes {
		for _, b := range boxes[:i] {
			if a.touches(b) && !a.holds(b) && !b.holds(a) {
				t.Fatalf("boxes %v and %v overlap", a, b)
			}
		}
	}
	for i, a := range texts {
		for _, b := range boxes {
			if a.touches(b) && !b.holds(a) {
				t.Fatalf("text %q %v crosses the side of %v", words[i], a, b)
			}
		}
		for k, b := range texts[:i] {
			if a.touches(b) {
				t.Fatalf("texts %q and %q overlap", words[i], words[k])
			}
		}
	}
	for _, e := range edges {
		points := sampled(e)
		around := area{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
		for _, p := range points {
			around = area{min(around.left, p.X), min(around.top, p.Y), max(around.right, p.X), max(around.bottom, p.Y)}
		}
		require.True(t, page.holds(around), "an edge leaves the page: %v", around)
		for _, b := range slices.Concat(boxes, texts) {
			if b.holds(around) {
				continue // of the graph inside
			}
			if !b.touches(around) {
				continue
			}
			for _, p := range points {
				if b.has(p) {
					t.Fatalf("an edge runs through %v at %v", b, p)
				}
			}
		}
	}
}

// sampled returns points of a path, some two pixels apart.
func sampled(e *plot.Path) []plot.Point {
	out := []plot.Point{e.Segments[0].End}
	for _, s := range e.Segments[1:] {
		a := out[len(out)-1]
		c1, c2 := s.C1, s.C2
		if !s.Curve {
			c1, c2 = a, s.End
		}
		n := 2 + int((math.Abs(s.End.X-a.X)+math.Abs(s.End.Y-a.Y))/2)
		for k := 1; k <= n; k++ {
			v := float64(k) / float64(n)
			u := 1 - v
			out = append(out, plot.Point{
				X: u*u*u*a.X + 3*u*u*v*c1.X + 3*u*v*v*c2.X + v*v*v*s.End.X,
				Y: u*u*u*a.Y + 3*u*u*v*c1.Y + 3*u*v*v*c2.Y + v*v*v*s.End.Y,
			})
		}
	}
	return out
}

// TestTextGeometry holds that in a drawing of letters every line that leaves a cell arrives in the next.
func TestTextGeometry(t *testing.T) {
	for _, file := range models(t) {
		var b strings.Builder
		require.NoError(t, open(t, file, plot.Options{}).WriteText(&b))
		checkLetters(t, file, b.String())
	}
	for seed := range uint64(60) {
		var b strings.Builder
		require.NoError(t, random(rand.New(rand.NewPCG(seed, 7)), 2).WriteText(&b))
		checkLetters(t, fmt.Sprint("random ", seed), b.String())
	}
}

func checkLetters(t *testing.T, name, text string) {
	t.Helper()
	var rows [][]rune
	for _, line := range strings.Split(text, "\n") {
		rows = append(rows, []rune(line))
	}
	at := func(y, x int) rune {
		if y < 0 || y >= len(rows) || x < 0 || x >= len(rows[y]) {
			return ' '
		}
		return rows[y][x]
	}
	const down, up, right, left = "│╭╮├┤┬┼", "│╰╯├┤┴┼▼", "─╭╰├┬┴┼", "─╮╯┤┬┴┼"
	for y, row := range rows {
		for x, r := range row {
			if strings.ContainsRune(down, r) && !strings.ContainsRune(up, at(y+1, x)) {
				t.Fatalf("%s: the line at row %d, column %d ends at %q below\n%s", name, y, x, at(y+1, x), text)
			}
			if strings.ContainsRune(right, r) && !strings.ContainsRune(left, at(y, x+1)) {
				t.Fatalf("%s: the line at row %d, column %d ends at %q to the right\n%s", name, y, x, at(y, x+1), text)
			}
		}
	}
}
