//go:build !race

package step

const raceDetector = false
