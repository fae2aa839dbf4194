// Package plot draws models: a layered drawing of the graph of layers, as SVG,
// as a list of shapes for a rasteriser, as text, or in the languages of
// Graphviz and Mermaid.
//
//	src, err := kerasrun.OpenArchitecture("model.keras")
//	...
//	g, err := plot.New(src.Arch, src.Program, plot.Options{})
//	err = g.WriteSVG(file)
//
// The drawing is made as Sugiyama, Tagawa and Toda have it: layers get ranks
// (the longest path), edges over several ranks get a vertex on each, crossings
// are lowered by barycentres, and coordinates are those of Brandes and Köpf.
// A tall drawing is cut where a single edge runs, and its parts stand side by side.
//
// It needs neither fonts nor Graphviz: texts are measured with the widths of
// the Go fonts, and an SVG says how long each text has to be.
package plot
