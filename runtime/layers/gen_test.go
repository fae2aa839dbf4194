package layers

import (
	"encoding/json"
	"errors"
	commandline "flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
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

// What is written: the page, and the same for the command.
const (
	layersDoc  = "../../docs/LAYERS.md"
	layersJSON = "../../cmd/kerasrun/layers.json"
)

// TestLayersDoc holds that docs/LAYERS.md, and the table in the command, are what
// the source says. Rewrite them with go test ./runtime/layers -run TestLayersDoc -update.
func TestLayersDoc(t *testing.T) {
	table := layersTable(t)
	data, err := json.MarshalIndent(table, "", " ")
	require.NoError(t, err)
	for name, want := range map[string]string{layersDoc: layersPage(table), layersJSON: string(data) + "\n"} {
		if *update {
			require.NoError(t, os.WriteFile(name, []byte(want), 0o644))
		}
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		require.True(t, want == string(got), "%s is stale: run go test ./runtime/layers -run TestLayersDoc -update", name)
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
		if call, ok := e.(*ast.CallExpr); ok { // denseLayer.since(...)
			e = call.Fun.(*ast.SelectorExpr).X
		}
		into[e.(*ast.Ident).Name] = section
	}
}

// A layersList is the table of layers.
type layersList struct {
	Layers []layerEntry `json:"layers"`
	// Operations and Functions are the nodes of keras.ops and of TensorFlow.
	Operations []string `json:"operations"`
	Functions  []string `json:"functions"`
}

// A layerEntry is what is known of a class.
type layerEntry struct {
	Class   string         `json:"class"`
	Section string         `json:"section"`
	About   string         `json:"about"`
	Keras   []string       `json:"keras"` // the first release of each Keras that has it
	Options []layerOption  `json:"options"`
	Files   int            `json:"files"` // of cases: most are in several formats
	Cases   []string       `json:"cases"` // without what the format adds to their names
	Refused []layerRefusal `json:"refused"`
}

// A layerOption is a config key with its default as Python has it.
type layerOption struct {
	Key      string `json:"key"`
	Default  string `json:"default"`
	Training bool   `json:"training,omitempty"` // changes nothing at inference
}

// A layerRefusal is something that Keras does and we do not.
type layerRefusal struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// layersTable collects what the source, the cases and the refusals say.
func layersTable(t *testing.T) *layersList {
	docs, all := classDocs(t), uses(t)
	refused := refusedBy(t)
	list := &layersList{Operations: operation.Classes(), Functions: operation.TFFunctions()}
	for _, c := range builtinClasses {
		d, ok := docs[c.name]
		require.True(t, ok, "no variable of class %s", c.name)
		require.NotEmpty(t, d.comment, "class %s has no comment", c.name)
		require.NotEmpty(t, d.section, "class %s stands in no section", c.name)
		e := layerEntry{Class: c.name, Section: d.section, About: strings.TrimSpace(d.comment), Keras: c.versions(), Options: []layerOption{}, Cases: []string{}, Refused: refused[c.name]}
		eachField(c.config(), func(key string, v reflect.Value) {
			if v.Type() == reflect.TypeFor[keras.TrainingOnly]() {
				e.Options = append(e.Options, layerOption{Key: key, Training: true})
			} else {
				e.Options = append(e.Options, layerOption{Key: key, Default: defaultText(v)})
			}
		})
		files := map[string]bool{}
		for _, u := range all[c.name] {
			if !files[u.name] {
				files[u.name] = true
				e.Cases = append(e.Cases, formatSuffix.ReplaceAllString(u.name, ""))
			}
		}
		e.Files = len(files)
		slices.Sort(e.Cases)
		e.Cases = slices.Compact(e.Cases)
		if e.Refused == nil {
			e.Refused = []layerRefusal{}
		}
		list.Layers = append(list.Layers, e)
	}
	return list
}

// formatSuffix is what the format of a case adds to its name (FORMATS in python/golden.py).
var formatSuffix = regexp.MustCompile(`(_k2(12|15)?)?(_h5|_json|_shards|_dir|_list)?$`)

// versions lists the first releases of c, one of each Keras that has it.
func (c class) versions() []string {
	if c.releases == "" {
		return []string{"1.0", "2.0", "3.0"}
	}
	return strings.Fields(c.releases)
}

// refusedBy provokes the refusals of every class that Keras itself would not refuse.
func refusedBy(t *testing.T) map[string][]layerRefusal {
	out := map[string][]layerRefusal{}
	add := func(v keras.Version, c refusal) {
		_, err := lowerClass(t, v, classTest{class: c.class, config: c.config, in: c.in})
		var at *Error
		if !errors.Is(err, keras.ErrUnsupported) || !errors.As(err, &at) {
			return
		}
		what := "an input " + c.in
		if c.config != "{}" {
			what = c.config
		}
		if strings.Contains(c.in, "mask:") || strings.Contains(c.in, "[null,null") {
			what += " on " + c.in
		}
		if v.Text != keras3.Text {
			what += " of Keras " + v.Text
		}
		why := strings.TrimPrefix(at.Err.Error(), keras.ErrUnsupported.Error()+": ")
		out[c.class] = append(out[c.class], layerRefusal{what, why})
	}
	for _, c := range refusals {
		add(keras3, c)
	}
	for _, c := range oldRefusals {
		add(c.version, c.refusal)
	}
	for _, c := range builtinClasses {
		for _, r := range c.versions() {
			v := keras.ParseVersion(r)
			s := &scope{class: c.name, shared: &shared{version: v}}
			if s.maskRule() == refuseMask {
				out[c.name] = append(out[c.name], layerRefusal{fmt.Sprintf("a masked input of Keras %d", v.Major), "what it does with the mask is not built"})
			}
		}
	}
	return out
}

// layersPage writes docs/LAYERS.md.
func layersPage(list *layersList) string {
	var b strings.Builder
	b.WriteString(`# Layers

Generated from the source, the golden cases and the refusals in the tests by ` + "`go test ./runtime/layers -run TestLayersDoc -update`" + `; do not
edit. ` + "`kerasrun layers`" + ` and ` + "`kerasrun layers CLASS`" + ` print the same.

Every class reads the configs of all Kerases that have it. **Keras** names the first release of each, as far as releases were looked at:
1.0.8, 1.1.2, 1.2.2, 2.0 to 2.3, 2.6 to 2.15 and 3.0 to 3.15; 2.6 is the first of tf.keras in a package of its own, and stands for earlier
ones too. The merging classes were one class of Keras 1, Merge.

**Options** are config keys with their defaults; where Keras has none, 0, False or None stands for it. A key that is not listed is an
error unless it is null, belongs to every layer (name, trainable, dtype, batch_shape) or ends in ` + "`_initializer`, `_regularizer` or `_constraint`" + `.
Keys marked *training* are accepted and change nothing. For every option but a few that a test names, both Kerases have answered in a
case with another value than the default. **Cases** counts the files of golden cases in which the class occurs, of Keras 3 and of tf_keras,
and leads to their names.

**Refused** counts what Keras does and kerasrun does not, and leads to what and why. Besides, every class is refused that is called with
training=True where that makes its result random, or with arguments that are not known. Refused altogether, unless supplied with
` + "`WithLayer`" + `: Lambda, TFSMLayer, and classes that are not in this table.

Besides these classes: InputLayer, Sequential, Functional (also as layers of another model), and the functions at the end.

`)
	for i, e := range list.Layers {
		if i == 0 || e.Section != list.Layers[i-1].Section {
			fmt.Fprintf(&b, "\n%s\n\n| class | Keras | options | cases | refused |\n|---|---|---|--:|--:|\n", e.Section)
		}
		var options []string
		for _, o := range e.Options {
			if !o.Training {
				options = append(options, "`"+o.Key+"="+o.Default+"`")
			}
		}
		link := strings.ToLower(e.Class)
		refused := ""
		if n := len(e.Refused); n > 0 {
			refused = fmt.Sprintf("[%d](#%s)", n, link)
		}
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | [%d](#%s) | %s |\n", e.Class, link, shortReleases(e.Keras), strings.Join(options, " "), e.Files, link, refused)
	}
	for i, e := range list.Layers {
		if i == 0 || e.Section != list.Layers[i-1].Section {
			b.WriteString("\n## " + e.Section + "\n")
		}
		b.WriteString("\n### " + e.Class + "\n\n" + markdown(e.About))
		b.WriteString("Keras: " + shortReleases(e.Keras) + "\n\n")
		var options []string
		for _, o := range e.Options {
			if o.Training {
				options = append(options, "`"+o.Key+"` *training*")
			} else {
				options = append(options, "`"+o.Key+"="+o.Default+"`")
			}
		}
		if len(options) > 0 {
			b.WriteString("Options: " + strings.Join(options, ", ") + "\n\n")
		}
		if len(e.Refused) > 0 {
			b.WriteString("Refused:\n\n")
			for _, r := range e.Refused {
				b.WriteString("- `" + r.What + "`: " + r.Why + "\n")
			}
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "Cases, %d files: %s\n", e.Files, strings.Join(e.Cases, ", "))
	}
	b.WriteString("\n## Operations\n\nClasses of `keras.ops` that stand in a model as nodes: ")
	b.WriteString(strings.Join(list.Operations, ", "))
	b.WriteString(".\n\nFunctions of TensorFlow in files of tf.keras (TFOpLambda, SlicingOpLambda): ")
	b.WriteString(strings.Join(list.Functions, ", ") + ".\n")
	b.WriteString("\nOps of TensorFlow in files of tf.keras 1.13 to 2.3 (TensorFlowOpLayer): ")
	b.WriteString(strings.Join(operation.TFOps(), ", ") + ".\n")
	return b.String()
}

// shortReleases writes releases without a minor version of 0: "1, 2.6, 3".
func shortReleases(releases []string) string {
	var out []string
	for _, r := range releases {
		out = append(out, strings.TrimSuffix(r, ".0"))
	}
	return strings.Join(out, ", ")
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
