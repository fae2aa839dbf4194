package runtime

import "time"

// A gauge decides, run by run, whether a session takes the team. Where other
// programs want the processors, or two workers got the same one, waiting for
// the ends of steps makes a run on the team slower than one on a single thread.
// So a session knows how long a run alone takes, and after runs on the team
// that took longer it keeps off it for a while: for some runs, then four times
// as many and so on until the team is the faster again.
type gauge struct {
	runs    int
	alone   time.Duration // the least time of recent runs alone
	slow    int           // runs on the team that took longer than that, less those that did not
	skip    int           // runs alone before the team is tried again
	penalty int           // what skip was last
	poor    int           // runs on the team that were little faster, without a good one between
}

const (
	// Runs 2 and 3 are always alone. The first ones are longer than others: they
	// meet cold caches and memory that was never touched.
	firstAlone, lastAlone = 2, 3

	// A run of less than shortRun has to be slow mostSlow times: the first time it
	// may have had to wake the workers.
	shortRun   = time.Millisecond / 2
	mostSlow   = 4
	leastSkips = 4
	mostSkips  = 256
	agePercent = 1 // by which alone grows a run, so that what was once does not hold for ever
)

// team reports whether the next run should be on the team.
func (g *gauge) team() bool {
	if g.runs >= firstAlone && g.runs <= lastAlone {
		return false
	}
	if g.skip > 0 {
		g.skip--
		return false
	}
	return true
}

// parts reports whether the workers should look whether they are on the same
// processor: after the first run that was little faster, the second, the fourth
// and so on.
func (g *gauge) parts() bool { return g.poor > 0 && g.poor&(g.poor-1) == 0 }

// ran counts a run that took t.
func (g *gauge) ran(team bool, t time.Duration) {
	g.runs++
	switch {
	case !team && g.runs > firstAlone:
		if older := g.alone + g.alone*agePercent/100; g.alone == 0 || t < older {
			g.alone = t
		} else {
			g.alone = older
		}
	case team && g.alone > 0:
		g.compare(t)
	}
}

// compare counts a run on the team that took t.
func (g *gauge) compare(t time.Duration) {
	if t > g.alone*3/4 {
		g.poor++
	} else {
		g.poor = 0
	}
	if t <= g.alone {
		if g.slow--; g.slow < 0 {
			g.slow, g.penalty = 0, 0
		}
		return
	}
	if g.slow++; g.slow >= mostSlow || t >= shortRun {
		g.penalty = min(max(leastSkips, 4*g.penalty), mostSkips)
		g.slow, g.skip = 0, g.penalty
	}
}
