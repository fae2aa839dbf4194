package runtime

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// SummaryOptions change how Summary looks.
type SummaryOptions struct {
	// Width of the table; 0 means 76, as Keras has where there is no terminal.
	Width int
	// Expand shows the layers inside nested models.
	Expand bool
}

// Summary returns the table that Keras 3's model.summary() prints: layers,
// output shapes, numbers of parameters and, unless the model is a plain chain,
// what each layer is connected to.
func (m *Model) Summary(o SummaryOptions) string {
	if o.Width <= 0 {
		o.Width = 76
	}
	// A Sequential does not list its input.
	sequential := map[string]bool{"": m.arch.Root.Graph.Sequential}
	for _, l := range m.prog.Layers {
		if l.Layer != nil && l.Layer.Graph != nil {
			sequential[l.Path] = l.Layer.Graph.Sequential
		}
	}
	infos := slices.DeleteFunc(m.Layers(), func(l LayerInfo) bool {
		parent := strings.TrimSuffix(strings.TrimSuffix(l.Path, l.Name), "/")
		return l.Class == "InputLayer" && sequential[parent]
	})
	chain := m.isChain(infos)
	t := table{head: []string{"Layer (type)", "Output Shape", "Param #"}, right: []bool{false, false, true, false}}
	positions := []float64{0.45, 0.80, 1}
	if !chain {
		t.head = append(t.head, "Connected to")
		positions = []float64{0.3, 0.56, 0.74, 1}
	}
	t.setWidths(positions, o.Width)
	for _, l := range infos {
		if l.Depth > 0 && !o.Expand {
			continue
		}
		name := l.Name
		if l.Depth > 0 {
			name = strings.Repeat("   ", l.Depth) + "└ " + name
		}
		row := []string{fmt.Sprintf("%s (%s)", name, l.Class), outputShapes(l.Outputs), thousands(l.Params)}
		if !chain {
			row = append(row, orDash(strings.Join(l.Inbound, ", ")))
		}
		t.rows = append(t.rows, row)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Model: %q\n", m.Name())
	t.write(&b)
	total, trained, bytes, trainedBytes := m.countParams()
	for _, c := range []struct {
		what string
		n    int64
		size int64
	}{{"Total", total, bytes}, {"Trainable", trained, trainedBytes}, {"Non-trainable", total - trained, bytes - trainedBytes}} {
		fmt.Fprintf(&b, " %s params: %s (%s)\n", c.what, thousands(c.n), memorySize(c.size))
	}
	return b.String()
}

// isChain reports whether the outermost model is one chain of layers, each applied once.
func (m *Model) isChain(infos []LayerInfo) bool {
	if m.arch.Root.Graph.Sequential {
		return true
	}
	if len(m.prog.Graph.Inputs) != 1 {
		return false
	}
	seen := map[string]bool{}
	for _, l := range infos {
		if l.Depth > 0 {
			continue
		}
		if len(l.Inbound) > 1 {
			return false
		}
		for _, in := range l.Inbound {
			if seen[in] {
				return false
			}
			seen[in] = true
		}
	}
	return true
}

func (m *Model) countParams() (total, trained, bytes, trainedBytes int64) {
	for _, p := range m.prog.Graph.Params {
		n, _ := p.Shape.Elems()
		size := int64(n) * int64(p.DType.Size())
		total, bytes = total+int64(n), bytes+size
		if p.Trainable {
			trained, trainedBytes = trained+int64(n), trainedBytes+size
		}
	}
	return total, trained, bytes, trainedBytes
}

func outputShapes(outs []IO) string {
	var s []string
	for _, o := range outs {
		s = append(s, graph.Shape(o.Shape).String())
	}
	switch len(s) {
	case 0:
		return "?"
	case 1:
		return s[0]
	}
	return "[" + strings.Join(s, ", ") + "]"
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// thousands writes n with commas.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// memorySize writes a number of bytes as Keras does.
func memorySize(bytes int64) string {
	v := float64(bytes)
	for _, unit := range []string{"B", "KB", "MB", "GB", "TB"} {
		if v < 1024 {
			return fmt.Sprintf("%.2f %s", v, unit)
		}
		v /= 1024
	}
	return fmt.Sprintf("%.2f PB", v)
}

// A table is drawn with lines between its cells.
type table struct {
	head   []string
	rows   [][]string
	right  []bool // columns aligned right
	widths []int  // of the text in each column
}

// setWidths divides width as Keras does: columns end at the given shares, and
// what borders and padding need is taken from all columns alike.
func (t *table) setWidths(positions []float64, width int) {
	sum, from := 0, 0
	for _, p := range positions {
		w := int(p*float64(width)) - from
		from += w
		t.widths = append(t.widths, w)
		sum += w + 2
	}
	excess := sum - (width - len(positions) - 1)
	for i := range t.widths {
		cut := int(math.RoundToEven(float64(excess) / float64(len(t.widths)-i)))
		t.widths[i] = max(4, t.widths[i]-cut)
		excess -= cut
	}
}

func (t *table) write(b *strings.Builder) {
	t.rule(b, "┏", "━", "┳", "┓")
	t.row(b, t.head, "┃")
	t.rule(b, "┡", "━", "╇", "┩")
	for i, r := range t.rows {
		if i > 0 {
			t.rule(b, "├", "─", "┼", "┤")
		}
		t.row(b, r, "│")
	}
	t.rule(b, "└", "─", "┴", "┘")
}

func (t *table) rule(b *strings.Builder, left, line, cross, right string) {
	b.WriteString(left)
	for i, w := range t.widths {
		if i > 0 {
			b.WriteString(cross)
		}
		b.WriteString(strings.Repeat(line, w+2))
	}
	b.WriteString(right + "\n")
}

func (t *table) row(b *strings.Builder, cells []string, bar string) {
	lines := make([][]string, len(cells))
	height := 1
	for i, c := range cells {
		lines[i] = wrap(c, t.widths[i])
		height = max(height, len(lines[i]))
	}
	for k := range height {
		b.WriteString(bar)
		for i := range cells {
			text := ""
			if k < len(lines[i]) {
				text = lines[i][k]
			}
			pad := strings.Repeat(" ", max(0, t.widths[i]-utf8.RuneCountInString(text)))
			if t.right[i] {
				text = pad + text
			} else {
				text += pad
			}
			b.WriteString(" " + text + " " + bar)
		}
		b.WriteString("\n")
	}
}

// wrap breaks text at spaces into lines of at most width characters; a longer word is cut.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	flush := func() {
		lines = append(lines, strings.TrimRight(line, " "))
		line = ""
	}
	for _, word := range strings.SplitAfter(text, " ") {
		if n := utf8.RuneCountInString(line) + utf8.RuneCountInString(strings.TrimRight(word, " ")); n > width && line != "" {
			flush()
		}
		if bare := []rune(strings.TrimRight(word, " ")); len(bare) > width {
			word = string(bare[:width-1]) + "… "
		}
		line += word
	}
	flush()
	return lines
}
