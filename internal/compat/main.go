// Command compat tries every model file below a folder and prints a table: what
// opens, what agrees with the outputs that Keras wrote beside it (NAME.npz), and
// what is refused and why. It exits with 1 when a model that opens disagrees,
// gives results that are not finite, or fails other than by a clear refusal.
package main

import (
	"context"
	"encoding/json"
	"errors"
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
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: compat DIR")
		os.Exit(2)
	}
	bad, err := run(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if bad > 0 {
		os.Exit(1)
	}
}

// An entry is what happened to one file.
type entry struct {
	folder, name string
	verdict      verdict
	detail       string
	outputs      []kerasrun.Tensor // for inputs made by seed, of models without expected ones
}

type verdict string

const (
	agrees    verdict = "agrees"  // with Keras's outputs
	runs      verdict = "runs"    // no outputs to compare; all finite
	refused   verdict = "refused" // unsupported, by name
	invalid   verdict = "invalid" // damaged, incomplete or not a model
	differs   verdict = "DIFFERS"
	notFinite verdict = "NOT FINITE"
	fails     verdict = "FAILS"
)

var verdicts = []verdict{agrees, runs, refused, invalid, differs, notFinite, fails}

func run(root string) (bad int, err error) {
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
		e := try(path, weights[path])
		e.folder, e.name = rel, d.Name()
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return 0, err
	}
	compareTwins(entries)
	return report(entries), nil
}

// pairs reads every index.json below root: which weights belong to which architecture.
func pairs(root string) (map[string]string, error) {
	weights := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "index.json" {
			return err
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
		dir := filepath.Dir(path)
		for _, e := range index {
			if e.Weights != "" {
				weights[filepath.Join(dir, e.Name)] = filepath.Join(dir, e.Weights)
			}
		}
		return nil
	})
	return weights, err
}

// isModel reports whether path is a file to try: weights of a pair are not.
func isModel(path string, weights map[string]string) bool {
	for _, w := range weights {
		if w == path {
			return false
		}
	}
	switch filepath.Ext(path) {
	case ".h5", ".hdf5", ".keras":
		return true
	case ".json":
		return weights[path] != ""
	}
	return false
}

// try opens one model and compares or runs it.
func try(path, weights string) entry {
	var options []kerasrun.Option
	if weights != "" {
		options = append(options, kerasrun.WithWeights(weights))
	}
	m, err := kerasrun.Load(path, options...)
	if err != nil {
		return entry{verdict: kindOf(err), detail: short(path, err)}
	}
	defer m.Close()
	if _, err := os.Stat(path + ".npz"); err == nil {
		return compare(path+".npz", m)
	}
	// The twins .h5 and .keras of keras2 share one NAME.npz.
	if npz := strings.TrimSuffix(path, filepath.Ext(path)) + ".npz"; exists(npz) {
		return compare(npz, m)
	}
	return runSeeded(m, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)))
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

// compareTwins holds the .h5 and the .keras of one model to each other.
func compareTwins(entries []entry) {
	for i := range entries {
		a := &entries[i]
		if filepath.Ext(a.name) != ".h5" || a.verdict != runs {
			continue
		}
		for j := range entries {
			b := &entries[j]
			if b.folder != a.folder || b.name != strings.TrimSuffix(a.name, ".h5")+".keras" || b.verdict != runs || len(a.outputs) != len(b.outputs) {
				continue
			}
			a.detail, b.detail = "agrees with its .keras", "agrees with its .h5"
			for k := range a.outputs {
				if d := verify.DefaultTolerance.Compare(a.outputs[k], b.outputs[k]); !d.OK {
					a.verdict, a.detail = differs, "from its .keras: "+d.Reason
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
		case differs, notFinite, fails:
			bad++
		}
		fmt.Printf("%-10s %s/%s  %s\n", e.verdict, e.folder, e.name, e.detail)
	}
	fmt.Printf("\n%-16s", "folder")
	for _, v := range verdicts {
		fmt.Printf("%12s", v)
	}
	fmt.Println()
	for _, f := range folders {
		fmt.Printf("%-16s", f)
		for _, v := range verdicts {
			fmt.Printf("%12d", count[f][v])
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
