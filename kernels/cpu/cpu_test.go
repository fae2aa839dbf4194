package cpu

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestChoose(t *testing.T) {
	runnable := []Variant{"fast", Generic}
	require.Equal(t, Variant("fast"), choose("", runnable))
	require.Equal(t, Generic, choose("generic", runnable))
	require.Equal(t, Variant("fast"), choose("other", runnable))
}

func TestGenericIsAlwaysThere(t *testing.T) {
	require.Contains(t, variants(), Generic)
	require.Contains(t, variants(), Active())
}
