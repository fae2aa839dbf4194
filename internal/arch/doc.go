// Package arch holds tests of the source tree itself: who may import whom, what
// the library links, that packages are documented and folders stay small, and
// that generated files are fresh.
package arch
