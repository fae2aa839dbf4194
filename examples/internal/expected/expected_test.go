package expected

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/vision"
)

// An example is read at one sitting.
func TestExamplesAreShort(t *testing.T) {
	names, err := filepath.Glob("../../*/main.go")
	require.NoError(t, err)
	require.Len(t, names, 5)
	for _, name := range names {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Less(t, bytes.Count(text, []byte("\n")), 80, name)
	}
}

func TestCut(t *testing.T) {
	sheet := vision.NewPixels(4, 6, 1)
	for i := range sheet.Data {
		sheet.Data[i] = float32(i)
	}
	cut := Cut(sheet, 2)
	require.Len(t, cut, 6)
	require.Equal(t, []float32{0, 1, 6, 7}, cut[0].Data)
	require.Equal(t, []float32{16, 17, 22, 23}, cut[5].Data)
}
