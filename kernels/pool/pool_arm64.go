//go:build !purego

package pool

// A kernel of RxC computes up to R outputs of a row, C channels at a time.
//
//go:noescape
func maxNEON_7x4(args *poolArgs)

//go:noescape
func maxNEON_1x16(args *poolArgs)

//go:noescape
func averageNEON_7x4(args *poolArgs)

//go:noescape
func averageNEON_1x16(args *poolArgs)

//go:noescape
func topNEON_1x4(args *poolArgs)

//go:noescape
func topNEON_1x16(args *poolArgs)

// run calls the kernel that kernelFor chose.
func (a *poolArgs) run(k kind, _ int, deep bool) {
	switch {
	case k == maximum && deep:
		maxNEON_1x16(a)
	case k == maximum:
		maxNEON_7x4(a)
	case k == average && deep:
		averageNEON_1x16(a)
	case k == average:
		averageNEON_7x4(a)
	case deep:
		topNEON_1x16(a)
	default:
		topNEON_1x4(a)
	}
}
