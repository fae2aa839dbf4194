package source

import (
	"fmt"
	"io/fs"

	"github.com/kerasrun/kerasrun/runtime/layers"
	"github.com/kerasrun/kerasrun/runtime/weight"
)

// A Reopener opens a model's file once more. A plan keeps weights in the
// forms that its steps use, and those can be less than the file has: where a
// BatchNormalization was folded into a kernel, the file alone has the kernel. It
// is safe for concurrent use.
type Reopener struct {
	name   string
	loader loader
	files  []fs.FileInfo // as they were
}

// Weights binds the weights of prog anew and hands them to use, while the file
// is open. It is an error if the file has changed since it was opened first.
func (r *Reopener) Weights(prog *layers.Program, use func([]*weight.Value) error) error {
	l := r.loader // a copy: calls may run at the same time
	defer func() { l.close() }()
	c, err := l.openNamed(r.name)
	if err != nil {
		return FileError(l.shown, err)
	}
	values, err := l.bind(c, prog)
	if err != nil {
		return FileError(l.shown, err)
	}
	for i, now := range l.files {
		if was := r.files[min(i, len(r.files)-1)]; len(l.files) != len(r.files) || now.Size() != was.Size() || !now.ModTime().Equal(was.ModTime()) {
			return fmt.Errorf("%s: %w: %s has changed since the model was loaded", l.shown, ErrNotFound, now.Name())
		}
	}
	err = use(values)
	if f := WeightError(err); f != err {
		return FileError(l.shown, f)
	}
	return err
}
