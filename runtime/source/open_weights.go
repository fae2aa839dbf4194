package source

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/layers"
)

// storeOf opens weights in either layout.
func (l *loader) storeOf(r io.ReaderAt, size int64) (store, error) {
	f, err := hdf5load.Open(r, size, l.options.Limits.HDF5)
	if err != nil {
		return nil, err
	}
	l.optimizer = optimizerOf(f.Root())
	return stored(f.Root())
}

// stored tells the layouts apart: only the legacy one lists its layers in an attribute.
func stored(root hdf5load.Object) (store, error) {
	names, err := root.Attrs()
	if err != nil {
		return nil, err
	}
	links, err := root.Links()
	if err != nil {
		return nil, err
	}
	if slices.Contains(names, "layer_names") || slices.Contains(names, "layer_names0") || slices.Contains(links, "model_weights") {
		return legacy(root)
	}
	groups, err := hdf5load.VarsGroups(root)
	if err != nil {
		return nil, err
	}
	s := pathStore{}
	for _, g := range groups {
		s[g.Path] = g.Weights
	}
	return s.today(), nil
}

func legacy(root hdf5load.Object) (store, error) {
	w, err := hdf5load.LegacyLayers(root)
	if err != nil {
		return nil, err
	}
	return legacyStore(w), nil
}

// weightsFile opens the file that holds the weights of an architecture JSON
// and notes in hint what it says about the Keras that wrote it.
func (l *loader) weightsFile(hint *keras.Hint) (store, error) {
	r, size, err := l.file(l.weightsFS, l.weights)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	kind, err := sniff(r, size)
	if err != nil {
		return nil, err
	}
	switch kind {
	case keras.FileJSON:
		text, err := l.readText(r, size)
		if err != nil {
			return nil, err
		}
		shards, err := keras.ParseShards(text, l.options.Limits.Keras)
		if err != nil {
			return nil, err
		}
		return l.shards(shards)
	case keras.FileSafetensors:
		return l.safetensors(r, size)
	case keras.FileZip:
		if isNpz(r) {
			return l.npz(r, size)
		}
		a, err := keras.OpenArchive(r, size, l.options.Limits.Keras)
		if err != nil {
			return nil, err
		}
		hint.Metadata = a.Metadata
		return l.archiveStore(a, nil)
	case keras.FileHDF5:
		f, err := hdf5load.Open(r, size, l.options.Limits.HDF5)
		if err != nil {
			return nil, err
		}
		root := f.Root()
		hint.Version, _ = hdf5load.AttrString(root, "keras_version")
		hint.Backend, _ = hdf5load.AttrString(root, "backend")
		return stored(root)
	default:
		return nil, notKeras(kind)
	}
}

// archiveStore opens the weights of a .keras archive. An archive without any
// serves a program without weights.
func (l *loader) archiveStore(a *keras.Archive, p *layers.Program) (store, error) {
	if a.WeightsName == "" && p != nil && len(p.Graph.Params) == 0 {
		return pathStore{}, nil
	}
	r, size, err := a.Weights()
	if err != nil {
		return nil, err
	}
	return l.storeOf(r, size)
}

// shards joins the files of sharded weights, which lie beside their index. A
// group's weights may be spread over several files.
func (l *loader) shards(index map[string][]string) (store, error) {
	names := map[string]bool{}
	for _, files := range index {
		for _, f := range files {
			names[f] = true
		}
	}
	s := pathStore{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		r, size, err := l.file(l.weightsFS, path.Join(path.Dir(l.weights), name))
		if err != nil {
			return nil, fmt.Errorf("%w: shard: %w", ErrNotFound, err)
		}
		f, err := hdf5load.Open(r, size, l.options.Limits.HDF5)
		if err != nil {
			return nil, fmt.Errorf("shard %s: %w", name, err)
		}
		groups, err := hdf5load.VarsGroups(f.Root())
		if err != nil {
			return nil, fmt.Errorf("shard %s: %w", name, err)
		}
		for _, g := range groups {
			s[g.Path] = append(s[g.Path], g.Weights...)
		}
	}
	for path, w := range s {
		slices.SortStableFunc(w, func(a, b hdf5load.Weight) int { return cmp.Compare(numberOf(a.Name), numberOf(b.Name)) })
		s[path] = w
	}
	return s, nil
}

// numberOf returns the position that a variable's name gives, names that are no numbers last.
func numberOf(name string) int {
	n, err := strconv.Atoi(name)
	if err != nil || n < 0 {
		return math.MaxInt
	}
	return n
}
