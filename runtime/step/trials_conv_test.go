package step

import (
	"math/rand"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// window picks a kernel size, strides and dilations that fit into cells.
func window(r *rand.Rand, cells, most []int) (size, strides, dilation []int) {
	for i, n := range cells {
		d := between(r, 1, most[i])
		k := between(r, 1, min(4, (n-1)/d+1))
		size, strides, dilation = append(size, k), append(strides, between(r, 1, 3)), append(dilation, d)
	}
	return size, strides, dilation
}

func padding(r *rand.Rand, rank int, size []int) graph.Padding {
	p := graph.Padding{Mode: pick(r, graph.Valid, graph.Same, graph.Causal, graph.Explicit)}
	switch {
	case p.Mode == graph.Causal && rank > 1:
		p.Mode = graph.Same
	case p.Mode == graph.Explicit:
		for _, n := range size {
			p.Before, p.After = append(p.Before, r.Intn(n)), append(p.After, r.Intn(n))
		}
	}
	return p
}

// images picks the shape of a batch of images without channels.
func images(r *rand.Rand, big bool) (rank int, s []int) {
	rank = between(r, 1, 3)
	s = append([]int{between(r, 1, 3)}, shape(r, rank, 7)...)
	if big {
		s[1] = 2000 / rank
	}
	return rank, s
}

var twos = []int{2, 2, 2}

func convTrial(r *rand.Rand, big bool) trial {
	rank, s := images(r, big)
	size, strides, dilation := window(r, s[1:], twos[:rank])
	groups := pick(r, 1, 1, 1, 2, 3)
	cin, filters := between(r, 1, 4), between(r, 1, 9)
	if big {
		cin, filters = 6, 20
	}
	if r.Intn(6) == 0 { // the weights outweigh the image: chunks are panels
		s, cin, filters = append([]int{1}, 1, 2, 1)[:1+rank], 64, 300
		size, dilation = ones(rank), ones(rank)
	}
	x := append(s, cin*groups)
	k := append(append([]int{}, size...), cin, filters*groups)
	op := graph.Conv{Strides: strides, Dilation: dilation, Groups: groups, Padding: padding(r, rank, size)}
	tr := trial{op: op, in: []graph.Tensor{random(r, x...), random(r, k...)}, terms: product1(size) * cin}
	return tr.finishConv(r)
}

func depthwiseTrial(r *rand.Rand, big bool) trial {
	rank, s := images(r, big)
	size, strides, dilation := window(r, s[1:], twos[:rank])
	c := between(r, 1, 9)
	k := append(append([]int{}, size...), c, between(r, 1, 3))
	op := graph.DepthwiseConv{Strides: strides, Dilation: dilation, Padding: padding(r, rank, size)}
	tr := trial{op: op, in: []graph.Tensor{random(r, append(s, c)...), random(r, k...)}, terms: product1(size)}
	return tr.finishConv(r)
}

func transposedTrial(r *rand.Rand, big bool) trial {
	rank, s := images(r, big)
	size, strides, dilation := window(r, s[1:], twos[:rank])
	c := between(r, 1, 5)
	k := append(append([]int{}, size...), between(r, 1, 6), c)
	op := graph.ConvTranspose{Strides: strides, Dilation: dilation, Padding: graph.Padding{Mode: pick(r, graph.Valid, graph.Same)}}
	if r.Intn(3) == 0 {
		for _, n := range strides {
			op.OutputPadding = append(op.OutputPadding, r.Intn(n))
		}
	}
	tr := trial{op: op, in: []graph.Tensor{random(r, append(s, c)...), random(r, k...)}, terms: product1(size) * c}
	return tr.finishConv(r)
}

// finishConv adds an epilogue, and makes the kernel a constant, usually.
func (tr trial) finishConv(r *rand.Rand) trial {
	out, err := tr.op.Infer([]graph.Type{{Shape: tr.in[0].Shape}, {Shape: tr.in[1].Shape}})
	if err != nil { // explicit padding may leave too little: pad enough
		switch op := tr.op.(type) {
		case graph.Conv:
			op.Padding = graph.Padding{Mode: graph.Same}
			tr.op = op
		case graph.DepthwiseConv:
			op.Padding = graph.Padding{Mode: graph.Same}
			tr.op = op
		}
		out, _ = tr.op.Infer([]graph.Type{{Shape: tr.in[0].Shape}, {Shape: tr.in[1].Shape}})
	}
	if r.Intn(5) > 0 {
		tr.fixed = append(tr.fixed, 1)
	}
	if len(out) > 0 {
		tr.epilogue(r, out[0].Shape)
	}
	return tr
}

func matmulTrial(r *rand.Rand, big bool) trial {
	m, k, n := between(r, 1, 7), between(r, 1, 9), between(r, 1, 9)
	if big {
		m, k, n = pick(r, 1, 300), 300, 120
	}
	x, w := append(shape(r, r.Intn(3), 3), m, k), []int{k, n}
	y := append(append([]int{}, x[:len(x)-1]...), n)
	if r.Intn(2) == 0 { // batches of matrices
		lead := shape(r, between(r, 1, 2), 4)
		x, w = append(append([]int{}, lead...), m, k), append(append([]int{}, lead...), k, n)
		if r.Intn(2) == 0 {
			w[0] = 1
		}
		if r.Intn(2) == 0 {
			x = x[1:]
		}
		s, _ := graph.Broadcast(x[:len(x)-2], w[:len(w)-2])
		y = append(s, m, n)
	}
	if r.Intn(4) == 0 {
		return trial{op: graph.MatMul{}, in: []graph.Tensor{integers(r, graph.Int8, -128, 128, x...), integers(r, graph.Int8, -128, 128, w...)}, fixed: fixed(r, 1)}
	}
	tr := trial{op: graph.MatMul{}, in: []graph.Tensor{random(r, x...), random(r, w...)}, fixed: fixed(r, 1), terms: k}
	tr.epilogue(r, y)
	return tr
}

func product1(s []int) int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

func ones(n int) []int { return []int{1, 1, 1}[:n:n] }
