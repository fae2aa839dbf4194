package kerasfile

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/kerasrun/kerasrun/runtime/layers"
	"github.com/kerasrun/kerasrun/runtime/source"
)

// A result is a model on its way out: the architecture, what it is lowered to,
// and which weight of the source each of its parameters is.
type result struct {
	j       *target.Job
	form    form
	config  *keras.Value
	compile *keras.Value // the compile config, or nil
	arch    *keras.Model // config, parsed
	program *layers.Program
	from    []int         // by parameter of program, the one of the source
	scales  map[int]scale // by parameter of the source
}

// A form is a kind of architecture.
type form struct {
	major int // 3 or 2
	// inline puts vocabularies into the configs of their layers.
	inline bool
	// functions: see architect2.
	functions bool
}

// prepare makes the architecture and finds out where the weights go.
func prepare(j *target.Job, f form) (*result, error) {
	a := newArchitect(j, f.inline)
	hint := keras.Hint{Version: version}
	var config *keras.Value
	if f.major == 2 {
		hint.Version, hint.Backend = version2, "tensorflow"
		config = architect2{a, f.functions}.model(j.Arch.Root, j.Arch.Root.Name)
	} else {
		config = a.model(j.Arch.Root)
	}
	if err := j.Refused(); err != nil {
		return nil, err
	}
	o := j.Model.Options
	arch, err := keras.ParseArchitecture([]byte(config.JSON()), hint, o.Limits.Keras)
	if err != nil {
		return nil, fmt.Errorf("the architecture for Keras %d: %w", f.major, err)
	}
	how := layers.Options{
		AllowUnknownKeys: o.AllowUnknownKeys, InputShapes: o.InputShapes,
		Layers: o.Layers, Lambdas: o.Lambdas, Activations: o.Activations, Vocabularies: j.Vocabularies,
	}
	program, err := layers.Lower(arch, how)
	if err != nil {
		return nil, fmt.Errorf("%w: Keras %d cannot express it: %w", source.ErrUnsupported, f.major, err)
	}
	r := &result{j: j, form: f, config: config, compile: a.compileConfig(), arch: arch, program: program, scales: a.scales}
	if err := r.match(); err != nil {
		return nil, err
	}
	if a.old || f.major == 2 {
		return r, r.sameOps(a)
	}
	return r, nil
}

// match pairs the parameters with those of the source: of each layer in order, the
// layers in order, or by name where layersOf has changed that.
func (r *result) match() error {
	ours, theirs := r.program.Graph.Params, r.j.Program.Graph.Params
	for i, p := range theirs {
		if p.Class != "Discretization" || r.j.Weights == nil { // see withBoundaries
			r.from = append(r.from, i)
		}
	}
	if len(ours) != len(r.from) {
		return fmt.Errorf("%w: the architecture for Keras %d has %d weights, want %d", source.ErrUnsupported, r.form.major, len(ours), len(r.from))
	}
	if r.j.Arch.Version.Major == 1 {
		of := map[string][]int{}
		for i, p := range theirs {
			of[cleanName(p.Layer)] = append(of[cleanName(p.Layer)], i)
		}
		for i, p := range ours {
			if left := of[cleanName(p.Layer)]; len(left) > 0 {
				r.from[i], of[cleanName(p.Layer)] = left[0], left[1:]
			}
		}
	}
	for i, p := range ours {
		if want := theirs[r.from[i]]; p.Name != want.Name || p.DType != want.DType || !slices.Equal(p.Shape, want.Shape) {
			return fmt.Errorf("%w: layer %s (%s): weight %q of the architecture for Keras %d is %v %v, want %q of %v %v",
				source.ErrUnsupported, p.Layer, p.Class, p.Name, r.form.major, p.DType, p.Shape, want.Name, want.DType, want.Shape)
		}
	}
	return nil
}

// otherOps are classes that Keras 2 and 3 compute by other steps, to the same numbers.
var otherOps = []string{
	"MultiHeadAttention", "Discretization", "Hashing", "HashedCrossing", "CategoryEncoding", "IntegerLookup", "StringLookup", "TextVectorization",
}

// sameOps refuses layers that the other Keras computes otherwise from the same configs,
// as after masks that it passes on by other rules: both were lowered to ops.
func (r *result) sameOps(a *architect) error {
	// Weights have been scaled for hard_sigmoid to be the same.
	slope := strings.NewReplacer(fmt.Sprintf("%+v", graph.Activation{Func: graph.HardSigmoid, A: 0.2, B: 0.5}),
		fmt.Sprintf("%+v", graph.Activation{Func: graph.HardSigmoid, A: 1.0 / 6, B: 0.5}))
	ops := func(g *graph.Graph) map[string][]string {
		of := map[string][]string{}
		for _, n := range g.Nodes {
			path := cleanName(n.Layer)
			if c, cast := n.Op.(graph.Cast); cast && !c.Saturate { // of the result of a layer of otherOps, where it is used
				continue
			}
			of[path] = append(of[path], slope.Replace(fmt.Sprintf("%s%+v", graph.Name(n.Op), n.Op)))
		}
		return of
	}
	now, was := ops(r.program.Graph), ops(r.j.Program.Graph)
	for _, l := range r.j.Program.Layers {
		path := cleanName(l.Path)
		if a.rewritten[l.Layer] || slices.Contains(otherOps, l.Class) || slices.Equal(was[path], now[path]) {
			continue
		}
		r.j.Refuse(l.Path, "Keras %d computes %s otherwise: %s", r.form.major, l.Class, difference(now[path], was[path]))
	}
	for i, out := range r.j.Program.Graph.Outputs {
		if now := r.program.Graph.Outputs[i]; now.DType != out.DType {
			r.j.Refuse("(model)", "output %q is %v in Keras %d, want %v", out.Name, now.DType, r.form.major, out.DType)
		}
	}
	return r.j.Refused()
}

// difference says at which op a and b part.
func difference(a, b []string) string {
	at := func(ops []string, i int) string {
		if i < len(ops) {
			return ops[i]
		}
		return "nothing"
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	x, y := at(a, i), at(b, i)
	// Ops of the same name differ somewhere inside: show from there.
	if name, _, ok := strings.Cut(x, "{"); ok && strings.HasPrefix(y, name+"{") {
		k := 0
		for x[k] == y[k] {
			k++
		}
		k = strings.LastIndexAny(x[:k], " {") + 1
		word := func(s string) string { return strings.Trim(strings.Fields(s[k:])[0], "{}") }
		return fmt.Sprintf("%s with %s, want %s", name, word(x), word(y))
	}
	name := func(s string) string { n, _, _ := strings.Cut(s, "{"); return n }
	return fmt.Sprintf("%s, want %s", name(x), name(y))
}

var stored = map[graph.DType]hdf5load.DType{
	graph.Float32: hdf5load.Float32, graph.Float64: hdf5load.Float64, graph.Float16: hdf5load.Float16, graph.BFloat16: hdf5load.BFloat16,
	graph.Int8: hdf5load.Int8, graph.Int16: hdf5load.Int16, graph.Int32: hdf5load.Int32, graph.Int64: hdf5load.Int64,
	graph.Uint8: hdf5load.Uint8, graph.Uint16: hdf5load.Uint16, graph.Uint32: hdf5load.Uint32, graph.Uint64: hdf5load.Uint64,
	graph.Bool: hdf5load.Bool,
}

// dataset adds parameter p to a group.
func (r *result) dataset(t *hdf5load.Tree, name string, p int) {
	param := r.program.Graph.Params[p]
	from := r.from[p]
	t.Dataset(name, stored[r.j.Stored(from)], param.Shape, func(w io.Writer) error { return r.write(w, from) })
}

// write writes the elements of weight i of the source, scaled where the era asks for it.
func (r *result) write(w io.Writer, i int) error {
	s, ok := r.scales[i]
	if !ok {
		return r.j.WriteWeight(w, i)
	}
	t, err := s.scaled(r.j.Weights[i])
	if err != nil {
		return err
	}
	return target.WriteElements(w, t.Cast(r.j.Stored(i)))
}

// pathTree is the layout of .weights.h5.
func (r *result) pathTree() *hdf5load.Tree {
	t := hdf5load.NewTree()
	params := r.program.Graph.Params
	for _, g := range source.PathGroups(r.program) {
		vars := t.Group(g.Name + "/vars")
		for k, p := range append(r.copies(g), g.Params...) {
			name := fmt.Sprint(k)
			if params[p].Name == "idf_weights" { // which lookup layers store by name
				name = "idf_weights"
			}
			r.dataset(vars, name, p)
		}
	}
	for k, v := range r.optimizer() {
		copyDataset(t, fmt.Sprint("optimizer/vars/", k), v)
	}
	return t
}

// optimizer are the variables of the optimizer, where they are kept: those of
// another era mean something else.
func (r *result) optimizer() []hdf5load.Weight {
	if r.compile == nil || r.j.Options.PruneOptimizer {
		return nil
	}
	if (r.j.Arch.Version.Major < 3) != (r.form.major < 3) {
		if len(r.j.Optimizer) > 0 {
			r.j.Note("the state of the optimizer is left out: Keras %s and Keras %d keep it otherwise", r.j.Arch.Version.Text, r.form.major)
		}
		return nil
	}
	return r.j.Optimizer
}

// copyDataset adds a stored array as it is.
func copyDataset(t *hdf5load.Tree, name string, o hdf5load.Object) {
	shape := o.Shape()
	t.Dataset(name, o.DType(), shape, func(w io.Writer) error {
		n := o.ElemSize()
		for _, d := range shape {
			n *= d
		}
		raw := make([]byte, n)
		if err := o.ReadRaw(raw); err != nil {
			return err
		}
		_, err := w.Write(raw)
		return err
	})
}

// copies are the parameters of a wrapped layer that a group repeats before its own.
func (r *result) copies(g source.Group) []int {
	params := r.program.Graph.Params
	n := params[g.Params[0]].Copies
	var of []int
	for i, p := range params {
		if p.Path == g.Name+"/layer" && len(of) < n {
			of = append(of, i)
		}
	}
	return of
}

func (r *result) version() string {
	if r.form.major == 2 {
		return version2
	}
	return version
}

// legacyTree adds the layout of whole-model .h5 files to t.
func (r *result) legacyTree(t *hdf5load.Tree) {
	groups := map[string][]int{}
	for _, g := range source.LegacyGroups(r.program) {
		groups[g.Name] = g.Params
	}
	var names []string
	for _, l := range r.program.Layers {
		if l.Depth != 0 || l.Operation {
			continue
		}
		names = append(names, l.Name)
		group := t.Group(l.Name)
		var stored []string
		used := map[string]bool{}
		for _, p := range groups[l.Name] {
			param := r.program.Graph.Params[p]
			name := param.Layer + "/" + param.Name
			for k := 1; used[name]; k++ {
				name = fmt.Sprintf("%s/%s_%d", param.Layer, param.Name, k)
			}
			used[name] = true
			stored = append(stored, name)
			r.dataset(group, name, p)
		}
		group.Names("weight_names", stored)
	}
	t.Names("layer_names", names)
	t.Attr("backend", "tensorflow")
	t.Attr("keras_version", r.version())
	t.Group("top_level_model_weights").Names("weight_names", nil)
}
