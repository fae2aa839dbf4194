//go:build race

package step

// raceDetector says that pools drop some of what they are given, to show races: runs then allocate.
const raceDetector = true
