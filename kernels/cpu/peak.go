package cpu

import "time"

// A burst is a run of multiplications and additions that depend on nothing but
// themselves.
type burst struct {
	run   func(rounds *int)
	flops int // multiplications and additions of a round
}

const (
	// peakTime is what PeakFLOPS takes.
	peakTime = 4 * time.Millisecond
	// burstTime is how long one burst should be: shorter than a time slice of the
	// operating system, and long against a reading of the clock.
	burstTime = 50 * time.Microsecond
	// leastBursts is the fewest bursts: on a busy machine one can take all of
	// peakTime, and other threads.
	leastBursts = 20
)

// PeakFLOPS measures, in some milliseconds, the most float32 multiplications and
// additions that one core can do in a second with the active variant's
// instructions: no kernel can be faster. On a busy machine it is the best of
// many bursts.
func PeakFLOPS() float64 {
	b := burstOf(active)
	rounds, bursts, best := 1000, 0, 0.0
	for start := time.Now(); bursts < leastBursts || time.Since(start) < peakTime; {
		began := time.Now()
		b.run(&rounds)
		took := time.Since(began)
		if took < burstTime/2 {
			rounds *= 2 // and do not count a burst that the clock cannot measure
			continue
		}
		bursts++
		best = max(best, float64(rounds*b.flops)/took.Seconds())
	}
	return best
}

// fmaGeneric is the burst of plain Go: a scalar at a time.
func fmaGeneric(rounds *int) {
	const x, y = 0.5, 1
	var s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11 = float32(0), float32(1), float32(2), float32(3), float32(4), float32(5), float32(6), float32(7), float32(8), float32(9), float32(10), float32(11)
	for range *rounds {
		s0 = s0*x + y
		s1 = s1*x + y
		s2 = s2*x + y
		s3 = s3*x + y
		s4 = s4*x + y
		s5 = s5*x + y
		s6 = s6*x + y
		s7 = s7*x + y
		s8 = s8*x + y
		s9 = s9*x + y
		s10 = s10*x + y
		s11 = s11*x + y
	}
	if s0+s1+s2+s3+s4+s5+s6+s7+s8+s9+s10+s11 < 0 { // never: but the sums are needed
		*rounds = 0
	}
}
