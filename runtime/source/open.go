package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/layers"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// Open opens the model at name. weights is the file that holds the weights
// of an architecture JSON, or "". Errors name the file and wrap a sentinel of
// this package.
func Open(name, weights string, o Options) (*Model, error) {
	dir, base := filepath.Split(filepath.Clean(name))
	l := &loader{fsys: os.DirFS(orDot(dir)), shown: name, options: o}
	l.options.Limits = o.Limits.withDefaults()
	if weights != "" {
		wdir, wbase := filepath.Split(filepath.Clean(weights))
		l.weightsFS, l.weights, l.shownWeights = os.DirFS(orDot(wdir)), wbase, weights
	}
	return l.open(base)
}

func orDot(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}

// OpenFS opens the model name in fsys; weights is a name in fsys, or "".
func OpenFS(fsys fs.FS, name, weights string, o Options) (*Model, error) {
	l := &loader{fsys: fsys, shown: name, weightsFS: fsys, weights: weights, shownWeights: weights, options: o}
	l.options.Limits = o.Limits.withDefaults()
	return l.open(name)
}

// OpenReader opens a model of size bytes in r: a .keras archive or a whole-model .h5.
func OpenReader(r io.ReaderAt, size int64, o Options) (m *Model, err error) {
	l := &loader{shown: "model", options: o}
	defer Recover(l.shown, &err)
	l.options.Limits = o.Limits.withDefaults()
	c, err := l.openAs(until(o.Context, r), size)
	if err != nil {
		return nil, FileError(l.shown, err)
	}
	m, err = l.finish(c, nil)
	return m, FileError(l.shown, err)
}

// A loader opens one model.
type loader struct {
	fsys         fs.FS
	at           string // name in fsys
	shown        string // name for messages
	weightsFS    fs.FS
	weights      string // file with the weights, in weightsFS
	shownWeights string
	options      Options
	info         Info
	files        []fs.FileInfo // of the opened files, in order
	closers      []io.Closer
	optimizer    []hdf5load.Weight
}

// contents are what a file turned out to hold: an architecture, vocabularies, and a way to its weights.
type contents struct {
	arch    *keras.Model
	words   map[string]string // see [layers.Options].Vocabularies
	whole   bool              // a whole-model .h5
	weights func(*layers.Program) (store, error)
}

func (l *loader) open(name string) (m *Model, err error) {
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	defer Recover(l.shown, &err)
	c, err := l.openNamed(name)
	if err != nil {
		return nil, FileError(l.shown, err)
	}
	again := loader{fsys: l.fsys, shown: l.shown, weightsFS: l.weightsFS, weights: l.weights, shownWeights: l.shownWeights, options: l.options}
	again.options.Context = nil
	m, err = l.finish(c, &Reopener{name: name, loader: again, files: l.files})
	return m, FileError(l.shown, err)
}

func (l *loader) close() {
	for _, c := range l.closers {
		c.Close()
	}
}

func (l *loader) openNamed(name string) (*contents, error) {
	l.at = name
	st, err := fs.Stat(l.fsys, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: no such file", ErrNotFound)
	case err != nil:
		return nil, err
	case st.IsDir():
		return l.openDir(name)
	}
	r, size, err := l.file(l.fsys, name)
	if err != nil {
		return nil, err
	}
	return l.openAs(r, size)
}

// file opens a file for reading at any offset; it stays open until the loader is closed.
func (l *loader) file(fsys fs.FS, name string) (io.ReaderAt, int64, error) {
	if st, err := fs.Stat(fsys, name); err == nil && !st.Mode().IsRegular() { // to open a pipe is to wait for its writer
		return nil, 0, fmt.Errorf("%w: %s is no regular file", ErrFormat, name)
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, 0, err
	}
	l.closers = append(l.closers, f)
	st, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !st.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%w: %s is no regular file", ErrFormat, name)
	}
	l.info.Bytes += st.Size()
	l.files = append(l.files, st)
	if r, ok := f.(io.ReaderAt); ok {
		return until(l.options.Context, r), st.Size(), nil
	}
	data, err := io.ReadAll(io.LimitReader(f, st.Size()+1))
	if err != nil {
		return nil, 0, err
	}
	return bytes.NewReader(data), int64(len(data)), nil
}

// openAs finds out what a file is and opens it.
func (l *loader) openAs(r io.ReaderAt, size int64) (*contents, error) {
	kind, err := sniff(r, size)
	if err != nil {
		return nil, err
	}
	switch kind {
	case keras.FileZip:
		return l.openArchive(r, size)
	case keras.FileJSON:
		return l.openJSON(r, size)
	case keras.FileHDF5:
		return l.openHDF5(r, size)
	default:
		return nil, notKeras(kind)
	}
}

// sniff tells the kind of a file from its first bytes.
func sniff(r io.ReaderAt, size int64) (keras.FileKind, error) {
	head := make([]byte, min(size, keras.SniffLen))
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, size), head); err != nil {
		return 0, err
	}
	return keras.Sniff(head), nil
}

// notKeras says what a file is instead of a Keras file.
func notKeras(kind keras.FileKind) error {
	if advice := kind.Advice(); advice != "" {
		return fmt.Errorf("%w: this is %v: %s", ErrFormat, kind, advice)
	}
	return fmt.Errorf("%w: this is %v", ErrFormat, kind)
}

// openArchive opens a .keras archive.
func (l *loader) openArchive(r io.ReaderAt, size int64) (*contents, error) {
	l.info.Format = "Keras archive (.keras)"
	a, err := keras.OpenArchive(r, size, l.options.Limits.Keras)
	if err != nil {
		return nil, err
	}
	arch, err := keras.ParseArchitecture(a.Config, keras.Hint{Metadata: a.Metadata}, l.options.Limits.Keras)
	if err != nil {
		return nil, err
	}
	words := map[string]string{}
	left := l.mostText() // members can lie on the same bytes
	for _, name := range a.Assets {
		of, ok := vocabularyOf(name)
		if !ok {
			continue
		}
		text, err := a.ReadFile(name, left)
		if err != nil {
			return nil, fmt.Errorf("vocabularies of at most %d bytes together: %w", l.mostText(), err)
		}
		left -= int64(len(text))
		words[of] = string(text)
	}
	return &contents{arch: arch, words: words, weights: func(p *layers.Program) (store, error) { return l.archiveStore(a, p) }}, nil
}

// vocabularyOf is the layer, by its path in the weights, whose vocabulary a member of an archive is.
func vocabularyOf(name string) (layer string, ok bool) {
	layer, ok = strings.CutSuffix(strings.TrimPrefix(name, "assets/"), "/vocabulary.txt")
	return layer, ok
}

// openDir opens the directory form of a .keras archive.
func (l *loader) openDir(name string) (*contents, error) {
	l.info.Format = "Keras directory"
	config, err := l.text(l.fsys, path.Join(name, "config.json"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := fs.Stat(l.fsys, path.Join(name, "saved_model.pb")); err == nil {
			return nil, fmt.Errorf("%w: a TensorFlow SavedModel; save the model from Keras as .keras or .h5", ErrUnsupported)
		}
		return nil, fmt.Errorf("%w: a directory without config.json is no Keras model", ErrFormat)
	}
	if err != nil {
		return nil, err
	}
	metadata, err := l.text(l.fsys, path.Join(name, "metadata.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	arch, err := keras.ParseArchitecture(config, keras.Hint{Metadata: metadata}, l.options.Limits.Keras)
	if err != nil {
		return nil, err
	}
	words, err := l.vocabularies(name)
	if err != nil {
		return nil, err
	}
	return &contents{arch: arch, words: words, weights: func(*layers.Program) (store, error) {
		r, size, err := l.file(l.fsys, path.Join(name, "model.weights.h5"))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: the directory has no model.weights.h5", ErrNotFound)
		}
		if err != nil {
			return nil, err
		}
		return l.storeOf(r, size)
	}}, nil
}

// vocabularies reads the vocabulary files of the directory form.
func (l *loader) vocabularies(dir string) (map[string]string, error) {
	words := map[string]string{}
	left := l.mostText()
	assets := path.Join(dir, "assets")
	err := fs.WalkDir(l.fsys, assets, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if name == assets && errors.Is(err, fs.ErrNotExist) {
				return fs.SkipAll
			}
			return err
		}
		of, ok := vocabularyOf(strings.TrimPrefix(name, assets+"/"))
		if !ok || d.IsDir() {
			return nil
		}
		text, err := l.text(l.fsys, name)
		if left -= int64(len(text)); left < 0 {
			return fmt.Errorf("%w: vocabularies of more than %d bytes together", ErrLimit, l.mostText())
		}
		words[of] = string(text)
		return err
	})
	return words, err
}

// mostText is the limit of the bytes of a JSON or vocabulary file.
func (l *loader) mostText() int64 {
	if n := l.options.Limits.Keras.JSONSize; n > 0 {
		return n
	}
	return maxJSON
}

// maxJSON is the default bound on the bytes of a JSON file.
const maxJSON = 16 << 20

// text reads a small file.
func (l *loader) text(fsys fs.FS, name string) ([]byte, error) {
	r, size, err := l.file(fsys, name)
	if err != nil {
		return nil, err
	}
	return l.readText(r, size)
}

func (l *loader) readText(r io.ReaderAt, size int64) ([]byte, error) {
	most := l.mostText()
	if size > most {
		return nil, fmt.Errorf("%w: a text file of %d bytes, more than %d", ErrLimit, size, most)
	}
	return io.ReadAll(io.NewSectionReader(r, 0, size))
}

// openHDF5 opens a whole-model .h5.
func (l *loader) openHDF5(r io.ReaderAt, size int64) (*contents, error) {
	f, err := hdf5load.Open(r, size, l.options.Limits.HDF5)
	if err != nil {
		return nil, err
	}
	return l.openWhole(f)
}

func (l *loader) openWhole(f *hdf5load.File) (*contents, error) {
	root := f.Root()
	config, err := hdf5load.AttrString(root, "model_config")
	if errors.Is(err, hdf5load.ErrNotFound) {
		return nil, fmt.Errorf("%w: the file holds weights alone; open the architecture JSON and give it this file as its weights", ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	hint := keras.Hint{}
	for _, a := range []struct {
		name string
		to   *string
	}{{"keras_version", &hint.Version}, {"backend", &hint.Backend}} {
		if *a.to, err = hdf5load.AttrString(root, a.name); err != nil && !errors.Is(err, hdf5load.ErrNotFound) {
			return nil, err
		}
	}
	training, err := hdf5load.AttrString(root, "training_config")
	if err != nil && !errors.Is(err, hdf5load.ErrNotFound) {
		return nil, err
	}
	hint.Training = []byte(training)
	l.info.Format = "HDF5 whole model (.h5)"
	arch, err := keras.ParseArchitecture([]byte(config), hint, l.options.Limits.Keras)
	if err != nil {
		return nil, err
	}
	l.optimizer = optimizerOf(root)
	return &contents{arch: arch, whole: true, weights: func(*layers.Program) (store, error) { return legacy(root) }}, nil
}

// openJSON opens an architecture JSON and its weights, or a model of TensorFlow.js.
func (l *loader) openJSON(r io.ReaderAt, size int64) (*contents, error) {
	text, err := l.readText(r, size)
	if err != nil {
		return nil, err
	}
	if _, err := keras.ParseShards(text, l.options.Limits.Keras); err == nil {
		return nil, fmt.Errorf("%w: the file is an index of sharded weights; open the architecture JSON and give it this file as its weights", ErrNotFound)
	}
	if root, err := keras.ParseJSON(text, l.options.Limits.Keras); err == nil && root.Has("modelTopology") {
		return l.openTFJS(root)
	}
	l.info.Format = "architecture JSON"
	hint := keras.Hint{}
	var from store
	if l.weights != "" {
		if from, err = l.weightsFile(&hint); err != nil {
			return nil, fmt.Errorf("weights %s: %w", l.shownWeights, err)
		}
	}
	arch, err := keras.ParseArchitecture(text, hint, l.options.Limits.Keras)
	if err != nil {
		return nil, err
	}
	return &contents{arch: arch, weights: func(p *layers.Program) (store, error) {
		if from == nil && len(p.Graph.Params) > 0 {
			return nil, fmt.Errorf("%w: an architecture alone; name the file with its weights (.h5, .weights.h5, .weights.json, .safetensors or .npz)", ErrNotFound)
		}
		if from == nil {
			from = pathStore{}
		}
		return from, nil
	}}, nil
}

// finish lowers an architecture and binds its weights. again
// opens the file once more, nil where that cannot be done.
func (l *loader) finish(c *contents, again *Reopener) (*Model, error) {
	o, arch := l.options, c.arch
	l.info.Name, l.info.Weights = l.shown, l.shownWeights
	l.info.Keras, l.info.Backend = arch.Version.Text, arch.Backend
	how := layers.Options{AllowUnknownKeys: o.AllowUnknownKeys, InputShapes: o.InputShapes, Layers: o.Layers, Lambdas: o.Lambdas, Activations: o.Activations, Vocabularies: c.words, Adapters: c.whole, Stopped: o.stopped}
	prog, err := layers.Lower(arch, how)
	if err != nil {
		if all := layers.Unsupported(arch, how); errors.Is(err, keras.ErrUnsupported) && len(all) > 1 {
			err = fmt.Errorf("%w; classes that are not supported: %s", err, strings.Join(all, ", "))
		}
		return nil, err
	}
	var weights []*weight.Value
	if !o.NoWeights {
		if weights, err = l.bind(c, prog); err != nil {
			return nil, err
		}
	}
	return &Model{Info: l.info, Arch: arch, Program: prog, Weights: weights, Vocabularies: c.words, Optimizer: l.optimizer, Options: o, again: again, loader: l, how: how}, nil
}

// bind pairs the declared weights with stored ones.
func (l *loader) bind(c *contents, prog *layers.Program) ([]*weight.Value, error) {
	s, err := c.weights(prog)
	if err != nil {
		return nil, err
	}
	if old, ok := s.(legacyStore); ok {
		era, warning := eraOf(c.arch, old, l.options)
		if warning != "" {
			l.info.Warnings = append(l.info.Warnings, warning)
		}
		s = legacyBinder{old, era}
	}
	values, err := bindWeights(prog, s.(binder), l.options.Limits.Weights)
	if err != nil && l.shownWeights != "" {
		err = fmt.Errorf("weights %s: %w", l.shownWeights, err)
	}
	return values, err
}
