package arch

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// outside lists the modules that the library's own packages may link.
var outside = []string{"github.com/sbinet/npyio", "gonum.org/v1/gonum", "golang.org/x/sys"}

// TestDoorDependencies holds that a program that predicts links the standard
// library and little else: no command line, protobuf or plot package.
func TestDoorDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", module).Output() // not what it says of downloads
	require.NoError(t, err, "go list")
	for _, p := range strings.Fields(string(out)) {
		ok := strings.HasPrefix(p, module)
		for _, o := range outside {
			ok = ok || p == o || strings.HasPrefix(p, o+"/")
		}
		if !ok && !strings.HasPrefix(p, "github.com/nlpodyssey/gopickle") && !strings.HasPrefix(p, "golang.org/x/text") { // of npyio
			t.Errorf("package kerasrun links %s", p)
		}
	}
}

// TestPackageDocs holds that every package says what it is.
func TestPackageDocs(t *testing.T) {
	documented := map[string]bool{}
	files(t, func(folder, name string) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.PackageClauseOnly|parser.ParseComments)
		require.NoError(t, err)
		documented[folder] = documented[folder] || f.Doc != nil
	})
	for folder, ok := range documented {
		require.True(t, ok, "package in %q has no doc comment", folder)
	}
}

// TestFolderSize keeps folders and files at a size one can survey.
func TestFolderSize(t *testing.T) {
	count := map[string]int{}
	files(t, func(folder, name string) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		count[folder]++
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		if n := bytes.Count(text, []byte("\n")); n > 700 && !bytes.Contains(text[:min(len(text), 200)], []byte("Code generated")) {
			t.Errorf("%s has %d lines; split it by subject", name, n)
		}
	})
	for folder, n := range count {
		if n > 26 {
			t.Errorf("%q has %d Go files; split it", folder, n)
		}
	}
}

// TestNoPlaces holds that nothing in the tree depends on where it was made.
func TestNoPlaces(t *testing.T) {
	words := []string{"/ro" + "ot/", "/wo" + "rk/", "proxy.go" + "lang", "pypi.o" + "rg"}
	out, err := exec.Command("git", "-C", "../..", "ls-files").Output()
	if err != nil {
		t.Skip("not a git checkout: no list of the tree's files")
	}
	for _, name := range strings.Fields(string(out)) {
		switch filepath.Ext(name) {
		case ".go", ".py", ".md", ".txt", ".json", ".yml", "":
		default:
			continue
		}
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil || len(text) > 1<<20 {
			continue
		}
		for _, w := range words {
			if bytes.Contains(text, []byte(w)) {
				t.Errorf("%s names %s", name, w)
			}
		}
	}
}
