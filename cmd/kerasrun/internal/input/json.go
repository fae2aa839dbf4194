package input

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/kerasrun/kerasrun"
)

// maxRank bounds the depth of nested arrays, and so all recursion here.
const maxRank = 16

// readJSON reads nested arrays of numbers (or of strings), or an object of them
// by name. The array of a file without names has the name "".
func readJSON(f io.Reader) (map[string]kerasrun.Tensor, error) {
	d := &decoder{Decoder: json.NewDecoder(f)}
	arrays, err := d.document()
	if err == nil {
		if _, end := d.Token(); end == nil {
			err = errors.New("more than one value")
		} else if end != io.EOF {
			err = end
		}
	}
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the JSON ends early")
		}
		return nil, fmt.Errorf("%w: byte %d: %w", kerasrun.ErrInput, d.InputOffset(), err)
	}
	return arrays, nil
}

type decoder struct {
	*json.Decoder
}

func (d *decoder) document() (map[string]kerasrun.Tensor, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if token != json.Delim('{') {
		t, err := d.array(token)
		return map[string]kerasrun.Tensor{"": t}, err
	}
	arrays := map[string]kerasrun.Tensor{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		name := key.(string) // the keys of an object are strings
		if _, twice := arrays[name]; twice {
			return nil, fmt.Errorf("the name %q stands twice", name)
		}
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		if arrays[name], err = d.array(token); err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
	}
	_, err = d.Token()
	return arrays, err
}

// elements gathers the elements of one array.
type elements struct {
	shape   []int // -1 until the first array of a depth ends
	numbers []float64
	strings []string
	leaf    int // depth of the elements, -1 until the first one
}

// array reads the array, or single element, that begins with token.
func (d *decoder) array(token json.Token) (kerasrun.Tensor, error) {
	e := &elements{leaf: -1}
	if err := d.value(e, token, nil); err != nil {
		return kerasrun.Tensor{}, err
	}
	if e.strings != nil {
		return kerasrun.Tensor{DType: kerasrun.String, Shape: e.shape, Data: e.strings}, nil
	}
	if e.numbers == nil {
		e.numbers = []float64{}
	}
	return kerasrun.Tensor{DType: kerasrun.Float64, Shape: e.shape, Data: e.numbers}, nil
}

func (d *decoder) value(e *elements, token json.Token, at []int) error {
	if token == json.Delim('[') {
		return d.list(e, at)
	}
	if e.leaf < 0 && len(e.shape) == len(at) {
		e.leaf = len(at)
	}
	if e.leaf != len(at) {
		return fmt.Errorf("at %s: %v, want an array as before", place(at), token)
	}
	switch v := token.(type) {
	case float64:
		if e.strings == nil {
			e.numbers = append(e.numbers, v)
			return nil
		}
	case bool:
		if e.strings == nil {
			n := 0.0
			if v {
				n = 1
			}
			e.numbers = append(e.numbers, n)
			return nil
		}
	case string:
		if e.numbers == nil {
			e.strings = append(e.strings, v)
			return nil
		}
	}
	switch token {
	case nil:
		token = "null"
	case json.Delim('{'):
		token = "an object"
	}
	if e.strings != nil {
		return fmt.Errorf("at %s: %v, want a string", place(at), token)
	}
	return fmt.Errorf("at %s: %v, want a number", place(at), token)
}

func (d *decoder) list(e *elements, at []int) error {
	depth := len(at)
	switch {
	case depth == maxRank:
		return fmt.Errorf("arrays nested deeper than %d", maxRank)
	case e.leaf >= 0 && depth >= e.leaf:
		return fmt.Errorf("at %s: an array, want an element as before", place(at))
	case depth == len(e.shape):
		e.shape = append(e.shape, -1)
	}
	n := 0
	for ; d.More(); n++ {
		token, err := d.Token()
		if err != nil {
			return err
		}
		if err := d.value(e, token, append(at, n)); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if e.shape[depth] < 0 {
		e.shape[depth] = n
	}
	if e.shape[depth] != n {
		return fmt.Errorf("at %s: %d elements, want %d as before", place(at), n, e.shape[depth])
	}
	return nil
}

// place writes indices as [1][3].
func place(at []int) string {
	var b strings.Builder
	for _, i := range at {
		fmt.Fprintf(&b, "[%d]", i)
	}
	if b.Len() == 0 {
		return "the top"
	}
	return b.String()
}
