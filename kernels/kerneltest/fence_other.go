//go:build !linux

package kerneltest

import "testing"

// Fenced is [Guarded] where pages cannot be protected.
func Fenced(t testing.TB, n int) []float32 {
	t.Helper()
	return Guarded(t, n)
}
