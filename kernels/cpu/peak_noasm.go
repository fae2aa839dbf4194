//go:build purego || !(amd64 || arm64)

package cpu

func burstOf(Variant) burst { return burst{fmaGeneric, 12 * 2} }
