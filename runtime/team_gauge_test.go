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
	for _, unit := range []time.Duration{time.Microsecond / 10, time.Millisecond} {
		var g gauge
		require.Equal(t, 998, runsOf(&g, 1000, 100*unit, 60*unit), "all but two")
		require.Less(t, runsOf(&g, 1000, 100*unit, 150*unit), 40)
		require.Greater(t, runsOf(&g, 1000, 100*unit, 60*unit), 700)
		require.Less(t, runsOf(&g, 1000, 100*unit, 101*unit), 40)

		// What a run alone once took is forgotten when all runs take longer.
		require.Less(t, runsOf(&g, 1000, 300*unit, 400*unit), 40)
		require.Greater(t, runsOf(&g, 1000, 300*unit, 200*unit), 700)
	}
}

// One slow run changes nothing where runs are short: it had to wake the workers.
func TestGaugeForgives(t *testing.T) {
	var g gauge
	runsOf(&g, 10, 100, 60)
	for range 100 {
		require.Equal(t, 1, runsOf(&g, 1, 100, 120))
		require.Equal(t, 5, runsOf(&g, 5, 100, 60))
	}
}

// Workers look where they are after 1, 2, 4, ... runs that were little faster.
func TestGaugeParts(t *testing.T) {
	var g gauge
	runsOf(&g, 10, 100, 60)
	var at []int
	for i := range 20 {
		runsOf(&g, 1, 100, 90)
		if g.parts() {
			at = append(at, i+1)
		}
	}
	require.Equal(t, []int{1, 2, 4, 8, 16}, at)
	runsOf(&g, 1, 100, 60)
	require.False(t, g.parts())
}
