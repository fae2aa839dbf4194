// Command compat tries every model file below a folder and prints a table: what
// opens, what agrees with the outputs that Keras wrote beside it (NAME.npz), and
// what is refused and why. It exits with 1 when a model that opens disagrees,
// gives results that are not finite, or fails other than by a clear refusal; with
// -refusals also when a refused file does not stand in that list, or one that
// does is not refused.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/internal/verify"
)

func main() {
	list := flag.String("refusals", "", "`FILE` with the only files that may be refused")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: compat [-refusals FILE] DIR")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	bad, err := run(flag.Arg(0), *list)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if bad > 0 {
		os.Exit(1)
	}
}

// An entry is what happened to one model.
type entry struct {
	folder, name string // of the model's file; name includes that of its weights: "a.json + a.h5"
	stem         string // the file's name without .h5, .keras or .arch.json
	verdict      verdict
	detail       string
	outputs      []kerasrun.Tensor // for inputs made by seed, of models without expected ones
}

type verdict string

const (
	agrees    verdict = "agrees"  // with Keras's outputs
	runs      verdict = "runs"    // no outputs to compare; all finite
	lowers    verdict = "lowers"  // an architecture without weights: every layer is known
	refused   verdict = "refused" // unsupported, by name
	invalid   verdict = "invalid" // damaged, incomplete or not a model
	unlisted  verdict = "UNLISTED"
	stale     verdict = "STALE" // listed as refused, but not refused
	differs   verdict = "DIFFERS"
	notFinite verdict = "NOT FINITE"
	fails     verdict = "FAILS"
)

var verdicts = []verdict{agrees, runs, lowers, refused, invalid, unlisted, stale, differs, notFinite, fails}

func run(root, list string) (bad int, err error) {
	var listed map[string]string
	if list != "" {
		if listed, err = readRefusals(list); err != nil {
			return 0, err
		}
	}
	weights, err := pairs(root)
	if err != nil {
		return 0, err
	}
	var entries []entry
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "hdf5" || d.Name() == "crashers") {
			return filepath.SkipDir
		}
		if d.IsDir() || !isModel(path, weights) {
			return nil
		}
		rel, _ := filepath.Rel(root, filepath.Dir(path))
		with := weights[path]
		if with == nil {
			with = []string{""}
		}
		for _, w := range with {
			e := try(path, w)
			e.folder, e.name, e.stem = rel, d.Name(), stemOf(d.Name())
			if w != "" {
				e.name += " + " + filepath.Base(w)
			}
			if listed != nil {
				e.hold(listed)
			}
			entries = append(entries, e)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	compareTwins(entries)
	return report(entries), nil
}

// hold holds a verdict to the list of refusals.
func (e *entry) hold(listed map[string]string) {
	reason, known := listed[e.name]
	switch isRefused := e.verdict == refused || e.verdict == invalid; {
	case isRefused && !known:
		e.verdict = unlisted
	case isRefused:
		e.detail = reason + ": " + e.detail
	case known && e.verdict != fails:
		e.verdict = stale
	}
}

// pairs tells which files hold the weights of an architecture JSON: those that
// an index.json below root names, and beside NAME.arch.json the files that
// Keras calls NAME_weightsonly.h5, NAME.weights.h5, ..., or the whole model.
func pairs(root string) (map[string][]string, error) {
	weights := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		if stem, ok := strings.CutSuffix(path, ".arch.json"); ok {
			for _, end := range []string{"_weightsonly.h5", ".weights.h5", "_sharded.weights.json", ".h5"} {
				if exists(stem + end) {
					weights[path] = append(weights[path], stem+end)
				}
			}
		}
		if d.Name() != "index.json" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var index []struct {
			Name    string `json:"name"`
			Weights string `json:"weights_file"`
		}
		if err := json.Unmarshal(text, &index); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, e := range index {
			if e.Weights != "" {
				weights[filepath.Join(dir, e.Name)] = []string{filepath.Join(dir, e.Weights)}
			}
		}
		return nil
	})
	return weights, err
}

// isModel reports whether path is a file to try: weights of a pair are not,
// unless they are a whole model, nor are the shards of weights.
func isModel(path string, weights map[string][]string) bool {
	name := filepath.Base(path)
	if strings.Contains(name, "_sharded") || name == "index.json" || name == "case.json" {
		return false
	}
	for model, with := range weights {
		if slices.Contains(with, path) && path != strings.TrimSuffix(model, ".arch.json")+".h5" {
			return false
		}
	}
	switch filepath.Ext(path) {
	case ".h5", ".hdf5", ".keras", ".json":
		return true
	}
	return false
}

// stemOf is what the forms of one model have in common.
func stemOf(name string) string {
	for _, end := range []string{".arch.json", ".h5", ".hdf5", ".keras", ".json"} {
		if stem, ok := strings.CutSuffix(name, end); ok {
			return stem
		}
	}
	return name
}

// try opens one model and compares or runs it.
func try(path, weights string) entry {
	var options []kerasrun.Option
	if weights != "" {
		options = append(options, kerasrun.WithWeights(weights))
	}
	m, err := kerasrun.Load(path, options...)
	if err != nil {
		kind := kindOf(err)
		if errors.Is(err, kerasrun.ErrNotFound) && weights == "" && filepath.Ext(path) == ".json" {
			kind = lowers
		}
		return entry{verdict: kind, detail: short(path, err)}
	}
	defer m.Close()
	if _, err := os.Stat(path + ".npz"); err == nil {
		return compare(path+".npz", m)
	}
	// The twins .h5 and .keras of keras2 share one NAME.npz.
	if npz := strings.TrimSuffix(path, filepath.Ext(path)) + ".npz"; exists(npz) {
		return compare(npz, m)
	}
	return runSeeded(m, stemOf(filepath.Base(path)))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func kindOf(err error) verdict {
	switch {
	case errors.Is(err, kerasrun.ErrUnsupported):
		return refused
	case errors.Is(err, kerasrun.ErrNotFound), errors.Is(err, kerasrun.ErrFormat):
		return invalid
	}
	return fails
}

func compare(npz string, m *kerasrun.Model) entry {
	c, err := verify.ReadCase(npz, m)
	if errors.Is(err, verify.ErrNoOutputs) {
		return runSeeded(m, filepath.Base(npz))
	}
	if err != nil {
		return entry{verdict: fails, detail: err.Error()}
	}
	results, err := c.Run(context.Background(), m, verify.DefaultTolerance, nil)
	if err != nil {
		return entry{verdict: fails, detail: err.Error()}
	}
	for _, r := range results {
		if !r.OK {
			return entry{verdict: differs, detail: r.Name + ": " + r.Reason}
		}
	}
	return entry{verdict: agrees}
}

// runSeeded predicts on inputs that depend on name and shapes only.
func runSeeded(m *kerasrun.Model, name string) entry {
	h := fnv.New64a()
	fmt.Fprint(h, name)
	rng := rand.New(rand.NewSource(int64(h.Sum64())))
	var in []kerasrun.Tensor
	for _, i := range m.Inputs() {
		shape := slices.Clone(i.Shape)
		for k, d := range shape {
			switch {
			case d >= 0:
			case k == 0:
				shape[k] = 2
			default:
				shape[k] = 32
			}
		}
		n, _ := shape.Elems()
		x := make([]float32, n)
		for k := range x {
			x[k] = rng.Float32()
		}
		in = append(in, kerasrun.Floats(x, shape...).Cast(i.DType))
	}
	out, err := m.Predict(context.Background(), in...)
	if err != nil {
		return entry{verdict: fails, detail: err.Error()}
	}
	for k, t := range out {
		for i := range t.Len() {
			if v := t.Float(i); t.DType != kerasrun.String && (math.IsNaN(v) || math.IsInf(v, 0)) {
				return entry{verdict: notFinite, detail: fmt.Sprintf("output %d, element %d is %v", k, i, v)}
			}
		}
	}
	return entry{verdict: runs, outputs: out}
}

// compareTwins holds the .h5, the .keras and the .arch.json with weights of one model to each other.
func compareTwins(entries []entry) {
	first := map[string]*entry{}
	for i := range entries {
		e := &entries[i]
		key := filepath.Join(e.folder, e.stem)
		f := first[key]
		switch {
		case e.verdict != runs:
		case f == nil:
			first[key] = e
		case len(e.outputs) != len(f.outputs):
			e.verdict, e.detail = differs, fmt.Sprintf("%d outputs, %s has %d", len(e.outputs), f.name, len(f.outputs))
		default:
			e.detail = "agrees with " + f.name
			for k := range e.outputs {
				if d := verify.DefaultTolerance.Compare(e.outputs[k], f.outputs[k]); !d.OK {
					e.verdict, e.detail = differs, "from "+f.name+": "+d.Reason
				}
			}
		}
	}
}

// report prints the entries that are not plain successes, then the counts of each folder.
func report(entries []entry) (bad int) {
	count := map[string]map[verdict]int{}
	var folders []string
	for _, e := range entries {
		if count[e.folder] == nil {
			count[e.folder] = map[verdict]int{}
			folders = append(folders, e.folder)
		}
		count[e.folder][e.verdict]++
		switch e.verdict {
		case unlisted, stale, differs, notFinite, fails:
			bad++
		}
		fmt.Printf("%-10s %s/%s  %s\n", e.verdict, e.folder, e.name, e.detail)
	}
	fmt.Printf("\n%-16s", "folder")
	for _, v := range verdicts {
		fmt.Printf("%11s", v)
	}
	fmt.Println()
	for _, f := range folders {
		fmt.Printf("%-16s", f)
		for _, v := range verdicts {
			fmt.Printf("%11d", count[f][v])
		}
		fmt.Println()
	}
	return bad
}

// short drops the path, which stands in the row already, and all but the first line.
func short(path string, err error) string {
	s := strings.TrimPrefix(err.Error(), path+": ")
	s, _, _ = strings.Cut(s, "\n")
	return s
}
