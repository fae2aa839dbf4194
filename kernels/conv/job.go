package conv

// job is a convolution or transposed convolution in the terms of the driver.
type job struct {
	h, w                 axis
	in, out, groups      int // channels of a group
	srcStride, dstStride int
	oneRow               bool // each output pixel reads the input pixel of the same place
	joined               bool // the taps of a kernel row read adjacent floats
	epi                  Epilogue
}

func newJob(s *Shape, epi *Epilogue) job {
	j := job{
		h:         newAxis(s.InH, s.OutH, s.KH, s.StrideH, s.DilationH, s.PadTop),
		w:         newAxis(s.InW, s.OutW, s.KW, s.StrideW, s.DilationW, s.PadLeft),
		in:        s.InC / s.Groups,
		out:       s.OutC / s.Groups,
		groups:    s.Groups,
		srcStride: orElse(s.SrcStride, s.InC),
		dstStride: orElse(s.DstStride, s.OutC),
	}
	j.epi = epi.orNone(j.dstStride)
	j.oneRow = s.KH == 1 && s.KW == 1 && s.StrideH == 1 && s.StrideW == 1 &&
		s.PadTop == 0 && s.PadLeft == 0 && s.OutH <= s.InH && s.OutW == s.InW
	j.joined = s.Groups == 1 && s.DilationW == 1 && j.srcStride == s.InC
	return j
}

func newTransposedJob(s *TransposedShape, epi *Epilogue) job {
	j := job{
		h:         newTransposedAxis(s.InH, s.OutH, s.KH, s.StrideH, s.DilationH, s.CropTop),
		w:         newTransposedAxis(s.InW, s.OutW, s.KW, s.StrideW, s.DilationW, s.CropLeft),
		in:        s.InC,
		out:       s.OutC,
		groups:    1,
		srcStride: orElse(s.SrcStride, s.InC),
		dstStride: orElse(s.DstStride, s.OutC),
	}
	j.epi = epi.orNone(j.dstStride)
	return j
}

func orElse(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// run computes output rows y0 to y1-1 of the channels of panels p0 to p1-1: it
// cuts them into strips, runs of pixels that use the same taps.
func run(j *job, dst, src, packed []float32, y0, y1, p0, p1 int) {
	t := tileArgs{src: src, packed: packed}
	if j.oneRow {
		if y1 > y0 {
			one := span{step: 1, n: 1}
			j.strip(&t, dst, y0*j.w.out, 1, (y1-y0)*j.w.out, y0*j.w.in, 1, one, one, p0, p1)
		}
		return
	}
	phases, advance := j.w.phases()
	for y := y0; y < y1; y++ {
		rows := j.h.span(y)
		for phase := 0; phase < min(phases, j.w.out); phase++ {
			for x := phase; x < j.w.out; {
				cols, n := j.w.run(x)
				j.strip(&t, dst, y*j.w.out+x, phases, n, rows.pos*j.w.in+cols.pos, advance, rows, cols, p0, p1)
				x += n * phases
			}
		}
	}
}

// strip computes n output pixels, pixel and every step-th after it. The first
// reads from input pixel from on, each further one from advance pixels later.
func (j *job) strip(t *tileArgs, dst []float32, pixel, step, n, from, advance int, rows, cols span, p0, p1 int) {
	tapLen := j.in * panelWidth
	t.rowStep = advance * j.srcStride
	t.n1, t.a1, t.b1 = rows.n, rows.move*j.w.in*j.srcStride, rows.step*j.w.taps*tapLen
	if j.joined {
		t.k, t.n0, t.a0, t.b0 = cols.n*j.in, 1, 0, 0
	} else {
		t.k, t.n0, t.a0, t.b0 = j.in, cols.n, cols.move*j.srcStride, cols.step*tapLen
	}
	first := (rows.first*j.w.taps + cols.first) * tapLen
	perGroup := panelsOf(j.out)
	panelLen := j.h.taps * j.w.taps * tapLen
	for o := 0; o < n; o += tileRows {
		t.rows = min(tileRows, n-o)
		for p := p0; p < p1; p++ {
			group := p / perGroup
			col := (p - group*perGroup) * panelWidth
			t.a = (from+o*advance)*j.srcStride + group*j.in
			t.b = p*panelLen + first
			clear(t.sum[:t.rows*panelWidth])
			t.multiply()
			width := min(panelWidth, j.out-col)
			if width == panelWidth {
				j.epi.storeTile(dst, &t.sum, t.rows, pixel+o*step, step, j.dstStride, group*j.out+col)
				continue
			}
			for r := 0; r < t.rows; r++ {
				j.epi.storeRow(dst, t.sum[r*panelWidth:][:width], pixel+(o+r)*step, j.dstStride, group*j.out+col)
			}
		}
	}
}
