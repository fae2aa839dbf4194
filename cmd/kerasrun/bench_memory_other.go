//go:build !linux && !darwin

package main

// peakMemory returns 0: the system does not say, or not in a way common to all.
func peakMemory() (float64, error) { return 0, nil }
