package serve

import (
	"encoding/json"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a request: no tensor has as many dimensions.
const maxDepth = 64

// A scanner reads JSON from memory: RFC 8259, and the numbers NaN, Infinity and -Infinity. Its errors say at which
// byte.
type scanner struct {
	data  []byte
	at    int
	depth int
}

func (s *scanner) errorf(format string, args ...any) error {
	return badRequest("JSON, byte %d: "+format, append([]any{s.at}, args...)...)
}

// peek returns the next byte that is no white space, 0 at the end.
func (s *scanner) peek() byte {
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// expect takes the byte c.
func (s *scanner) expect(c byte) error {
	if got := s.peek(); got != c || s.at == len(s.data) {
		return s.errorf("%s, want '%c'", s.found(), c)
	}
	s.at++
	return nil
}

// found describes what stands at the place of an error.
func (s *scanner) found() string {
	if s.at >= len(s.data) {
		return "the end"
	}
	end := min(s.at+1, len(s.data))
	for end < len(s.data) && end-s.at < 12 && s.data[end] > ' ' && s.data[end] < 0x7f && s.data[end] != ',' && s.data[end] != ']' && s.data[end] != '}' {
		end++
	}
	text, _ := json.Marshal(string(s.data[s.at:end]))
	return string(text)
}

// end checks that nothing follows.
func (s *scanner) end() error {
	if s.peek(); s.at < len(s.data) {
		return s.errorf("%s after the value", s.found())
	}
	return nil
}

// enter takes an opening bracket.
func (s *scanner) enter(c byte) error {
	if err := s.expect(c); err != nil {
		return err
	}
	if s.depth++; s.depth > maxDepth {
		return s.errorf("nested deeper than %d", maxDepth)
	}
	return nil
}

// more reports whether an element follows in an array or object that ends with c, the first one or not, and takes what
// stands before it.
func (s *scanner) more(first bool, c byte) (bool, error) {
	if s.peek() == c {
		s.at++
		s.depth--
		return false, nil
	}
	if first {
		return true, nil
	}
	if got := s.peek(); got != ',' {
		return false, s.errorf("%s, want ',' or '%c'", s.found(), c)
	}
	s.at++
	return true, nil
}

// object reads an object and calls member for each name; it reads the value.
func (s *scanner) object(member func(name string) error) error {
	if err := s.enter('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for first := true; ; first = false {
		if more, err := s.more(first, '}'); !more {
			return err
		}
		name, err := s.text()
		if err != nil {
			return err
		}
		if seen[name] {
			return s.errorf("the name %q stands twice", name)
		}
		seen[name] = true
		if err := s.expect(':'); err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
}

// array reads an array and calls element for each index; it reads the value.
func (s *scanner) array(element func(i int) error) error {
	if err := s.enter('['); err != nil {
		return err
	}
	for i := 0; ; i++ {
		if more, err := s.more(i == 0, ']'); !more {
			return err
		}
		if err := element(i); err != nil {
			return err
		}
	}
}

// text reads a string.
func (s *scanner) text() (string, error) {
	if s.peek() != '"' {
		return "", s.errorf("%s, want a string", s.found())
	}
	start := s.at + 1
	for i := start; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.at = i + 1
			if !utf8.Valid(s.data[start:i]) {
				s.at = start
				return "", s.errorf(`a string that is not UTF-8, want {"b64": "..."}`)
			}
			return string(s.data[start:i]), nil
		case c == '\\':
			return s.escaped(start, i)
		case c < ' ':
			s.at = i
			return "", s.errorf("a control character in a string")
		}
	}
	s.at = len(s.data)
	return "", s.errorf("a string without an end")
}

// escaped reads a string from start on whose first escape is at i.
func (s *scanner) escaped(start, i int) (string, error) {
	for ; i < len(s.data); i++ {
		switch s.data[i] {
		case '\\':
			i++
		case '"':
			var text string
			if err := json.Unmarshal(s.data[start-1:i+1], &text); err != nil || !utf8.Valid(s.data[start:i]) {
				s.at = start
				return "", s.errorf("an invalid string")
			}
			s.at = i + 1
			return text, nil
		}
	}
	s.at = len(s.data)
	return "", s.errorf("a string without an end")
}

// word takes one of the words that JSON has, or returns "".
func (s *scanner) word() string {
	s.peek()
	for _, w := range [...]string{"true", "false", "null", "NaN", "Infinity", "-Infinity"} {
		if end := s.at + len(w); end <= len(s.data) && string(s.data[s.at:end]) == w {
			s.at = end
			return w
		}
	}
	return ""
}

// tens are the powers of ten that float32 has exactly.
var tens = [...]float32{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10}

// short takes a number whose digits, without the point, make an integer that float32 has exactly: its quotient by a power of
// ten is then the nearest float32. At anything else it reports false, and s stands somewhere in it.
func (s *scanner) short() (x float32, ok bool) {
	negative := s.peek() == '-'
	i := s.at
	if negative {
		i++
	}
	start, point, digits := i, -1, uint32(0)
	for ; i < len(s.data); i++ {
		c := s.data[i]
		if c == '.' && point < 0 {
			point = i
		} else if c -= '0'; c < 10 && digits < 1<<24/10 {
			digits = 10*digits + uint32(c)
		} else {
			break
		}
	}
	s.at = i
	whole, behind := i-start, 0 // digits before the point and after it
	if point >= 0 {
		whole, behind = point-start, i-point-1
		if behind == 0 || behind >= len(tens) {
			return 0, false
		}
	}
	if whole == 0 || whole > 1 && s.data[start] == '0' {
		return 0, false
	}
	x = float32(digits) / tens[behind]
	if negative {
		x = -x
	}
	return x, true
}

// row takes an array of short numbers and appends them. It reports false, and leaves s where it was, if there is anything else in it.
func (s *scanner) row(to []float32) (longer []float32, ok bool) {
	start, had := s.at, len(to)
	for s.at++; ; s.at++ {
		x, ok := s.short()
		if !ok {
			break
		}
		to = append(to, x)
		if c := s.peek(); c == ']' {
			s.at++
			return to, true
		} else if c != ',' {
			break
		}
	}
	s.at = start
	return to[:had], false
}

// number takes a number's text; what is none is an error that says what is wanted.
func (s *scanner) number(want string) ([]byte, error) {
	s.peek()
	i := s.at
	digits := func() bool {
		start := i
		for i < len(s.data) && s.data[i]-'0' < 10 {
			i++
		}
		return i > start
	}
	is := func(set string) bool {
		if i < len(s.data) {
			for k := range len(set) {
				if s.data[i] == set[k] {
					i++
					return true
				}
			}
		}
		return false
	}
	is("-")
	whole := i
	ok := digits() && (s.data[whole] != '0' || i == whole+1)
	if ok && is(".") {
		ok = digits()
	}
	if ok && is("eE") {
		is("+-")
		ok = digits()
	}
	if !ok {
		return nil, s.errorf("%s, want %s", s.found(), want)
	}
	text := s.data[s.at:i]
	s.at = i
	return text, nil
}

// skip reads a value of any kind and returns its text.
func (s *scanner) skip() ([]byte, error) {
	c := s.peek()
	start := s.at
	var err error
	switch c {
	case '{':
		err = s.object(func(string) error { _, err := s.skip(); return err })
	case '[':
		err = s.array(func(int) error { _, err := s.skip(); return err })
	case '"':
		_, err = s.text()
	default:
		if s.word() == "" {
			_, err = s.number("a value")
		}
	}
	return s.data[start:s.at], err
}
