package input

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/vision"
)

// Stdin is the name that stands for standard input.
const Stdin = "-"

// maxStdin bounds what is read from standard input: 1 GiB.
const maxStdin = 1 << 30

// A Reader reads files for a model with given inputs. It is safe for concurrent use while its fields are not changed.
type Reader struct {
	Inputs     []kerasrun.IO
	Preprocess vision.Mode // for images
	Rate       int         // samples a second that the model takes of sounds; 0 when it is not known
	Stdin      io.Reader

	mu sync.Mutex // of what follows; files are read by several goroutines
	// Resized and Images count images, for a note to the user.
	Images, Resized int
	// LastResize says what the last resize did: "digit.png: 64x64 to 32x32".
	LastResize string
	// Cut says of the last sound that was too long or too short what became of it.
	Cut string
}

// A Group is the content of one file, or of the files of all inputs: examples
// that belong together.
type Group struct {
	Name    string
	Tensors []kerasrun.Tensor // in the order of the model's inputs, batch in front
	Single  bool              // the file held one example, without a batch
}

// Read reads a file that holds all inputs of the model.
func (r *Reader) Read(ctx context.Context, name string) (Group, error) {
	g, err := r.read(ctx, name, r.Inputs)
	if err != nil {
		return Group{}, fmt.Errorf("%s: %w", shown(name), err)
	}
	return g, nil
}

// ReadNamed reads one file for each input: files maps names of inputs to names
// of files.
func (r *Reader) ReadNamed(ctx context.Context, files map[string]string) (Group, error) {
	g := Group{Tensors: make([]kerasrun.Tensor, len(r.Inputs)), Single: true}
	for name := range files {
		if !r.has(name) {
			return Group{}, fmt.Errorf("%w: the model has no input %q; its inputs are %s", kerasrun.ErrInput, name, r.names())
		}
	}
	for _, in := range r.Inputs {
		if _, ok := files[in.Name]; !ok {
			return Group{}, fmt.Errorf("%w: input %q is missing; give --input %s=FILE", kerasrun.ErrInput, in.Name, in.Name)
		}
	}
	var names []string
	for i, in := range r.Inputs {
		file := files[in.Name]
		one, err := r.read(ctx, file, r.Inputs[i:i+1])
		if err != nil {
			return Group{}, fmt.Errorf("%s: %w", shown(file), err)
		}
		g.Tensors[i] = one.Tensors[0]
		g.Single = g.Single && one.Single
		names = append(names, file)
	}
	g.Name = strings.Join(names, " ")
	return g, nil
}

func (r *Reader) has(name string) bool {
	for _, in := range r.Inputs {
		if in.Name == name {
			return true
		}
	}
	return false
}

func (r *Reader) names() string {
	var names []string
	for _, in := range r.Inputs {
		names = append(names, in.Name)
	}
	return strings.Join(names, ", ")
}

func shown(name string) string {
	if name == Stdin {
		return "standard input"
	}
	return name
}

// file is what the formats read from.
type file interface {
	io.Reader
	io.ReaderAt
	io.Seeker
}

// open opens name, or standard input, which is read whole.
func (r *Reader) open(ctx context.Context, name string) (file, int64, func(), error) {
	if name != Stdin {
		f, err := os.Open(name)
		if err != nil {
			var p *os.PathError
			if errors.As(err, &p) {
				err = p.Err
			}
			return nil, 0, nil, err
		}
		st, err := f.Stat()
		if err == nil && !st.Mode().IsRegular() {
			err = fmt.Errorf("%w: this is no regular file", kerasrun.ErrInput)
		}
		if err != nil {
			f.Close()
			return nil, 0, nil, err
		}
		return f, st.Size(), func() { f.Close() }, nil
	}
	type answer struct {
		data []byte
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		data, err := io.ReadAll(io.LimitReader(r.Stdin, maxStdin+1))
		done <- answer{data, err}
	}()
	select {
	case <-ctx.Done():
		return nil, 0, nil, ctx.Err()
	case a := <-done:
		switch {
		case a.err != nil:
			return nil, 0, nil, a.err
		case len(a.data) > maxStdin:
			return nil, 0, nil, fmt.Errorf("%w: more than %d bytes", kerasrun.ErrLimit, maxStdin)
		}
		return bytes.NewReader(a.data), int64(len(a.data)), func() {}, nil
	}
}

// read reads a file for the given inputs of the model.
func (r *Reader) read(ctx context.Context, name string, inputs []kerasrun.IO) (Group, error) {
	f, size, done, err := r.open(ctx, name)
	if err != nil {
		return Group{}, err
	}
	defer done()
	head := make([]byte, min(size, 512))
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, size), head); err != nil {
		return Group{}, err
	}
	if size == 0 {
		return Group{}, fmt.Errorf("%w: the file is empty", kerasrun.ErrInput)
	}
	k := sniff(name, head)
	if len(inputs) > 1 && k != npzFile && k != jsonFile {
		return Group{}, fmt.Errorf("%w: the model has %d inputs (%s): give --input NAME=FILE for each, or one .npz or .json with their names",
			kerasrun.ErrInput, len(inputs), r.names())
	}
	g := Group{Name: name}
	switch k {
	case imageFile:
		var t kerasrun.Tensor
		if t, err = r.image(f, name, inputs[0]); err == nil {
			g.Tensors, g.Single = []kerasrun.Tensor{t}, true
		}
	case audioFile:
		var t kerasrun.Tensor
		if t, err = r.audio(f, name, inputs[0]); err == nil {
			g.Tensors, g.Single = []kerasrun.Tensor{t}, true
		}
	case npyFile:
		var t kerasrun.Tensor
		if t, err = kerasrun.ReadNpy(f, 0); err == nil {
			err = g.arrange(map[string]kerasrun.Tensor{"": t}, inputs)
		}
	case npzFile:
		err = g.npz(f, size, inputs)
	case jsonFile:
		var arrays map[string]kerasrun.Tensor
		if arrays, err = readJSON(f); err == nil {
			err = g.arrange(arrays, inputs)
		}
	case textTable, textLines:
		var t kerasrun.Tensor
		if inputs[0].DType == kerasrun.String {
			t, err = readTexts(f, inputs[0], k == textTable)
		} else {
			t, err = readTable(f, inputs[0])
		}
		if err == nil {
			g.Tensors = []kerasrun.Tensor{t}
		}
	default:
		err = fmt.Errorf("%w: of no known format; want an image (png, jpeg, gif, webp, bmp), wav, npy, npz, csv, txt or json", kerasrun.ErrInput)
	}
	return g, err
}
