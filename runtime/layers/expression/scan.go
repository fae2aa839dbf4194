package expression

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrSyntax reports an expression that cannot be read.
var ErrSyntax = errors.New("bad expression")

// maxLength bounds the bytes of an expression, and with them the depth of its parts.
const maxLength = 4096

// A token is a piece of an expression: a number, a name, a string or an operator.
type token struct {
	kind byte // 'n' number, 'a' name, 's' string, 'o' operator, 0 the end
	text string
	at   int // in bytes
}

// operators are those of more than one character, the longest first.
var operators = []string{"...", "**", "//", "<=", ">=", "==", "!="}

// scan splits an expression.
func scan(text string) ([]token, error) {
	if len(text) > maxLength {
		return nil, fmt.Errorf("%w: %d bytes, more than %d", ErrSyntax, len(text), maxLength)
	}
	var out []token
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case unicode.IsSpace(c):
			i += size
		case c == '_' || unicode.IsLetter(c):
			n := strings.IndexFunc(text[i:], func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
			if n < 0 {
				n = len(text) - i
			}
			out = append(out, token{'a', text[i : i+n], i})
			i += n
		case digit(text, i) || c == '.' && digit(text, i+1):
			n := numberLen(text[i:])
			out = append(out, token{'n', text[i : i+n], i})
			i += n
		case c == '\'' || c == '"':
			n := strings.IndexRune(text[i+1:], c)
			if n < 0 {
				return nil, fmt.Errorf("%w: column %d: a string that does not end", ErrSyntax, i+1)
			}
			if strings.Contains(text[i+1:i+1+n], `\`) {
				return nil, fmt.Errorf("%w: column %d: a string with a backslash", ErrSyntax, i+1)
			}
			out = append(out, token{'s', text[i+1 : i+1+n], i})
			i += n + 2
		default:
			op := string(c)
			for _, o := range operators {
				if strings.HasPrefix(text[i:], o) {
					op = o
					break
				}
			}
			if len(op) == 1 && !strings.Contains("+-*/%@()[]{},.:=<>", op) {
				return nil, fmt.Errorf("%w: column %d: %q", ErrSyntax, i+1, op)
			}
			out = append(out, token{'o', op, i})
			i += max(size, len(op))
		}
	}
	return append(out, token{0, "the end", len(text)}), nil
}

func digit(text string, i int) bool { return i < len(text) && text[i] >= '0' && text[i] <= '9' }

// numberLen returns the length of the number that text begins with.
func numberLen(text string) int {
	i := 0
	digits := func() {
		for digit(text, i) || i < len(text) && text[i] == '_' {
			i++
		}
	}
	digits()
	if i < len(text) && text[i] == '.' {
		i++
		digits()
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		k := i + 1
		if k < len(text) && (text[k] == '+' || text[k] == '-') {
			k++
		}
		if digit(text, k) {
			i = k
			digits()
		}
	}
	return i
}
