//go:build !purego

package cpu

//go:noescape
func fmaNEON(args *int)

func burstOf(v Variant) burst {
	if v == NEON {
		return burst{fmaNEON, 24 * 4 * 2}
	}
	return burst{fmaGeneric, 12 * 2}
}
