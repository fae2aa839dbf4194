package keras

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ParseJSON reads one JSON value as Python's json writes it, with the numbers
// NaN, Infinity and -Infinity. It refuses duplicate keys, anything after the
// value, invalid UTF-8 and lone surrogates; messages give the offset in bytes.
//
// Errors wrap [ErrFormat], or [ErrLimit] beyond the size, depth or number of
// values that lim allows.
func ParseJSON(data []byte, lim Limits) (*Value, error) {
	lim = lim.withDefaults()
	if int64(len(data)) > lim.JSONSize {
		return nil, fmt.Errorf("%w: JSON of %d bytes, want at most %d", ErrLimit, len(data), lim.JSONSize)
	}
	p := parser{text: string(data), nodes: lim.JSONNodes, depth: lim.JSONDepth}
	if strings.HasPrefix(p.text, "\ufeff") { // a byte order mark, as some editors leave
		p.pos = len("\ufeff")
	}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.pos < len(p.text) {
		return nil, p.fail("%s after the value", p.found())
	}
	return v, nil
}

// parser is a recursive-descent parser whose depth is bounded.
type parser struct {
	text  string
	pos   int
	nodes int // values that may still be made
	depth int
}

// fail returns a format error at the current offset.
func (p *parser) fail(format string, args ...any) error {
	return fmt.Errorf("%w: JSON at byte %d: %s", ErrFormat, p.pos, fmt.Sprintf(format, args...))
}

// found names what stands at the current offset.
func (p *parser) found() string {
	if p.pos >= len(p.text) {
		return "end of text"
	}
	r, n := utf8.DecodeRuneInString(p.text[p.pos:])
	if r == utf8.RuneError && n == 1 {
		return fmt.Sprintf("byte %#02x", p.text[p.pos])
	}
	return fmt.Sprintf("%q", r)
}

func (p *parser) space() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// next reports whether c comes next after white space, and skips it.
func (p *parser) next(c byte) bool {
	p.space()
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) value(depth int) (*Value, error) {
	if depth > p.depth {
		return nil, fmt.Errorf("%w: JSON at byte %d: nested deeper than %d", ErrLimit, p.pos, p.depth)
	}
	if p.nodes--; p.nodes < 0 {
		return nil, fmt.Errorf("%w: JSON at byte %d: too many values", ErrLimit, p.pos)
	}
	p.space()
	rest := p.text[p.pos:]
	switch {
	case rest == "":
		return nil, p.fail("end of text, want a value")
	case rest[0] == '{':
		return p.object(depth)
	case rest[0] == '[':
		return p.array(depth)
	case rest[0] == '"':
		s, err := p.str()
		if err != nil {
			return nil, err
		}
		return &Value{kind: String, text: s}, nil
	}
	for _, w := range [...]struct {
		word string
		kind Kind
	}{{"null", Null}, {"true", Bool}, {"false", Bool}, {"NaN", Number}, {"Infinity", Number}, {"-Infinity", Number}} {
		if strings.HasPrefix(rest, w.word) {
			p.pos += len(w.word)
			return &Value{kind: w.kind, text: w.word}, nil
		}
	}
	return p.number()
}

// number reads -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?.
func (p *parser) number() (*Value, error) {
	s, i := p.text[p.pos:], 0
	digits := func() bool {
		start := i
		for i < len(s) && s[i] >= '0' && s[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	first := i
	if !digits() {
		return nil, p.fail("%s, want a value", p.found())
	}
	if s[first] == '0' && i > first+1 {
		return nil, p.fail("number with a leading zero")
	}
	if i < len(s) && s[i] == '.' {
		if i++; !digits() {
			return nil, p.fail("number without digits after the point")
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return nil, p.fail("number without digits in the exponent")
		}
	}
	p.pos += i
	return &Value{kind: Number, text: s[:i]}, nil
}

func (p *parser) array(depth int) (*Value, error) {
	p.pos++
	v := &Value{kind: Array, list: &children{}}
	if p.next(']') {
		return v, nil
	}
	for {
		it, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		v.list.items = append(v.list.items, it)
		if p.next(']') {
			return v, nil
		}
		if !p.next(',') {
			return nil, p.fail("%s, want , or ]", p.found())
		}
	}
}

// manyKeys is the size from which an object's keys are looked up in a map.
const manyKeys = 16

func (p *parser) object(depth int) (*Value, error) {
	p.pos++
	v := &Value{kind: Object, list: &children{}}
	if p.next('}') {
		return v, nil
	}
	var seen map[string]bool
	for {
		p.space()
		if p.pos >= len(p.text) || p.text[p.pos] != '"' {
			return nil, p.fail("%s, want a key", p.found())
		}
		at := p.pos
		key, err := p.str()
		if err != nil {
			return nil, err
		}
		if duplicate(v, key, &seen) {
			p.pos = at
			return nil, p.fail("key %q occurs twice", key)
		}
		if !p.next(':') {
			return nil, p.fail("%s, want :", p.found())
		}
		it, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		v.list.keys = append(v.list.keys, key)
		v.list.items = append(v.list.items, it)
		if p.next('}') {
			return v, nil
		}
		if !p.next(',') {
			return nil, p.fail("%s, want , or }", p.found())
		}
	}
}

// duplicate reports whether object v, which is being read, has key already.
func duplicate(v *Value, key string, seen *map[string]bool) bool {
	if len(v.list.keys) < manyKeys {
		return v.Has(key)
	}
	if *seen == nil {
		*seen = make(map[string]bool)
		for _, k := range v.list.keys {
			(*seen)[k] = true
		}
	}
	if (*seen)[key] {
		return true
	}
	(*seen)[key] = true
	return false
}

// str reads a string; p.pos is at its opening quote.
func (p *parser) str() (string, error) {
	p.pos++
	start := p.pos
	// Most strings have no escape and are a part of the text.
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			s := p.text[start:p.pos]
			p.pos++
			return s, nil
		case c == '\\':
			return p.escaped(start)
		case c < ' ' || c >= utf8.RuneSelf:
			if err := p.rune(); err != nil {
				return "", err
			}
		default:
			p.pos++
		}
	}
	return "", p.fail("end of text in a string")
}

// rune skips one character that is not plain ASCII.
func (p *parser) rune() error {
	r, n := utf8.DecodeRuneInString(p.text[p.pos:])
	if r < ' ' {
		return p.fail("control character %#02x in a string", r)
	}
	if r == utf8.RuneError && n == 1 {
		return p.fail("invalid UTF-8")
	}
	p.pos += n
	return nil
}

// escaped reads on from the first backslash of a string that began at start.
func (p *parser) escaped(start int) (string, error) {
	var b strings.Builder
	b.WriteString(p.text[start:p.pos])
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			return b.String(), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
		default:
			at := p.pos
			if err := p.rune(); err != nil {
				return "", err
			}
			b.WriteString(p.text[at:p.pos])
		}
	}
	return "", p.fail("end of text in a string")
}

// escape reads one escape sequence, or two that make a surrogate pair.
func (p *parser) escape() (rune, error) {
	if p.pos+1 >= len(p.text) {
		return 0, p.fail("end of text in a string")
	}
	c := p.text[p.pos+1]
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		p.pos += 2
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	if c != 'u' {
		return 0, p.fail("unknown escape \\%c", c)
	}
	r, err := p.hex()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	at := p.pos - 6
	if strings.HasPrefix(p.text[p.pos:], `\u`) {
		low, err := p.hex()
		if err != nil {
			return 0, err
		}
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, nil
		}
	}
	p.pos = at
	return 0, p.fail("half of a surrogate pair")
}

// hex reads \uXXXX.
func (p *parser) hex() (rune, error) {
	if p.pos+6 > len(p.text) {
		return 0, p.fail("end of text in an escape")
	}
	var r rune
	for _, c := range []byte(p.text[p.pos+2 : p.pos+6]) {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, p.fail("bad \\u escape")
		}
	}
	p.pos += 6
	return r, nil
}
