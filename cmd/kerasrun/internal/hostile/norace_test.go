//go:build !race

package hostile

// raceDetector says that memory and time are the detector's as well.
const raceDetector = false
