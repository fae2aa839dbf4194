package thirdparty

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

//go:generate go test . -run TestPage -update

var update = flag.Bool("update", false, "rewrite docs/THIRD_PARTY.md")

// TestPage holds that docs/THIRD_PARTY.md is what the tables say, and that every
// class has a golden case. Rewrite it with go test ./runtime/layers/thirdparty -update.
func TestPage(t *testing.T) {
	const page = "../../../docs/THIRD_PARTY.md"
	cases := goldenCases(t)
	var b strings.Builder
	b.WriteString(`# Third-party layers

Generated from the tables of runtime/layers/thirdparty; do not edit.

` + "`kerasrun.WithThirdPartyLayers()` and the flag `--third-party`" + ` load these classes and activations, which packages other than Keras define. A file
says what a class is called and not whose it is: a class that is registered by another package than its source's, or whose config lacks the
keys that tell it, is refused. Each has golden cases made by real Keras with its definition in Python. For others see
` + "`kerasrun.WithLayer`" + `.

| class | what it computes | source | cases |
| --- | --- | --- | --- |
`)
	for _, c := range Classes {
		_, name, packaged := strings.Cut(c.Name, ">")
		if !packaged {
			name = c.Name
		}
		require.NotEmpty(t, cases[name], "class %s has no golden case: add a line to python/custom.py", c.Name)
		b.WriteString("| " + c.Name + " | " + c.What + " | " + c.Source + " | " + strings.Join(cases[name], ", ") + " |\n")
	}
	b.WriteString("\n| activation | what it computes | source |\n| --- | --- | --- |\n")
	for _, a := range Activations {
		b.WriteString("| " + a.Name + " | " + a.What + " | " + a.Source + " |\n")
	}
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(b.String()), 0o644))
	}
	got, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, b.String(), string(got), "stale: run go test ./runtime/layers/thirdparty -update")
}

// goldenCases lists the golden cases of each class.
func goldenCases(t *testing.T) map[string][]string {
	names, err := filepath.Glob("../../../testdata/custom/tp_*/case.json")
	require.NoError(t, err)
	out := map[string][]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		var c struct{ Classes []string }
		require.NoError(t, json.Unmarshal(text, &c))
		for _, class := range c.Classes {
			out[class] = append(out[class], filepath.Base(filepath.Dir(name)))
		}
	}
	return out
}
