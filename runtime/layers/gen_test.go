package layers

import (
	"encoding/json"
	commandline "flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/layers/operation"
)

//go:generate go test . -run TestLayersDoc -update

var update = commandline.Bool("update", false, "rewrite docs/LAYERS.md")

const layersDoc = "../../docs/LAYERS.md"

// TestLayersDoc holds that docs/LAYERS.md is what the source says. Rewrite it
// with go test ./runtime/layers -run TestLayersDoc -update.
func TestLayersDoc(t *testing.T) {
	want := layersPage(t)
	if *update {
		require.NoError(t, os.WriteFile(layersDoc, []byte(want), 0o644))
	}
	got, err := os.ReadFile(layersDoc)
	require.NoError(t, err)
	require.Equal(t, want, string(got), "stale: run go test ./runtime/layers -run TestLayersDoc -update")
}

// TestEveryClassHasACase holds that real Keras has answered for every class.
func TestEveryClassHasACase(t *testing.T) {
	cases := goldenCases(t)
	for _, c := range builtinClasses {
		require.NotEmpty(t, cases["class "+c.name], "class %s has no golden case: add a line to python/cases.py", c.name)
	}
}

// A classDoc is what the source says about a class: its variable's comment and
// the section of the table that it stands in.
type classDoc struct{ section, comment string }

// classDocs reads the comments of the class variables, by class name.
func classDocs(t *testing.T) map[string]classDoc {
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	comments := map[string][2]string{} // by variable: class name and comment
	sections := map[string]string{}    // by variable
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				doc := v.Doc
				if doc == nil {
					doc = g.Doc
				}
				if len(v.Values) != 1 {
					continue
				}
				if v.Names[0].Name == "builtinClasses" {
					sectionsOf(set, f, v.Values[0].(*ast.CompositeLit), sections)
				}
				if class := classOf(v.Values[0]); class != "" {
					text, ok := strings.CutPrefix(doc.Text(), v.Names[0].Name+" ")
					require.True(t, ok, "the comment of %s does not start with its name", v.Names[0].Name)
					comments[v.Names[0].Name] = [2]string{class, class + " " + text}
				}
			}
		}
	}
	docs := map[string]classDoc{}
	for variable, c := range comments {
		docs[c[0]] = classDoc{sections[variable], c[1]}
	}
	return docs
}

// classOf returns the class that a call of define or define1 makes.
func classOf(e ast.Expr) string {
	call, ok := e.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return ""
	}
	f, ok := call.Fun.(*ast.Ident)
	lit, isLit := call.Args[0].(*ast.BasicLit)
	if !ok || !isLit || !strings.HasPrefix(f.Name, "define") {
		return ""
	}
	name, _ := strconv.Unquote(lit.Value)
	return name
}

// sectionsOf finds the comment above each group of the table.
func sectionsOf(set *token.FileSet, f *ast.File, table *ast.CompositeLit, into map[string]string) {
	section := ""
	next := 0
	for _, e := range table.Elts {
		for ; next < len(f.Comments) && f.Comments[next].Pos() < e.Pos(); next++ {
			if f.Comments[next].Pos() > table.Pos() {
				section = strings.TrimSuffix(strings.TrimSpace(f.Comments[next].Text()), ".")
			}
		}
		if id, ok := e.(*ast.Ident); ok {
			into[id.Name] = section
		}
	}
}

// layersPage writes docs/LAYERS.md.
func layersPage(t *testing.T) string {
	docs := classDocs(t)
	cases := goldenCases(t)
	var b strings.Builder
	b.WriteString(`# Layers

Generated from the source by ` + "`go test ./runtime/layers -run TestLayersDoc -update`" + `; do not edit.

Every class reads the configs of Keras 1, 2 and 3. A config key that is not listed is an error unless it is null, belongs to every layer
(name, trainable, dtype, batch_shape) or ends in ` + "`_initializer`, `_regularizer` or `_constraint`" + `; keys marked *training* are accepted and
change nothing. Where Keras has no default, 0, False or None stands for it. Besides these classes: InputLayer, Sequential, Functional (also as layers of another model), and the functions at the end.

`)
	section := ""
	for _, c := range builtinClasses {
		d, ok := docs[c.name]
		require.True(t, ok, "no variable of class %s", c.name)
		require.NotEmpty(t, d.comment, "class %s has no comment", c.name)
		require.NotEmpty(t, d.section, "class %s stands in no section", c.name)
		if d.section != section {
			section = d.section
			b.WriteString("## " + section + "\n\n")
		}
		b.WriteString("### " + c.name + "\n\n")
		b.WriteString(markdown(d.comment))
		if keys := configKeys(c.config()); len(keys) > 0 {
			b.WriteString("Config: " + strings.Join(keys, ", ") + "\n\n")
		}
		b.WriteString("Cases: " + some(cases["class "+c.name]) + "\n\n")
	}
	b.WriteString("## Operations\n\nClasses of `keras.ops` that stand in a model as nodes: ")
	b.WriteString(strings.Join(operation.Classes(), ", "))
	b.WriteString(".\n\nFunctions of TensorFlow in files of tf.keras (TFOpLambda, SlicingOpLambda): ")
	b.WriteString(strings.Join(operation.TFFunctions(), ", ") + ".\n")
	return b.String()
}

// markdown turns a doc comment into Markdown: indented lines become code.
func markdown(comment string) string {
	var out []string
	code := false
	for _, line := range strings.Split(strings.TrimSpace(comment), "\n") {
		text, indented := strings.CutPrefix(line, "\t")
		switch {
		case indented && !code:
			out = append(out, "```")
		case code && !indented:
			out = append(out, "```")
			if line != "" {
				out = append(out, "")
			}
		}
		code = indented
		out = append(out, text)
	}
	if code {
		out = append(out, "```")
	}
	return strings.Join(out, "\n") + "\n\n"
}

// configKeys lists the keys of a config struct with their defaults.
func configKeys(config any) []string {
	var out []string
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			switch {
			case f.Anonymous && key == "":
				walk(v.Field(i))
			case key == "" || !f.IsExported():
			case f.Type == reflect.TypeFor[keras.TrainingOnly]():
				out = append(out, "`"+key+"` *training*")
			default:
				out = append(out, "`"+key+"="+defaultText(v.Field(i))+"`")
			}
		}
	}
	walk(reflect.ValueOf(config).Elem())
	return out
}

// defaultText writes a default as Python would.
func defaultText(v reflect.Value) string {
	if s, ok := v.Interface().(fmt.Stringer); ok && v.Kind() != reflect.Pointer {
		return s.String()
	}
	if k, ok := v.Interface().(*keras.Value); ok && k != nil {
		return k.JSON()
	}
	switch v.Kind() {
	case reflect.String:
		return strconv.Quote(v.String())
	case reflect.Bool:
		return map[bool]string{true: "True", false: "False"}[v.Bool()]
	case reflect.Pointer, reflect.Slice:
		if v.IsNil() {
			return "None"
		}
		if v.Kind() == reflect.Pointer {
			return defaultText(v.Elem())
		}
	}
	return fmt.Sprint(v.Interface())
}

// goldenCases lists the golden cases of each class, as "class Dense".
func goldenCases(t *testing.T) map[string][]string {
	names, err := filepath.Glob("../../testdata/models/*/case.json")
	require.NoError(t, err)
	out := map[string][]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		var c struct {
			Name    string   `json:"name"`
			Classes []string `json:"classes"`
		}
		require.NoError(t, json.Unmarshal(text, &c), name)
		for _, class := range c.Classes {
			out["class "+class] = append(out["class "+class], c.Name)
		}
	}
	return out
}

// some shortens a list of cases.
func some(names []string) string {
	const most = 4
	slices.Sort(names)
	switch n := len(names); {
	case n == 0:
		return "none"
	case n > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n-most)
	}
	return strings.Join(names, ", ")
}
