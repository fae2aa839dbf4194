package plot

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// WriteDOT writes the graph in the language of Graphviz.
func (g *Graph) WriteDOT(w io.Writer) error {
	t := light
	if g.options.Dark {
		t = dark
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "digraph %s {\n", dotText(orModel(g.Name)))
	fmt.Fprintf(b, "  compound=true; bgcolor=%q;\n", hex(t.background))
	fmt.Fprintf(b, "  node [shape=box, style=\"rounded,filled\", fillcolor=%q, fontname=\"Helvetica\", fontsize=11, fontcolor=%q, color=%q];\n", hex(t.box), hex(t.text), hex(t.outline))
	fmt.Fprintf(b, "  edge [fontname=\"Helvetica\", fontsize=10, fontcolor=%q, color=%q];\n", hex(t.muted), hex(t.edge))
	fmt.Fprintf(b, "  label=%s; labelloc=t; fontname=\"Helvetica\"; fontcolor=%q;\n", dotText(orModel(g.Name)+"\n"+factsText(g.Layers, g.Params)), hex(t.text))
	g.writeDOT(b, t, "n", "  ")
	b.WriteString("}\n")
	return b.Flush()
}

// writeDOT writes nodes and edges, whose names begin with prefix.
func (g *Graph) writeDOT(b *bufio.Writer, t theme, prefix, indent string) {
	for i := range g.Nodes {
		n := &g.Nodes[i]
		id := fmt.Sprintf("%s%d", prefix, i)
		if n.Inside == nil {
			fmt.Fprintf(b, "%s%s [label=%s, color=%q];\n", indent, id, dotText(strings.Join(n.lines(), "\n")), hex(t.families[n.Layers[0].Family]))
			continue
		}
		fmt.Fprintf(b, "%ssubgraph cluster_%s {\n", indent, id)
		fmt.Fprintf(b, "%s  label=%s; labeljust=l; style=filled; fillcolor=%q; color=%q; fontcolor=%q;\n", indent, dotText(strings.Join(n.lines(), "\n")), hex(t.inside), hex(t.outline), hex(t.text))
		n.Inside.writeDOT(b, t, id+"_", indent+"  ")
		fmt.Fprintf(b, "%s}\n", indent)
	}
	for _, e := range g.Edges {
		from, fromBox := g.dotEnd(prefix, e.From, false)
		to, toBox := g.dotEnd(prefix, e.To, true)
		var how []string
		if shape := g.Nodes[e.From].Shape; shape != "" && !g.options.NoShapes {
			how = append(how, "label="+dotText(shape))
		}
		if fromBox != "" {
			how = append(how, "ltail=cluster_"+fromBox)
		}
		if toBox != "" {
			how = append(how, "lhead=cluster_"+toBox)
		}
		text := ""
		if len(how) > 0 {
			text = " [" + strings.Join(how, ", ") + "]"
		}
		fmt.Fprintf(b, "%s%s -> %s%s;\n", indent, from, to, text)
	}
}

// dotEnd is the node that an edge ends at, and the box around it: Graphviz has no edges to boxes.
func (g *Graph) dotEnd(prefix string, i int, first bool) (node, box string) {
	node = fmt.Sprintf("%s%d", prefix, i)
	inside := g.Nodes[i].Inside
	if inside == nil || len(inside.Nodes) == 0 {
		return node, ""
	}
	k := 0
	if !first {
		k = len(inside.Nodes) - 1
	}
	end, _ := inside.dotEnd(node+"_", k, first)
	return end, node
}

// lines are the texts of a node, two lines a layer.
func (n *Node) lines() []string {
	var out []string
	for i := range n.Layers {
		c := cellOf(&n.Layers[i])
		out = append(out, strings.TrimSpace(c.class+"  "+c.name))
		if c.second() {
			out = append(out, strings.TrimSpace(c.options+"  "+c.params))
		}
	}
	return out
}

// dotText quotes a text.
func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// WriteMermaid writes the graph as a flowchart of Mermaid, which Markdown on many sites draws.
func (g *Graph) WriteMermaid(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "flowchart TD\n")
	g.writeMermaid(b, "n", "  ")
	t := light
	if g.options.Dark {
		t = dark
	}
	used := map[Family][]string{}
	g.byFamily("n", used)
	for f := range families {
		if len(used[f]) > 0 {
			fmt.Fprintf(b, "  classDef f%d fill:%s,stroke:%s,color:%s\n  class %s f%[1]d\n", f, hex(t.box), hex(t.families[f]), hex(t.text), strings.Join(used[f], ","))
		}
	}
	return b.Flush()
}

func (g *Graph) byFamily(prefix string, into map[Family][]string) {
	for i := range g.Nodes {
		n, id := &g.Nodes[i], fmt.Sprintf("%s%d", prefix, i)
		if n.Inside != nil {
			n.Inside.byFamily(id+"_", into)
			continue
		}
		into[n.Layers[0].Family] = append(into[n.Layers[0].Family], id)
	}
}

func (g *Graph) writeMermaid(b *bufio.Writer, prefix, indent string) {
	for i := range g.Nodes {
		n, id := &g.Nodes[i], fmt.Sprintf("%s%d", prefix, i)
		label := mermaidText(strings.Join(n.lines(), "\n"))
		switch {
		case n.Inside != nil:
			fmt.Fprintf(b, "%ssubgraph %s [%s]\n", indent, id, label)
			n.Inside.writeMermaid(b, id+"_", indent+"  ")
			fmt.Fprintf(b, "%send\n", indent)
		case n.Layers[0].Family == End:
			fmt.Fprintf(b, "%s%s([%s])\n", indent, id, label)
		default:
			fmt.Fprintf(b, "%s%s[%s]\n", indent, id, label)
		}
	}
	for _, e := range g.Edges {
		shape := ""
		if s := g.Nodes[e.From].Shape; s != "" && !g.options.NoShapes {
			shape = "|" + mermaidText(s) + "|"
		}
		fmt.Fprintf(b, "%s%s%d -->%s %[2]s%[5]d\n", indent, prefix, e.From, shape, e.To)
	}
}

// mermaidText quotes a text; what Mermaid or HTML give a meaning becomes an entity.
func mermaidText(s string) string {
	return `"` + strings.NewReplacer("&", "&amp;", `"`, "#quot;", "#", "#35;", "<", "&lt;", ">", "&gt;", "`", "#96;", "\n", "<br>").Replace(s) + `"`
}
