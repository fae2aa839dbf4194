package arch

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAssemblyIsFresh holds that the assembly in the tree is what the generator writes.
func TestAssemblyIsFresh(t *testing.T) {
	dir := t.TempDir()
	out, err := exec.Command("go", "run", "../../kernels/_asm", "-dir", dir).CombinedOutput()
	require.NoError(t, err, string(out))
	files := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		name, err := filepath.Rel(dir, path)
		require.NoError(t, err)
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join("../../kernels", name))
		require.NoError(t, err)
		require.True(t, string(want) == string(got), "kernels/%s is stale: run make generate", name)
		return nil
	})
	require.NoError(t, err)
	require.Positive(t, files)
}
