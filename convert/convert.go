// Package convert writes opened Keras files in other formats. It executes
// nothing: whether the result computes the same is for its caller to verify.
//
//	m, err := source.Open("model.h5", "", source.Options{})
//	defer m.Close()
//	err = convert.ToPath(ctx, "weights.safetensors", m, "", convert.Options{})
package convert

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/convert/smaller"
	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/internal/atomicfile"
	"github.com/kerasrun/kerasrun/runtime/source"
)

// Options change what is written. The zero value is the default of each format.
type Options struct {
	target.Options
	// Overwrite lets ToPath replace files.
	Overwrite bool
	// Check looks at what was written before it takes its place, or is nil: fsys
	// has the files under their names, name is the main one. An error of it leaves everything as it was.
	Check func(fsys fs.FS, name string) error
	// Note is told what the user should know, or nil.
	Note func(format string, args ...any)
}

// The errors of choosing a format and its options.
var (
	// ErrFormat reports a format that there is none of that name.
	ErrFormat = errors.New("unknown format")
	// ErrSeveral reports a format of several files where one is wanted.
	ErrSeveral = errors.New("the format has several files")
	// ErrOptions reports an option with a value that the format does not know.
	ErrOptions = target.ErrOptions
)

// Unsupported is the error of a model that a format cannot express: it lists
// all of it, with layer paths.
type Unsupported = target.Unsupported

// Of returns the format called name, or, if that is "", the one that the
// ending of path means.
func Of(name, path string) (*Format, error) {
	if name != "" {
		for i := range formats {
			if formats[i].Name == name {
				return &formats[i], nil
			}
		}
		return nil, fmt.Errorf("%w %q; there are %s", ErrFormat, name, names())
	}
	var best *Format
	base := strings.ToLower(filepath.Base(path))
	for i := range formats {
		f := &formats[i]
		if strings.HasSuffix(base, f.Ending) && (best == nil || len(f.Ending) > len(best.Ending)) {
			best = f
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w: the ending of %q means none; there are %s", ErrFormat, path, names())
	}
	return best, nil
}

func names() string {
	var all []string
	for _, f := range formats {
		all = append(all, fmt.Sprintf("%s (%s)", f.Name, f.Ending))
	}
	return strings.Join(all, ", ")
}

// Write writes m as one file, which most formats are.
func Write(ctx context.Context, w io.Writer, m *source.Model, format string, o Options) error {
	f, err := Of(format, "")
	if err != nil {
		return err
	}
	if f.file == nil {
		return fmt.Errorf("%s: %w", f.Name, ErrSeveral)
	}
	if err := f.stores(o.Stored, m); err != nil {
		return err
	}
	return f.file(o.job(ctx, m), w)
}

// ToPath writes m to path, and to files beside it if the format has several:
// all of them or none. Without Overwrite it is an error if one exists
// ([io/fs.ErrExist]). format may be "" where the ending of path tells.
func ToPath(ctx context.Context, path string, m *source.Model, format string, o Options) error {
	f, err := Of(format, path)
	if err != nil {
		return err
	}
	if err := f.stores(o.Stored, m); err != nil {
		return err
	}
	set := atomicfile.NewSet(o.Overwrite)
	defer set.Abort()
	j := o.job(ctx, m)
	if f.files == nil {
		w, err := set.Create(path)
		if err != nil {
			return err
		}
		if err := f.file(j, w); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
	} else if err := f.files(j, filepath.Base(path), beside{set, filepath.Dir(path)}); err != nil {
		return err
	}
	if o.Check != nil {
		if err := o.Check(set.Pending(filepath.Dir(path)), filepath.Base(path)); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return set.Commit()
}

// A Form is how weights are stored in fewer bits: "f16", "bf16" or "int8".
type Form = smaller.Form

// Forms are all forms of weights.
func Forms() []Form { return slices.Clone(smaller.Forms) }

// A Folding is a BatchNormalization that was folded or left.
type Folding = smaller.Folding

// A Report says what became of weights.
type Report = smaller.Report

// Edits are changes of a model before it is written. The zero value is none.
type Edits struct {
	// Fold folds each BatchNormalization into the convolution or Dense before it, where that is right.
	Fold bool
	// Weights is the form that weights are stored in, "" for as they are.
	Weights Form
}

// An Edited is a model that was changed.
type Edited struct {
	// Model is written with the Stored of Weights in [Options].
	Model *source.Model
	// Whole is the model before its weights were made smaller: it computes what m does.
	Whole *source.Model
	// Folded are the BatchNormalizations, also those that were left, nil if none were to be folded.
	Folded []Folding
	// Weights says what became of the weights, nil if they were not to change.
	Weights *Report
}

// Edit changes a model for what o will be written. It reads all weights. The
// result has the files of m, which must stay open.
func Edit(ctx context.Context, m *source.Model, e Edits, o Options) (*Edited, error) {
	out := &Edited{Model: m}
	var err error
	if e.Fold {
		if out.Model, out.Folded, err = smaller.Fold(o.job(ctx, out.Model)); err != nil {
			return nil, err
		}
	}
	out.Whole = out.Model
	if e.Weights != "" {
		if out.Model, out.Whole, out.Weights, err = smaller.Make(o.job(ctx, out.Model), e.Weights); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (o Options) job(ctx context.Context, m *source.Model) *target.Job {
	note := o.Note
	if note == nil {
		note = func(string, ...any) {}
	}
	return &target.Job{Model: m, Context: ctx, Options: o.Options, Note: note}
}

// beside makes files in a folder.
type beside struct {
	set *atomicfile.Set
	dir string
}

func (b beside) Create(name string) (io.WriteCloser, error) {
	if !filepath.IsLocal(name) {
		return nil, fmt.Errorf("file name %q", name)
	}
	return b.set.Create(filepath.Join(b.dir, name))
}
