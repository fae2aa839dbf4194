package serve

import (
	"bytes"
	"context"
	"embed"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision"
)

//go:embed page
var pageFiles embed.FS

// The bounds of what the page shows.
const (
	pageClasses = 10
	pageMaps    = 16       // of one layer
	pageSide    = 64       // pixels of a map
	pageBytes   = 96 << 20 // of the results of layers that are looked at
)

// page answers the page at / and what it asks for.
func (q *request) page(name string) {
	switch name {
	case "page/models":
		q.get(func(http.ResponseWriter) { q.marshal(q.s.pageModels()) })
		return
	case "page/run":
		q.protocol = "page"
		if q.r.Method != http.MethodPost {
			q.notAllowed(http.MethodPost)
			return
		}
		q.pageRun()
		return
	case "":
		name = "page/index.html"
	}
	data, err := pageFiles.ReadFile(name)
	if err != nil {
		q.error(fail(http.StatusNotFound, "there is nothing at %s", q.r.URL.Path))
		return
	}
	q.get(func(w http.ResponseWriter) {
		h := w.Header()
		h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
		h.Set("Content-Length", strconv.Itoa(len(data)))
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		w.Write(data)
	})
}

// A pageModel is a model that the page can choose.
type pageModel struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Input   string `json:"input"`
	Why     string `json:"why"` // it takes no image; "" where it does
	Height  int    `json:"height"`
	Width   int    `json:"width"`
	Colours int    `json:"colours"`
}

// pageModels lists the newest versions of all models.
func (s *Server) pageModels() []pageModel {
	out := []pageModel{}
	for _, name := range s.repo.names() {
		in, err := s.repo.acquire(name, "")
		if err != nil {
			continue
		}
		m := pageModel{Name: name, Version: in.versionText()}
		if l, err := pageLayout(in.model); err != nil {
			m.Why = err.Error()
		} else {
			m.Height, m.Width, m.Colours = l.H, l.W, l.C
			m.Input = fmt.Sprintf("%s %v", in.model.Inputs()[0].Name, in.model.Inputs()[0].Shape)
		}
		in.release()
		out = append(out, m)
	}
	return out
}

// pageLayout is how a model takes the image of the page.
func pageLayout(m *kerasrun.Model) (vision.Layout, error) {
	if n := len(m.Inputs()); n != 1 {
		return vision.Layout{}, fmt.Errorf("the model has %d inputs; the page has one image", n)
	}
	return vision.LayoutOf(m.Inputs()[0])
}

// A pageAnswer is what the page shows of an image.
type pageAnswer struct {
	Model   string      `json:"model"`
	Version string      `json:"version"`
	Seconds float64     `json:"seconds"`
	Image   string      `json:"image"` // as the model sees it
	Outputs []pageScore `json:"outputs"`
	Layers  []pageLayer `json:"layers"`
}

// A pageScore is an output: its best classes, where it has some.
type pageScore struct {
	Name  string      `json:"name"`
	Shape string      `json:"shape"`
	Top   []pageClass `json:"top"`
}

type pageClass struct {
	Label string  `json:"label"`
	Score float64 `json:"score"`
	Text  string  `json:"text"`
}

// A pageLayer is a layer: how long its step took, and its result as pictures.
type pageLayer struct {
	Path    string   `json:"path"`
	Class   string   `json:"class"`
	Shape   string   `json:"shape"`
	Params  int64    `json:"params"`
	Seconds *float64 `json:"seconds"` // null where another layer's step computes it
	With    string   `json:"with"`    // that layer
	Maps    []string `json:"maps"`
	Of      int      `json:"of"` // maps that there are
}

// pageRun looks at every layer of a prediction.
func (q *request) pageRun() {
	query := q.r.URL.Query()
	in, err := q.hold(query.Get("model"), query.Get("version"))
	if err != nil {
		q.error(err)
		return
	}
	defer in.release()
	data, err := q.body()
	if err != nil {
		q.error(err)
		return
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(q.r.Context()), q.start.Add(q.s.config.Timeout))
	defer cancel()
	layout, err := pageLayout(in.model)
	if err != nil {
		q.error(err)
		return
	}
	img, err := vision.Decode(bytes.NewReader(data), maxPixels)
	if err != nil {
		q.error(err)
		return
	}
	x, err := layout.Tensor(img, in.config.Preprocess)
	if err != nil {
		q.error(err)
		return
	}
	if err := q.s.gate.enter(ctx); err != nil {
		q.error(err)
		return
	}
	defer q.s.gate.exit()
	a, err := look(ctx, in, layout.ChannelsFirst, x)
	if err != nil {
		q.error(err)
		return
	}
	q.marshal(a)
}

// look runs a model and shows what its layers make of x.
func look(ctx context.Context, in *instance, channelsFirst bool, x kerasrun.Tensor) (*pageAnswer, error) {
	m := in.model
	if want := m.Inputs()[0].DType; want != x.DType {
		x = x.Cast(want)
	}
	a := &pageAnswer{Model: in.name(), Version: in.versionText(), Outputs: []pageScore{}, Layers: []pageLayer{}}
	if shown := mapsOf(x, channelsFirst, 1); len(shown) > 0 {
		a.Image = shown[0]
	}
	times, with, err := layerTimes(ctx, m, x)
	if err != nil {
		return nil, err
	}
	for _, t := range times {
		a.Seconds += t
	}
	var paths []string
	bytes := 0
	for _, l := range m.Layers() {
		if len(l.Outputs) == 0 || l.Class == "InputLayer" {
			continue
		}
		shape := l.Outputs[0].Shape.Clone()
		if len(shape) > 0 && shape[0] < 0 {
			shape[0] = 1
		}
		if n, ok := shape.Elems(); ok && l.Outputs[0].DType != kerasrun.String && bytes+4*n <= pageBytes {
			bytes += 4 * n
			paths = append(paths, l.Path)
		}
	}
	out, taps, err := m.PredictLayers(ctx, paths, x)
	if err != nil {
		return nil, err
	}
	for _, l := range m.Layers() {
		if len(l.Outputs) == 0 || l.Class == "InputLayer" {
			continue
		}
		p := pageLayer{Path: l.Path, Class: l.Class, Shape: l.Outputs[0].Shape.String(), Params: l.Params, With: with[l.Path], Maps: []string{}}
		if t, ok := times[l.Path]; ok {
			p.Seconds, p.With = &t, ""
		}
		if t, ok := taps[l.Path]; ok {
			p.Maps, p.Of = mapsOf(t, channelsFirst, pageMaps), channels(t, channelsFirst)
			p.Shape = t.Shape.String()
		}
		a.Layers = append(a.Layers, p)
	}
	for i, t := range out {
		o := pageScore{Name: m.Outputs()[i].Name, Shape: t.Shape.String(), Top: []pageClass{}}
		if len(t.Shape) == 2 && t.Shape[0] == 1 && t.DType != kerasrun.String {
			for _, k := range ranked(t, 0, t.Shape[1])[:min(pageClasses, t.Shape[1])] {
				c := pageClass{Label: strconv.Itoa(k), Score: finite(t.Float(k)), Text: strconv.FormatFloat(t.Float(k), 'g', 4, 32)}
				if len(in.config.Labels) == t.Shape[1] {
					c.Label = in.config.Labels[k]
				}
				o.Top = append(o.Top, c)
			}
		}
		a.Outputs = append(a.Outputs, o)
	}
	return a, nil
}

// finite is x, or what JSON can hold instead.
func finite(x float64) float64 {
	switch {
	case math.IsNaN(x):
		return 0
	case math.IsInf(x, 0):
		return math.Copysign(math.MaxFloat64, x)
	}
	return x
}

// layerTimes is the time of each step in seconds by its first layer, and for the other layers of a step that one.
func layerTimes(ctx context.Context, m *kerasrun.Model, x kerasrun.Tensor) (times map[string]float64, with map[string]string, err error) {
	s, err := m.NewSession(x.Shape)
	if err != nil {
		return nil, nil, err
	}
	out := s.Outputs()
	times, with = map[string]float64{}, map[string]string{}
	if err := s.Run(ctx, []kerasrun.Tensor{x}, out); err != nil { // the first run is slower
		return nil, nil, err
	}
	steps, err := s.Profile(ctx, []kerasrun.Tensor{x}, out)
	if err != nil {
		return nil, nil, err
	}
	for _, step := range steps {
		for i, path := range step.Layers {
			if i == 0 {
				times[path] += float64(step.Time) / float64(time.Second)
			} else {
				with[path] = step.Layers[0]
			}
		}
	}
	return times, with, nil
}

// channels is the number of maps that a result has.
func channels(t kerasrun.Tensor, channelsFirst bool) int {
	switch {
	case t.Len() == 0:
		return 0
	case len(t.Shape) == 4 && channelsFirst:
		return t.Shape[1]
	case len(t.Shape) == 4:
		return t.Shape[3]
	}
	return 1
}

// mapsOf are the first maps of a result as pictures, each from its least to its greatest element: the channels of an image,
// (steps, features) as one, and a vector in rows.
func mapsOf(t kerasrun.Tensor, channelsFirst bool, most int) []string {
	n := min(channels(t, channelsFirst), most)
	if n == 0 || t.DType == kerasrun.String || t.Shape[0] != 1 {
		return []string{}
	}
	out := make([]string, 0, n)
	for c := range n {
		h, w := 1, t.Len()
		at := func(y, x int) int { return y*w + x }
		switch len(t.Shape) {
		case 3:
			h, w = t.Shape[1], t.Shape[2]
		case 4:
			h, w = t.Shape[1], t.Shape[2]
			at = func(y, x int) int { return (y*w+x)*t.Shape[3] + c }
			if channelsFirst {
				h, w = t.Shape[2], t.Shape[3]
				at = func(y, x int) int { return (c*h+y)*w + x }
			}
		default:
			if full := w; full > pageSide {
				h, w = (full+pageSide-1)/pageSide, pageSide
			}
		}
		out = append(out, drawMap(t, h, w, at))
	}
	return out
}

// drawMap draws one map, of h rows, as a PNG in a data URL; a larger one is thinned out.
func drawMap(t kerasrun.Tensor, h, w int, at func(y, x int) int) string {
	high, wide := min(h, pageSide), min(w, pageSide)
	values := make([]float64, high*wide)
	lo, hi := math.Inf(1), math.Inf(-1)
	for y := range high {
		for x := range wide {
			v := math.NaN()
			if i := at(y*h/high, x*w/wide); i < t.Len() {
				v = t.Float(i)
			}
			values[y*wide+x] = v
			if !math.IsInf(v, 0) && !math.IsNaN(v) {
				lo, hi = min(lo, v), max(hi, v)
			}
		}
	}
	img := image.NewGray(image.Rect(0, 0, wide, high))
	for i, v := range values {
		g := 0.0
		switch {
		case hi > lo:
			g = (v - lo) / (hi - lo)
		case v > 0:
			g = 1
		}
		img.SetGray(i%wide, i/wide, color.Gray{Y: uint8(255 * min(max(finite(g), 0), 1))})
	}
	var b strings.Builder
	b.WriteString("data:image/png;base64,")
	e := base64.NewEncoder(base64.StdEncoding, &b)
	png.Encode(e, img) // to memory, a picture of at least one pixel
	e.Close()
	return b.String()
}
