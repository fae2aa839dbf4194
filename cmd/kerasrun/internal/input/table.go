package input

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun"
)

// readTable reads rows of numbers, an example a row, separated by commas, tabs
// or semicolons. The first line may be a header.
func readTable(f io.Reader, in kerasrun.IO) (kerasrun.Tensor, error) {
	if len(in.Shape) == 0 {
		return kerasrun.Tensor{}, fmt.Errorf("%w: input %q has no batch for the rows of a table", kerasrun.ErrInput, in.Name)
	}
	rows := newTable(withoutMark(f))
	var data []float64
	width, first := -1, true
	for {
		record, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return kerasrun.Tensor{}, tableError(err)
		}
		if first && isHeader(record) {
			first = false
			continue
		}
		first = false
		line, _ := rows.FieldPos(0)
		if width < 0 {
			width = len(record)
			if err := checkWidth(width, line, in); err != nil {
				return kerasrun.Tensor{}, err
			}
		}
		if len(record) != width {
			return kerasrun.Tensor{}, fmt.Errorf("%w: line %d: %d values, want %d as in the lines before", kerasrun.ErrInput, line, len(record), width)
		}
		for k, text := range record {
			v, err := number(text, in.DType)
			if err != nil {
				line, _ := rows.FieldPos(k)
				return kerasrun.Tensor{}, fmt.Errorf("%w: line %d, column %d: %w", kerasrun.ErrInput, line, k+1, err)
			}
			data = append(data, v)
		}
	}
	if width < 0 {
		return kerasrun.Tensor{}, fmt.Errorf("%w: no row of numbers", kerasrun.ErrInput)
	}
	shape := kerasrun.Shape{len(data) / width}
	if inner := in.Shape[1:]; inner.Known() {
		shape = append(shape, inner...)
	} else {
		shape = append(shape, width)
	}
	return kerasrun.Tensor{DType: kerasrun.Float64, Shape: shape, Data: data}, nil
}

// withoutMark reads from f what follows a byte order mark.
func withoutMark(f io.Reader) *bufio.Reader {
	b := bufio.NewReaderSize(f, 1<<16)
	if mark, err := b.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = b.Discard(3)
	}
	return b
}

func newTable(b *bufio.Reader) *csv.Reader {
	rows := csv.NewReader(b)
	rows.ReuseRecord, rows.FieldsPerRecord, rows.TrimLeadingSpace = true, -1, true
	rows.Comma = separator(b)
	return rows
}

// readTexts reads an input of strings: the rows of a table, or without columns
// a text a line. There is no header.
func readTexts(f io.Reader, in kerasrun.IO, columns bool) (kerasrun.Tensor, error) {
	none := kerasrun.Tensor{}
	if len(in.Shape) == 0 {
		return none, fmt.Errorf("%w: input %q has no batch for the lines of a file", kerasrun.ErrInput, in.Name)
	}
	b := withoutMark(f)
	var texts []string
	width := 1
	if columns {
		rows := newTable(b)
		rows.TrimLeadingSpace = false
		for {
			record, err := rows.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				return none, tableError(err)
			}
			if texts == nil {
				width = len(record)
			}
			if len(record) != width {
				line, _ := rows.FieldPos(0)
				return none, fmt.Errorf("%w: line %d: %d texts, want %d as in the lines before", kerasrun.ErrInput, line, len(record), width)
			}
			texts = append(texts, record...)
		}
	} else {
		for {
			line, err := b.ReadString('\n')
			if err != nil && err != io.EOF {
				return none, err
			}
			if line != "" {
				texts = append(texts, strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"))
			}
			if err == io.EOF {
				break
			}
		}
	}
	if len(texts) == 0 {
		return none, fmt.Errorf("%w: no text", kerasrun.ErrInput)
	}
	inner := in.Shape[1:]
	if n, ok := inner.Elems(); ok && n != width || !ok && len(inner) != 1 {
		return none, fmt.Errorf("%w: %d texts a line, but input %q is %v", kerasrun.ErrInput, width, in.Name, in.Shape)
	}
	shape := kerasrun.Shape{len(texts) / width}
	if inner.Known() {
		shape = append(shape, inner...)
	} else {
		shape = append(shape, width)
	}
	return kerasrun.Tensor{DType: kerasrun.String, Shape: shape, Data: texts}, nil
}

// separator guesses what separates the columns from what the first line contains.
func separator(b *bufio.Reader) rune {
	head, _ := b.Peek(1 << 12)
	line, _, _ := bytes.Cut(head, []byte("\n"))
	for _, c := range ",\t;" {
		if bytes.ContainsRune(line, c) {
			return c
		}
	}
	return ','
}

// isHeader reports whether no field of the first line is meant as a number.
func isHeader(record []string) bool {
	for _, text := range record {
		if _, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil || errors.Is(err, strconv.ErrRange) {
			return false
		}
	}
	return strings.TrimSpace(strings.Join(record, "")) != ""
}

// checkWidth holds the first row against the shape of the input.
func checkWidth(width, line int, in kerasrun.IO) error {
	want := in.Shape[1:]
	if n, ok := want.Elems(); ok {
		if width != n {
			return fmt.Errorf("%w: line %d: %d values, want %d: input %q is %v", kerasrun.ErrInput, line, width, n, in.Name, in.Shape)
		}
		return nil
	}
	if len(want) != 1 {
		return fmt.Errorf("%w: input %q is %v: a table has no shape for it; want an .npy, .npz or .json file", kerasrun.ErrInput, in.Name, in.Shape)
	}
	return nil
}

// number reads a finite number that the element type can hold.
func number(text string, d kerasrun.DType) (float64, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return 0, errors.New("nothing, want a number")
	}
	v, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%q, want a number", text)
	case math.IsNaN(v):
		return 0, errors.New("NaN, want a number")
	case math.IsInf(v, 0) || d == kerasrun.Float32 && math.IsInf(float64(float32(v)), 0):
		return 0, fmt.Errorf("%s, want a finite %v", text, d)
	case d.Integer() && v != math.Trunc(v):
		return 0, fmt.Errorf("%s, want an integer (%v)", text, d)
	}
	return v, nil
}

// tableError says where the quotes of a table are wrong.
func tableError(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return fmt.Errorf("%w: line %d, column %d: %w", kerasrun.ErrInput, p.Line, p.Column, p.Err)
	}
	return err
}
