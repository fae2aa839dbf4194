package npy

import (
	"fmt"
	"strconv"
	"strings"
)

// parseDict reads the Python literal of a header: a dict with the keys descr, fortran_order and shape, each once, in
// any order, and nothing after it but white space.
func parseDict(text string) (header, error) {
	p := &literal{text: text}
	var h header
	seen := map[string]bool{}
	p.expect('{')
	for p.err == nil && p.peek() != '}' {
		key := p.str()
		if seen[key] {
			p.fail("key %q twice", key)
		}
		seen[key] = true
		p.expect(':')
		switch key {
		case "descr":
			h.descr = p.descr()
		case "fortran_order":
			h.fortran = p.boolean()
		case "shape":
			h.shape = p.tuple()
		default:
			p.fail("unknown key %q", key)
		}
		if p.peek() != '}' {
			p.expect(',')
		}
	}
	p.expect('}')
	if p.err == nil && p.peek() != 0 {
		p.fail("text after the dict")
	}
	if p.err == nil && len(seen) != 3 {
		p.fail("want the keys descr, fortran_order and shape")
	}
	return h, p.err
}

// literal is a cursor in a Python literal that stops at the first error.
type literal struct {
	text string
	pos  int
	err  error
}

func (p *literal) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("npy header: "+format+" at byte %d of its dict: %w", append(args, p.pos, ErrFormat)...)
	}
}

// peek skips white space and returns the next byte, or 0 at the end and after an error.
func (p *literal) peek() byte {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
	if p.err != nil || p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

func (p *literal) expect(c byte) {
	if p.peek() != c {
		p.fail("want %q", c)
		return
	}
	p.pos++
}

// str reads a quoted string without escapes.
func (p *literal) str() string {
	q := p.peek()
	if q != '\'' && q != '"' {
		p.fail("want a string")
		return ""
	}
	end := strings.IndexByte(p.text[p.pos+1:], q)
	if end < 0 {
		p.fail("string without an end")
		return ""
	}
	s := p.text[p.pos+1 : p.pos+1+end]
	if strings.ContainsAny(s, "\\\n") {
		p.fail("want a plain string, got %q", s)
	}
	p.pos += end + 2
	return s
}

func (p *literal) descr() string {
	if p.peek() == '[' {
		if p.err == nil {
			p.err = fmt.Errorf("npy header: a structured dtype: %w", ErrUnsupported)
		}
		return ""
	}
	s := p.str()
	// npyio gets this string inside quotes, so nothing but letters, digits, the byte order and the brackets of a
	// date's unit may be in it.
	for _, c := range []byte(s) {
		if !isAlnum(c) && strings.IndexByte("<>|=[]", c) < 0 {
			p.fail("want a dtype, got %q", s)
			break
		}
	}
	return s
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func (p *literal) boolean() bool {
	p.peek()
	for _, word := range []string{"True", "False"} {
		if strings.HasPrefix(p.text[p.pos:], word) {
			p.pos += len(word)
			return word == "True"
		}
	}
	p.fail("want True or False")
	return false
}

// tuple reads (), (n,), (n, m) and so on; Python 2 wrote numbers as 3L.
func (p *literal) tuple() []int {
	shape := []int{}
	p.expect('(')
	comma := true
	for p.err == nil && p.peek() != ')' {
		if !comma {
			p.fail("want a comma")
		}
		if len(shape) == maxRank {
			p.fail("more than %d dimensions", maxRank)
			return nil
		}
		shape = append(shape, p.number())
		if comma = p.peek() == ','; comma {
			p.pos++
		}
	}
	p.expect(')')
	if len(shape) == 1 && !comma {
		p.fail("want a tuple, got a number")
	}
	return shape
}

func (p *literal) number() int {
	start := p.pos
	for p.pos < len(p.text) && (isAlnum(p.text[p.pos]) || p.text[p.pos] == '-') {
		p.pos++
	}
	s := strings.TrimSuffix(p.text[start:p.pos], "L")
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		p.fail("want a dimension, got %.40q", s)
	}
	return n
}
