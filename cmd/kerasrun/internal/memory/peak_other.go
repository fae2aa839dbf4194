//go:build !linux && !darwin

package memory

// Peak returns 0: the system does not say, or not in a way common to all.
func Peak() (float64, error) { return 0, nil }
