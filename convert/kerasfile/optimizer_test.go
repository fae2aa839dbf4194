package kerasfile

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/convert/target"
	"github.com/kerasrun/kerasrun/hdf5load"
	"github.com/kerasrun/kerasrun/runtime/source"
)

// The variables of the optimizer survive within Keras 3, unless they are pruned.
func TestOptimizer(t *testing.T) {
	m, err := source.Open("../../testdata/models/digits/model.keras", "", source.Options{})
	require.NoError(t, err)
	defer m.Close()
	require.NotEmpty(t, m.Optimizer)
	for _, prune := range []bool{false, true} {
		j := &target.Job{Model: m, Context: context.Background(), Options: target.Options{PruneOptimizer: prune}, Note: t.Logf}
		var archive, whole bytes.Buffer
		require.NoError(t, Archive(j, &archive))
		require.NoError(t, HDF5(j, &whole))
		for _, b := range [][]byte{archive.Bytes(), whole.Bytes()} {
			after, err := source.OpenReader(bytes.NewReader(b), int64(len(b)), source.Options{})
			require.NoError(t, err)
			if prune {
				require.Empty(t, after.Optimizer)
				continue
			}
			require.Len(t, after.Optimizer, len(m.Optimizer))
			for i, v := range m.Optimizer {
				require.Equal(t, raw(t, v), raw(t, after.Optimizer[i]), fmt.Sprint(i))
			}
		}
	}
}

func raw(t *testing.T, w hdf5load.Weight) []byte {
	n := w.ElemSize()
	for _, d := range w.Shape() {
		n *= d
	}
	b := make([]byte, n)
	require.NoError(t, w.ReadRaw(b))
	return b
}
