package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestExportedDocs holds that every exported name of a package that others can import says what it is: types, functions
// and methods each, constants and variables each or as a group. Generated files have their words in what they are made of.
func TestExportedDocs(t *testing.T) {
	files(t, func(folder, name string) {
		if strings.HasSuffix(name, "_test.go") || strings.Contains("/"+folder+"/", "/internal/") {
			return
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		require.NoError(t, err)
		if f.Name.Name == "main" || ast.IsGenerated(f) {
			return
		}
		missing := func(id *ast.Ident) { t.Errorf("%s: %s has no doc comment", set.Position(id.Pos()), id.Name) }
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || receiverExported(d.Recv.List[0].Type)) {
					missing(d.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
							missing(s.Name)
						}
					case *ast.ValueSpec:
						if d.Doc != nil || s.Doc != nil || s.Comment != nil {
							continue
						}
						for _, id := range s.Names {
							if id.IsExported() {
								missing(id)
							}
						}
					}
				}
			}
		}
	})
}

// receiverExported says whether a method's receiver is an exported type.
func receiverExported(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiverExported(e.X)
	case *ast.IndexExpr:
		return receiverExported(e.X)
	case *ast.IndexListExpr:
		return receiverExported(e.X)
	case *ast.Ident:
		return e.IsExported()
	}
	return false
}
