package runtime

import (
	"io"
	"io/fs"

	"github.com/kerasrun/kerasrun/runtime/source"
)

// OpenPath opens the model at name. weights is the file that holds the weights
// of an architecture JSON, or "".
func OpenPath(name, weights string, o Options) (*Model, error) {
	src, err := source.Open(name, weights, o.Source())
	return o.open(src, err)
}

// OpenFS opens the model name in fsys; weights is a name in fsys, or "".
func OpenFS(fsys fs.FS, name, weights string, o Options) (*Model, error) {
	src, err := source.OpenFS(fsys, name, weights, o.Source())
	return o.open(src, err)
}

// OpenReader opens a model of size bytes in r: a .keras archive or a whole-model .h5.
// The model does not keep r, and so keeps the weights as they are: see [Options].KeepWeights.
func OpenReader(r io.ReaderAt, size int64, o Options) (*Model, error) {
	o.KeepWeights = true
	src, err := source.OpenReader(r, size, o.Source())
	return o.open(src, err)
}

// OpenSource makes a model of an opened file, which is not closed. Of a file
// that cannot be opened again it keeps the weights as they are: see [Options].KeepWeights.
func OpenSource(src *source.Model, o Options) (*Model, error) {
	o.KeepWeights = o.KeepWeights || src.Again() == nil
	return o.make(src)
}

// open makes a model of an opened file and closes that.
func (o Options) open(src *source.Model, err error) (*Model, error) {
	if err != nil {
		return nil, err
	}
	defer src.Close()
	return o.make(src)
}

// make makes a model of an opened file.
func (o Options) make(src *source.Model) (m *Model, fault error) {
	defer source.Recover(src.Info.Name, &fault)
	o.Limits, o.Context = o.Limits.withDefaults(), nil
	m, err := newModel(src, o)
	if err != nil {
		return nil, source.FileError(src.Info.Name, source.WeightError(err))
	}
	return m, nil
}
