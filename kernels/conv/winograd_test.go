package conv

import (
	"fmt"
	"math"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/kernels/kerneltest"
)

// winogradCase is a batch of images, its kernel and how its outputs end.
type winogradCase struct {
	Winograd
	images      int
	src, kernel []float32
	epi         Epilogue
}

func newWinogradCase(r *rand.Rand, s Winograd, images int) *winogradCase {
	c := &winogradCase{Winograd: s, images: images}
	c.src = kerneltest.Random(r, (images*s.InH*s.InW-1)*orElse(s.SrcStride, s.InC)+s.InC)
	c.kernel = kerneltest.Random(r, 9*s.InC*s.OutC)
	if r.Intn(3) > 0 {
		c.epi.Bias = kerneltest.Random(r, s.OutC)
	}
	if !s.Pool && r.Intn(2) == 0 {
		c.epi.ResidualStride = s.OutC + r.Intn(3)
		c.epi.Residual = kerneltest.Random(r, images*s.OutH*s.OutW*c.epi.ResidualStride)
	}
	if r.Intn(2) == 0 {
		c.epi.Clamp, c.epi.Lo, c.epi.Hi = true, 0, float32(math.Inf(1))
	}
	return c
}

// plane returns the number of pixels of an output image.
func (c *winogradCase) plane() int {
	if c.Pool {
		return c.OutH / 2 * (c.OutW / 2)
	}
	return c.OutH * c.OutW
}

func (c *winogradCase) pack() []float32 {
	packed := make([]float32, c.PackedLen())
	PackWinograd(packed, c.kernel, &c.Winograd, 0, c.InC)
	return packed
}

// run computes all images at once, or in many parts, into a guarded slice.
func (c *winogradCase) run(t testing.TB, split bool) []float32 {
	t.Helper()
	dst := kerneltest.Guarded(t, (c.images*c.plane()-1)*orElse(c.DstStride, c.OutC)+c.OutC)
	src, packed, scratch := kerneltest.Copy(t, c.src), kerneltest.Copy(t, c.pack()), kerneltest.Guarded(t, c.Scratch())
	tiles, groups, step := c.images*c.Tiles(), c.ChannelGroups(), c.images*c.Tiles()
	if split {
		step, groups = 1, 1
	}
	for g := 0; g < c.ChannelGroups(); g += groups {
		for r := 0; r < tiles; r += step {
			for i := range scratch {
				scratch[i] = float32(math.NaN())
			}
			RunWinograd(&c.Winograd, dst, src, packed, &c.epi, r, r+step, g, g+groups, scratch)
		}
	}
	return dst
}

// want computes every image in float64, unpooled.
func (c *winogradCase) want() kerneltest.Sums {
	var all kerneltest.Sums
	size := c.InH * c.InW * orElse(c.SrcStride, c.InC)
	for n := range c.images {
		sums := kerneltest.Conv(kerneltest.Conv2D(c.Shape), c.src[n*size:], c.kernel)
		for i := range sums.Value {
			pixel := n*c.OutH*c.OutW + i/c.OutC
			for _, v := range []float32{c.epi.biasAt(i % c.OutC), c.epi.residualAt(pixel, i%c.OutC)} {
				sums.Value[i] += float64(v)
				sums.Abs[i] += math.Abs(float64(v))
			}
			if c.epi.Clamp {
				sums.Value[i] = math.Min(math.Max(sums.Value[i], float64(c.epi.Lo)), float64(c.epi.Hi))
			}
		}
		all.Value, all.Abs = append(all.Value, sums.Value...), append(all.Abs, sums.Abs...)
	}
	return all
}

// dense returns the outputs without the channels between them, which must be untouched.
func (c *winogradCase) dense(t testing.TB, dst []float32) []float32 {
	t.Helper()
	stride := orElse(c.DstStride, c.OutC)
	var got []float32
	for p := range c.images * c.plane() {
		got = append(got, dst[p*stride:][:c.OutC]...)
		for i := p*stride + c.OutC; i < min((p+1)*stride, len(dst)); i++ {
			require.True(t, kerneltest.IsUnset(dst[i]), "channel past the kernel's own written")
		}
	}
	return got
}

// check compares with float64: an error is bounded by the largest sum of
// absolute values in reach of the tile, taken here over the whole batch.
func (c *winogradCase) check(t testing.TB) {
	t.Helper()
	dst := c.run(t, false)
	require.Equal(t, bits(dst), bits(c.run(t, true)), "%+v: a split changes the result", c.Winograd)
	got, want := c.dense(t, dst), c.want()
	largest := 0.0
	for _, v := range want.Abs {
		largest = max(largest, v)
	}
	if c.Pool {
		want.Value = poolPairs(want.Value, c.images, c.OutH, c.OutW, c.OutC)
	}
	limit := 24 * largest * 0x1p-24
	for i, v := range got {
		if d := math.Abs(float64(v) - want.Value[i]); !(d <= limit) {
			require.Failf(t, "wrong element", "%+v: element %d is %v, want %v: off by %g, rounding explains %g", c.Winograd, i, v, want.Value[i], d, limit)
		}
	}
}

// poolPairs is max pooling of 2x2 without padding.
func poolPairs[T float32 | float64](x []T, images, h, w, c int) []T {
	var y []T
	for n := range images {
		for i := range h / 2 {
			for k := range w / 2 {
				for ch := range c {
					v := T(-math.MaxFloat32)
					for _, p := range [4]int{0, 1, w, w + 1} {
						if u := x[(n*h*w+2*i*w+2*k+p)*c+ch]; u > v {
							v = u
						}
					}
					y = append(y, v)
				}
			}
		}
	}
	return y
}

// same3x3 is a 3x3 convolution of stride 1 whose output has a size of its own.
func same3x3(outH, outW, padTop, padLeft, in, out int) Winograd {
	s := valid3x3(1, in, out)
	s.OutH, s.OutW, s.PadTop, s.PadLeft = outH, outW, padTop, padLeft
	s.InH, s.InW = max(1, outH+2-2*padTop), max(1, outW+2-2*padLeft)
	return Winograd{Shape: s}
}

// sized is s with tiles of the given size.
func sized(size int, s Winograd) Winograd {
	s.Size = size
	return s
}

// eachWinograd runs a test with every variant this processor has and every size
// of tiles.
func eachWinograd(t *testing.T, test func(t *testing.T, size int)) {
	eachVariant(t, func(t *testing.T) {
		for _, size := range []int{2, 4} {
			t.Run(fmt.Sprintf("%dx%d", size, size), func(t *testing.T) { test(t, size) })
		}
	})
}

// Tiles of 2x2 outputs use the first points of those of 4x4: their weights are
// the same bits.
func TestWinogradSizesShareWeights(t *testing.T) {
	eachVariant(t, func(t *testing.T) {
		c := newWinogradCase(rand.New(rand.NewSource(9)), sized(4, same3x3(4, 4, 0, 0, 5, 48)), 1)
		large := c.pack()
		c.Size = 2
		small := c.pack()
		point := len(small) / 16
		require.Equal(t, 36*point, len(large))
		for y := range 4 {
			for x := range 4 {
				require.Equal(t, bits(large[(6*y+x)*point:][:point]), bits(small[(4*y+x)*point:][:point]), "point %d, %d", y, x)
			}
		}
	})
}

// A convolution has one size of tiles, whatever the batch: small ones where an
// image has few pixels for its channels.
func TestWinogradChooses(t *testing.T) {
	for _, c := range []struct{ size, n, in, out int }{{2, 7, 512, 512}, {2, 8, 512, 512}, {4, 14, 256, 256}, {4, 14, 512, 512}, {4, 11, 32, 64}, {4, 56, 64, 64}} {
		s := same3x3(c.n, c.n, 1, 1, c.in, c.out)
		s.Choose()
		require.Equal(t, c.size, s.Size, "%+v", c)
	}
}

// Every size of an image, with and without padding on every side.
func TestWinogradSizes(t *testing.T) {
	eachWinograd(t, func(t *testing.T, size int) {
		r := rand.New(rand.NewSource(1))
		for h := 1; h <= 20; h++ {
			for w := 1; w <= 20; w++ {
				s := sized(size, same3x3(h, w, r.Intn(3), r.Intn(3), 1+r.Intn(9), 1+r.Intn(9)))
				// An input that ends early: padding below and to the right, more than 2 even.
				s.InH, s.InW = max(1, s.InH-r.Intn(4)), max(1, s.InW-r.Intn(4))
				s.Pool = h > 1 && w > 1 && r.Intn(3) == 0
				newWinogradCase(r, s, 1+r.Intn(3)).check(t)
			}
		}
	})
}

// Every number of channels, in images that are wider than the channels.
func TestWinogradChannels(t *testing.T) {
	eachWinograd(t, func(t *testing.T, size int) {
		r := rand.New(rand.NewSource(2))
		step := 1
		if testing.Short() {
			step = 7 // prime to the registers' widths: all remainders are there
		}
		for n := 1; n <= 70; n += step {
			for _, k := range [][2]int{{n, 1 + r.Intn(70)}, {1 + r.Intn(70), n}, {1 + r.Intn(300), 60 + n}} {
				s := sized(size, same3x3(1+r.Intn(9), 1+r.Intn(9), r.Intn(2), r.Intn(2), k[0], k[1]))
				s.Pool = s.OutH > 1 && s.OutW > 1 && r.Intn(3) == 0
				if r.Intn(2) == 0 {
					s.SrcStride, s.DstStride = k[0]+r.Intn(5), k[1]+r.Intn(5)
				}
				newWinogradCase(r, s, 1+r.Intn(2)).check(t)
			}
		}
	})
}

// Pooling within the output transform gives the bits of pooling afterwards, and
// of a residual of zeros.
func TestWinogradPool(t *testing.T) {
	eachWinograd(t, func(t *testing.T, size int) {
		r := rand.New(rand.NewSource(3))
		for range 60 {
			s := sized(size, same3x3(2+r.Intn(14), 2+r.Intn(14), 1, 1, 1+r.Intn(30), 1+r.Intn(90)))
			s.Pool = true
			c := newWinogradCase(r, s, 2)
			if r.Intn(3) == 0 { // NaN never wins
				c.src[r.Intn(len(c.src))] = float32(math.NaN())
			}
			pooled := c.run(t, false)
			c.Pool = false
			require.Equal(t, bits(poolPairs(c.evenTiles(t), c.images, c.OutH, c.OutW, c.OutC)), bits(pooled), "%+v", s)
		}
	})
}

// evenTiles is run, on an output cut to the even size that pooling needs, so
// that the tiles are the same.
func (c *winogradCase) evenTiles(t testing.TB) []float32 {
	c.OutH, c.OutW = c.OutH&^1, c.OutW&^1
	return c.run(t, false)
}

// An input that is not a number reaches the tiles that read it and no others.
func TestWinogradNaNStaysInItsTiles(t *testing.T) {
	eachWinograd(t, func(t *testing.T, size int) {
		r := rand.New(rand.NewSource(8))
		for range 40 {
			c := newWinogradCase(r, sized(size, same3x3(1+r.Intn(14), 1+r.Intn(14), 1, 1, 1+r.Intn(20), 1+r.Intn(20))), 1)
			c.epi.Clamp = false // -Inf is 0 behind a ReLU
			clean := c.run(t, false)
			y, x := r.Intn(c.InH), r.Intn(c.InW)
			odd := []float64{math.NaN(), math.Inf(-1)}[r.Intn(2)]
			c.src[(y*c.InW+x)*c.InC+r.Intn(c.InC)] = float32(odd)
			got := c.run(t, false)
			for tile := range c.Tiles() {
				_, y0, x0, h, w := c.Tile(tile)
				reads := y >= y0-1 && y <= y0+h && x >= x0-1 && x <= x0+w
				for i := range h {
					at := ((y0+i)*c.OutW + x0) * c.OutC
					if !reads {
						require.Equal(t, bits(clean[at:at+w*c.OutC]), bits(got[at:at+w*c.OutC]), "%+v", c.Winograd)
						continue
					}
					for k := range w { // windows that hold it
						if y0+i >= y-1 && y0+i <= y+1 && x0+k >= x-1 && x0+k <= x+1 {
							v := float64(got[at+k*c.OutC])
							require.True(t, math.IsNaN(v) || math.IsInf(odd, 0) && math.IsInf(v, 0), "%+v", c.Winograd)
						}
					}
				}
			}
		}
	})
}

// The root mean square of the error is at most 3 times that of a float32 sum
// over the taps, the largest error at most 5 times.
func TestWinogradError(t *testing.T) {
	eachWinograd(t, func(t *testing.T, size int) {
		r := rand.New(rand.NewSource(4))
		for _, dims := range [][3]int{{16, 32, 32}, {14, 64, 16}, {7, 512, 16}, {11, 32, 64}, {13, 48, 24}} {
			for _, kind := range []struct {
				name  string
				value func() float64
			}{
				{"relu of normal", func() float64 { return max(0, r.NormFloat64()) }},
				{"normal", r.NormFloat64},
				{"lognormal", func() float64 { return math.Exp(2 * r.NormFloat64()) }},
				{"0 to 255", func() float64 { return 255 * r.Float64() }},
			} {
				c := &winogradCase{Winograd: sized(size, same3x3(dims[0], dims[0], 1, 1, dims[1], dims[2])), images: 1}
				c.src = make([]float32, c.InH*c.InW*c.InC)
				for i := range c.src {
					c.src[i] = float32(kind.value())
				}
				c.kernel = kerneltest.Random(r, 9*c.InC*c.OutC)
				want := c.want().Value
				packed, direct := make([]float32, PackedLen(&c.Shape)), make([]float32, len(want))
				Pack(packed, c.kernel, &c.Shape)
				Run(&c.Shape, direct, c.src, packed, nil, 0, c.OutH)
				plain, got := c.oneSum(), c.run(t, false)
				rms, most := kerneltest.RMSError(got, want), largestError(got, want)
				t.Logf("%v %s: rms %.2g, of one sum %.2g, of Run %.2g; largest %.2g, %.2g, %.2g", dims, kind.name,
					rms, kerneltest.RMSError(plain, want), kerneltest.RMSError(direct, want), most, largestError(plain, want), largestError(direct, want))
				require.Less(t, rms, 3*kerneltest.RMSError(plain, want), "%v %s", dims, kind.name)
				require.Less(t, most, 5*largestError(plain, want), "%v %s", dims, kind.name)
			}
		}
	})
}

// oneSum is the convolution in float32, one sum an output.
func (c *winogradCase) oneSum() []float32 {
	y := make([]float32, c.OutH*c.OutW*c.OutC)
	for i := range y {
		o, x, row := i%c.OutC, i/c.OutC%c.OutW-c.PadLeft, i/c.OutC/c.OutW-c.PadTop
		for tap := range 9 {
			ix, iy := x+tap%3, row+tap/3
			if ix < 0 || ix >= c.InW || iy < 0 || iy >= c.InH {
				continue
			}
			for k := range c.InC {
				y[i] += c.src[(iy*c.InW+ix)*c.InC+k] * c.kernel[(tap*c.InC+k)*c.OutC+o]
			}
		}
	}
	return y
}

// largestError is relative to the largest number wanted.
func largestError(got []float32, want []float64) float64 {
	e, w := 0.0, 0.0
	for i, v := range got {
		e, w = max(e, math.Abs(float64(v)-want[i])), max(w, math.Abs(want[i]))
	}
	return e / w
}

// The weights packed in parts are those packed at once, whatever was there before.
func TestPackWinogradInParts(t *testing.T) {
	eachWinograd(t, func(t *testing.T, size int) {
		r := rand.New(rand.NewSource(5))
		for range 20 {
			c := newWinogradCase(r, sized(size, same3x3(4, 4, 0, 0, 1+r.Intn(20), 1+r.Intn(150))), 1)
			packed := kerneltest.Guarded(t, c.PackedLen())
			for i := range c.InC {
				PackWinograd(packed, c.kernel, &c.Winograd, i, i+1)
			}
			require.Equal(t, bits(c.pack()), bits(packed))
		}
	})
}

// Nothing is read or written behind the ends of slices.
func TestWinogradFenced(t *testing.T) {
	eachWinograd(t, func(t *testing.T, size int) {
		r := rand.New(rand.NewSource(6))
		for range 100 {
			s := sized(size, same3x3(1+r.Intn(9), 1+r.Intn(9), r.Intn(2), r.Intn(2), 1+r.Intn(40), 1+r.Intn(80)))
			s.Pool = s.OutH > 1 && s.OutW > 1 && r.Intn(2) == 0
			c := newWinogradCase(r, s, 1)
			dst := kerneltest.Fenced(t, c.plane()*s.OutC)
			epi := c.epi
			if epi.Residual != nil {
				epi.Residual = fenced(t, epi.Residual[:(c.plane()-1)*epi.ResidualStride+s.OutC])
			}
			if epi.Bias != nil {
				epi.Bias = fenced(t, epi.Bias)
			}
			RunWinograd(&c.Winograd, dst, fenced(t, c.src), fenced(t, c.pack()), &epi, 0, c.Tiles(), 0, c.ChannelGroups(), kerneltest.Fenced(t, c.Scratch()))
			require.Equal(t, bits(c.run(t, false)), bits(dst))
		}
	})
}

func TestWinogradAllocatesNothing(t *testing.T) {
	eachWinograd(t, func(t *testing.T, size int) {
		c := newWinogradCase(rand.New(rand.NewSource(7)), sized(size, same3x3(9, 9, 1, 1, 24, 70)), 1)
		packed, scratch, dst := c.pack(), make([]float32, c.Scratch()), make([]float32, 81*70)
		require.Zero(t, testing.AllocsPerRun(10, func() {
			RunWinograd(&c.Winograd, dst, c.src, packed, &c.epi, 0, c.Tiles(), 0, c.ChannelGroups(), scratch)
		}))
	})
}

func benchmarkWinograd(b *testing.B, s Winograd) {
	c := newWinogradCase(rand.New(rand.NewSource(1)), s, 1)
	c.epi = Epilogue{Bias: make([]float32, s.OutC), Clamp: true, Hi: 6}
	packed, scratch, dst := c.pack(), make([]float32, s.Scratch()), make([]float32, s.OutH*s.OutW*s.OutC)
	b.ResetTimer()
	for range b.N {
		RunWinograd(&c.Winograd, dst, c.src, packed, &c.epi, 0, s.Tiles(), 0, s.ChannelGroups(), scratch)
	}
	b.ReportMetric(2*float64(s.Multiplications())*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
}

func BenchmarkWinograd(b *testing.B) {
	pooled := same3x3(109, 109, 0, 0, 32, 64)
	pooled.Pool = true
	for _, c := range []struct {
		name string
		s    Winograd
	}{
		{"109x32to64", same3x3(109, 109, 0, 0, 32, 64)},
		{"109x32to64pool", pooled},
		{"52x64to128", same3x3(52, 52, 0, 0, 64, 128)},
		{"56x64to64same", same3x3(56, 56, 1, 1, 64, 64)},
		{"28x128to128same", same3x3(28, 28, 1, 1, 128, 128)},
		{"14x256to256same", same3x3(14, 14, 1, 1, 256, 256)},
		{"7x512to512same", same3x3(7, 7, 1, 1, 512, 512)},
		{"11x32to64", same3x3(11, 11, 0, 0, 32, 64)},
		{"224x3to32", same3x3(222, 222, 0, 0, 3, 32)},
	} {
		for _, size := range []int{2, 4} {
			b.Run(fmt.Sprintf("%s/%dx%d", c.name, size, size), func(b *testing.B) { benchmarkWinograd(b, sized(size, c.s)) })
		}
	}
}

func BenchmarkPackWinograd(b *testing.B) {
	c := newWinogradCase(rand.New(rand.NewSource(1)), same3x3(4, 4, 0, 0, 512, 512), 1)
	packed := make([]float32, c.PackedLen())
	for range b.N {
		PackWinograd(packed, c.kernel, &c.Winograd, 0, c.InC)
	}
}
