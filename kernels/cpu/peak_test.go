package cpu

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Every variant's burst comes to an end and counts. How fast is the machine's affair.
func TestPeak(t *testing.T) {
	before := active
	t.Cleanup(func() { active = before })
	for _, active = range Runnable() {
		peak := PeakFLOPS()
		require.Positive(t, peak, active)
		t.Logf("%s: %.1f GFLOP/s", active, peak/1e9)
	}
}
