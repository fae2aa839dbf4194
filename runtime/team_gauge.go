package runtime

import "time"

// A gauge decides, run by run, whether a session takes the team. Where other
// programs want the processors, or two workers got the same one, waiting for
// the ends of steps makes a run on the team slower than one on a single thread.
// So a session knows how long a run alone takes, and after a run on the team
// that took longer it keeps off it for a while: for one run, then two, four and
// so on until the team is the faster again.
type gauge struct {
	runs    int
	alone   time.Duration // the least time of recent runs alone
	skip    int           // runs alone before the team is tried again
	penalty int           // what skip was last
}

const (
	// trialRun is the number of the run that is always alone. The first ones are longer than
	// others: they meet cold caches and memory that was never touched.
	trialRun   = 2
	mostSkips  = 64
	agePercent = 1 // by which alone grows a run, so that what was once does not hold for ever
)

// team reports whether the next run should be on the team.
func (g *gauge) team() bool {
	if g.runs == trialRun {
		return false
	}
	if g.skip > 0 {
		g.skip--
		return false
	}
	return true
}

// ran counts a run that took t.
func (g *gauge) ran(team bool, t time.Duration) {
	g.runs++
	switch {
	case !team && g.runs > trialRun:
		if older := g.alone + g.alone*agePercent/100; g.alone == 0 || t < older {
			g.alone = t
		} else {
			g.alone = older
		}
	case team && g.alone > 0 && t > g.alone:
		g.penalty = min(max(1, 2*g.penalty), mostSkips)
		g.skip = g.penalty
	case team:
		g.penalty = 0
	}
}
