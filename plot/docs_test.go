package plot_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/plot"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite docs/plots")

//go:generate go test . -run TestDocs -update

// The drawings of docs/plots.md are those that the models of testdata/plots give today.
func TestDocs(t *testing.T) {
	files, err := filepath.Glob("../testdata/plots/*.json")
	require.NoError(t, err)
	require.Len(t, files, 10)
	page, err := os.ReadFile("../docs/plots.md")
	require.NoError(t, err)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			src, err := kerasrun.OpenArchitecture(file)
			require.NoError(t, err)
			defer src.Close()
			g, err := plot.New(src.Arch, src.Program, plot.Options{})
			require.NoError(t, err)
			var b bytes.Buffer
			require.NoError(t, g.WriteSVG(&b))
			to := "../docs/plots/" + name + ".svg"
			if *update {
				require.NoError(t, os.MkdirAll("../docs/plots", 0o777))
				require.NoError(t, os.WriteFile(to, b.Bytes(), 0o666))
			}
			want, err := os.ReadFile(to)
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, b.Bytes()), "docs/plots/%s.svg is not what kerasrun plot draws; make generate", name)
			require.Contains(t, string(page), "plots/"+name+".svg")
		})
	}
}
