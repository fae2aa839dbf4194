//go:build !purego

package cpu

//go:noescape
func fmaAVX512(args *int)

//go:noescape
func fmaAVX2(args *int)

func burstOf(v Variant) burst {
	switch v {
	case AVX512:
		return burst{fmaAVX512, 12 * 16 * 2}
	case AVX2:
		return burst{fmaAVX2, 12 * 8 * 2}
	}
	return burst{fmaGeneric, 12 * 2}
}
