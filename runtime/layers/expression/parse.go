package expression

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
)

// A node is a part of an expression.
type node struct {
	kind  nodeKind
	at    int          // in bytes, of its first character or its operator
	text  string       // the operator, or the dotted name
	value *keras.Value // of a constant
	parts []*node      // operands; of a call the arguments, of a slice its three bounds, nil where left out
	names []string     // of a call, of its last arguments
}

type nodeKind byte

const (
	constant nodeKind = iota
	name
	operator
	call      // parts[0] is nil where text is the name of a function, else what has the attribute text
	attribute // text of parts[0]
	index     // parts[0][parts[1:]]
	slice
	ellipsis
	list
)

// A parameter is one of a lambda: its name, and its default or nil.
type parameter struct {
	name string
	def  *node
}

// Parse reads an expression, with or without "lambda x:" before it. Without it the
// operand is x. Errors wrap [ErrSyntax] and name the column.
func Parse(text string) (*Expression, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	e := &Expression{text: text, params: []parameter{{name: "x"}}}
	if p.takeName("lambda") {
		e.params = p.parameters()
	}
	e.body = p.comparison()
	if p.err == nil && p.next().kind != 0 {
		p.fail("%q, want an operator or the end", p.next().text)
	}
	if p.err != nil {
		return nil, p.err
	}
	return e, nil
}

// An Expression is what a Lambda layer computes. It is safe for concurrent use.
type Expression struct {
	text   string
	params []parameter
	body   *node
}

// String returns the expression as it was given.
func (e *Expression) String() string { return e.text }

// maxDepth bounds the nesting of parts.
const maxDepth = 200

type parser struct {
	tokens []token
	depth  int
	err    error
}

func (p *parser) next() token { return p.tokens[0] }

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: column %d: %s", ErrSyntax, p.next().at+1, fmt.Sprintf(format, args...))
	}
	p.tokens = p.tokens[len(p.tokens)-1:]
}

// take takes the next token if it is the operator.
func (p *parser) take(op string) bool {
	if t := p.next(); t.kind != 'o' || t.text != op {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *parser) takeName(n string) bool {
	if t := p.next(); t.kind != 'a' || t.text != n {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *parser) want(op string) {
	if !p.take(op) {
		p.fail("%q, want %q", p.next().text, op)
	}
}

// parameters reads those of a lambda and the colon after them.
func (p *parser) parameters() []parameter {
	var out []parameter
	for p.err == nil && !p.take(":") {
		if len(out) > 0 {
			p.want(",")
		}
		t := p.next()
		if t.kind != 'a' {
			p.fail("%q, want the name of a parameter", t.text)
			return nil
		}
		p.tokens = p.tokens[1:]
		one := parameter{name: t.text}
		if p.take("=") {
			one.def = p.comparison()
		}
		out = append(out, one)
	}
	if len(out) == 0 {
		p.fail("a lambda without parameters")
	}
	return out
}

// elements reads expressions with commas between them, and the bracket after them.
// one says that it is a single expression without a comma.
func (p *parser) elements(end string) (items []*node, one bool) {
	one = true
	for p.err == nil && !p.take(end) {
		if len(items) > 0 {
			p.want(",")
			one = false
			if p.take(end) {
				break
			}
		}
		items = append(items, p.comparison())
	}
	return items, one && len(items) == 1
}

// level reads operands with operators of one precedence between them.
func (p *parser) level(ops []string, operand func() *node) *node {
	x := operand()
	for p.err == nil {
		t := p.next()
		if t.kind != 'o' || !slices.Contains(ops, t.text) {
			break
		}
		p.tokens = p.tokens[1:]
		x = &node{kind: operator, at: t.at, text: t.text, parts: []*node{x, operand()}}
	}
	return x
}

var comparisons = []string{"<", "<=", ">", ">=", "==", "!="}

func (p *parser) comparison() *node {
	if p.depth++; p.depth > maxDepth {
		p.fail("parts nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	x := p.sum()
	if t := p.next(); t.kind == 'o' && slices.Contains(comparisons, t.text) {
		p.tokens = p.tokens[1:]
		x = &node{kind: operator, at: t.at, text: t.text, parts: []*node{x, p.sum()}}
		if t := p.next(); t.kind == 'o' && slices.Contains(comparisons, t.text) {
			p.fail("two comparisons in a row")
		}
	}
	return x
}

func (p *parser) sum() *node { return p.level([]string{"+", "-"}, p.term) }

func (p *parser) term() *node { return p.level([]string{"*", "/", "//", "%", "@"}, p.unary) }

func (p *parser) unary() *node {
	if p.depth++; p.depth > maxDepth {
		p.fail("parts nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	t := p.next()
	switch {
	case p.take("-"):
		return &node{kind: operator, at: t.at, text: "-", parts: []*node{p.unary()}}
	case p.take("+"):
		return p.unary()
	}
	x := p.postfix()
	if at := p.next().at; p.take("**") {
		return &node{kind: operator, at: at, text: "**", parts: []*node{x, p.unary()}}
	}
	return x
}

func (p *parser) postfix() *node {
	x := p.atom()
	for p.err == nil {
		at := p.next().at
		switch {
		case p.take("."):
			t := p.next()
			if t.kind != 'a' {
				p.fail("%q, want a name", t.text)
				return nil
			}
			p.tokens = p.tokens[1:]
			if x.kind == name {
				x = &node{kind: name, at: x.at, text: x.text + "." + t.text}
			} else {
				x = &node{kind: attribute, at: at, text: t.text, parts: []*node{x}}
			}
		case p.take("("):
			c := &node{kind: call, at: x.at, text: x.text, parts: []*node{nil}}
			switch x.kind {
			case name:
			case attribute:
				c.parts[0] = x.parts[0]
			default:
				p.fail("a call of what is no function")
			}
			p.arguments(c)
			x = c
		case p.take("["):
			i := &node{kind: index, at: at, parts: []*node{x}}
			for p.err == nil {
				i.parts = append(i.parts, p.key())
				if !p.take(",") || p.next().text == "]" {
					break
				}
			}
			p.want("]")
			x = i
		default:
			return x
		}
	}
	return x
}

// arguments reads those of a call and the parenthesis after them.
func (p *parser) arguments(c *node) {
	for p.err == nil && !p.take(")") {
		if len(c.parts) > 1 {
			if p.want(","); p.take(")") {
				return
			}
		}
		if p.next().kind == 'a' && len(p.tokens) > 1 && p.tokens[1].kind == 'o' && p.tokens[1].text == "=" {
			c.names = append(c.names, p.next().text)
			p.tokens = p.tokens[2:]
		} else if len(c.names) > 0 {
			p.fail("an argument without a name after one with a name")
		}
		c.parts = append(c.parts, p.comparison())
	}
}

// key reads an index, a slice or an ellipsis.
func (p *parser) key() *node {
	at := p.next().at
	if p.take("...") {
		return &node{kind: ellipsis, at: at}
	}
	bound := func() *node {
		if t := p.next(); t.kind == 'o' && (t.text == ":" || t.text == "]" || t.text == ",") {
			return nil
		}
		return p.comparison()
	}
	first := bound()
	if !p.take(":") {
		if first == nil {
			p.fail("%q, want an index", p.next().text)
		}
		return first
	}
	s := &node{kind: slice, at: at, parts: []*node{first, bound(), nil}}
	if p.take(":") {
		s.parts[2] = bound()
	}
	return s
}

func (p *parser) atom() *node {
	t := p.next()
	p.tokens = p.tokens[min(1, len(p.tokens)-1):]
	switch t.kind {
	case 'n':
		text := strings.ReplaceAll(t.text, "_", "")
		if n, err := strconv.Atoi(text); err == nil {
			return &node{kind: constant, at: t.at, value: keras.NewInt(n)}
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			p.fail("number %q", t.text)
			return nil
		}
		return &node{kind: constant, at: t.at, value: keras.NewNumber(f)}
	case 's':
		return &node{kind: constant, at: t.at, value: keras.NewString(t.text)}
	case 'a':
		switch t.text {
		case "True", "False":
			return &node{kind: constant, at: t.at, value: keras.NewBool(t.text == "True")}
		case "None":
			return &node{kind: constant, at: t.at, value: keras.NewNull()}
		case "if", "else", "for", "and", "or", "not", "in", "is", "lambda":
			p.fail("Python's %q is not known here", t.text)
			return nil
		}
		return &node{kind: name, at: t.at, text: t.text}
	}
	switch t.text {
	case "(":
		items, one := p.elements(")")
		if one {
			return items[0]
		}
		return &node{kind: list, at: t.at, parts: items}
	case "[":
		items, _ := p.elements("]")
		return &node{kind: list, at: t.at, parts: items}
	}
	p.tokens = append([]token{t}, p.tokens...)
	p.fail("%q, want an expression", t.text)
	return nil
}
