package runtime

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// runsOf lets a gauge choose n runs and returns how many were on the team.
func runsOf(g *gauge, n int, alone, team time.Duration) (onTeam int) {
	for range n {
		t, took := g.team(), alone
		if t {
			took = team
			onTeam++
		}
		g.ran(t, took)
	}
	return onTeam
}

// A session whose runs are faster on the team keeps to it; one whose runs are
// slower comes back now and then to look, and stays when that has changed.
func TestGauge(t *testing.T) {
	var g gauge
	require.Equal(t, 999, runsOf(&g, 1000, 100, 60), "all but the trial")
	require.Less(t, runsOf(&g, 1000, 100, 150), 30)
	require.Greater(t, runsOf(&g, 1000, 100, 60), 900)
	require.Less(t, runsOf(&g, 1000, 100, 101), 30)

	// What a run alone once took is forgotten when all runs take longer.
	require.Less(t, runsOf(&g, 1000, 300, 400), 30)
	require.Greater(t, runsOf(&g, 1000, 300, 200), 900)
}
