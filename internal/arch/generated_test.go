package arch

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAssemblyIsFresh holds that the assembly in the tree is what the generator writes.
func TestAssemblyIsFresh(t *testing.T) {
	for generator, family := range map[string]string{"../../kernels/_asm": "conv", "../../kernels/_asm/depthwise": "conv", "../../kernels/_asm/pool": "pool"} {
		dir := t.TempDir()
		out, err := exec.Command("go", "run", generator, "-dir", dir).CombinedOutput()
		require.NoError(t, err, string(out))
		names, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.NotEmpty(t, names)
		for _, n := range names {
			want, err := os.ReadFile(filepath.Join(dir, n.Name()))
			require.NoError(t, err)
			got, err := os.ReadFile(filepath.Join("../../kernels", family, n.Name()))
			require.NoError(t, err)
			require.True(t, string(want) == string(got), "%s/%s is stale: run make generate", family, n.Name())
		}
	}
}
