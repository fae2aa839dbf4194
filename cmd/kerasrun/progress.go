package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// manyFiles is from how many files on progress is shown.
const manyFiles = 20

// A progress shows how far the work is; it may be nil.
type progress struct{ bar *progressbar.ProgressBar }

// progress returns a bar on standard error for n files, when that is a terminal
// and n is large.
func (a *app) progress(n int) *progress { return a.progressOf(n, "files") }

// progressOf is progress for n of something else than files. The bar shows how many are done, how many a second, and how long the
// rest takes.
func (a *app) progressOf(n int, what string) *progress {
	if n <= manyFiles || a.quiet || !isTerminal(a.err) {
		return nil
	}
	return &progress{progressbar.NewOptions(n,
		progressbar.OptionSetWriter(a.err),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(what),
		progressbar.OptionSetWidth(30),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(100*time.Millisecond),
	)}
}

// Add counts n files as done.
func (p *progress) Add(n int) {
	if p != nil {
		_ = p.bar.Add(n) // a bar that cannot be drawn is no failure
	}
}

// Finish removes the bar.
func (p *progress) Finish() {
	if p != nil {
		_ = p.bar.Clear()
	}
}
