package runtime

import (
	"context"
	"fmt"
	goruntime "runtime"
	"slices"
	"testing"
	"time"
)

// BenchmarkTeam runs 50 steps of 8 chunks and reports how much longer than its
// share of the work a step takes, in the median and in the least run.
func BenchmarkTeam(b *testing.B) {
	const steps, chunks = 50, 8
	turn := func(n int, scratch []float32) {
		x := scratch[0]
		for range n {
			x = x*0.5 + 1
		}
		scratch[0] = x
	}
	turnsPerMicro := calibrate(turn)
	for _, micros := range []int{5, 20, 100} {
		n := int(turnsPerMicro * float64(micros) / chunks)
		st := &fakeStep{chunks, func(_ int, scratch []float32) error { turn(n, scratch); return nil }}
		all := make([]*fakeStep, steps)
		for i := range all {
			all[i] = st
		}
		p := fakePlan(all...)
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%dus/threads=%d", micros, threads), func(b *testing.B) {
				if goruntime.GOMAXPROCS(0) < threads {
					b.Skip("too few processors")
				}
				s := newSession(p, threads)
				times := make([]float64, b.N)
				for i := range b.N {
					start := time.Now()
					if err := s.runSteps(context.Background()); err != nil {
						b.Fatal(err)
					}
					times[i] = float64(time.Since(start)) / steps
				}
				slices.Sort(times)
				ideal := float64(n*chunks) / turnsPerMicro * 1000 / float64(threads)
				b.ReportMetric(times[len(times)/2], "ns/step")
				b.ReportMetric(times[len(times)/2]-ideal, "ns-overhead/step")
				b.ReportMetric(times[0]-ideal, "ns-least-overhead/step")
			})
		}
	}
}

// calibrate returns how many turns take a microsecond when nothing disturbs.
func calibrate(turn func(int, []float32)) float64 {
	const n = 10000
	best := time.Hour
	for range 200 {
		start := time.Now()
		turn(n, make([]float32, 1))
		best = min(best, time.Since(start))
	}
	return n / (float64(best) / 1000)
}
