package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/output"
)

// layersData is the table of docs/LAYERS.md: `go generate ./runtime/layers` makes both.
//
//go:embed layers.json
var layersData []byte

// A layerClass is an entry of layersData.
type layerClass struct {
	Class   string   `json:"class"`
	Section string   `json:"section"`
	About   string   `json:"about"`
	Keras   []string `json:"keras"` // the first release of each Keras that has it
	Options []struct {
		Key      string `json:"key"`
		Default  string `json:"default"`
		Training bool   `json:"training,omitempty"`
	} `json:"options"`
	Files   int      `json:"files"` // of golden cases
	Cases   []string `json:"cases"`
	Refused []struct {
		What string `json:"what"`
		Why  string `json:"why"`
	} `json:"refused"`
}

// layerClasses are the supported classes in the order of keras.io.
func layerClasses() ([]layerClass, error) {
	var list struct {
		Layers []layerClass `json:"layers"`
	}
	err := json.Unmarshal(layersData, &list)
	return list.Layers, err
}

func (a *app) layersCommand() *cobra.Command {
	var out outputFlags
	var asJSON bool
	c := &cobra.Command{
		Use:   "layers [CLASS]...",
		Short: "List the supported layers and their options",
		Long: `Layers lists the classes that kerasrun runs: the first release of each Keras that
has the class, how many golden cases hold it to Keras's own answer, how much of it
is refused, and its options with their defaults. With classes it prints all that
is known of them, the names of the cases and what is refused and why.`,
		Example: `  kerasrun layers
  kerasrun layers LSTM
  kerasrun layers Conv2D Dense --json`,
		Args: arguments(0, -1, "names of classes"),
		RunE: func(_ *cobra.Command, names []string) error {
			if asJSON && out.format == "" {
				out.format = "json"
			}
			if err := out.settle("table", "json"); err != nil {
				return usageError(err)
			}
			list, err := layerClasses()
			if err != nil {
				return err
			}
			if len(names) > 0 {
				if list, err = pickLayers(list, names); err != nil {
					return usageError(err)
				}
			}
			style := a.outputStyle(out)
			return a.write(out, func(w io.Writer) error {
				switch {
				case out.format == "json":
					e := json.NewEncoder(w)
					e.SetEscapeHTML(false)
					e.SetIndent("", "  ")
					return e.Encode(list)
				case len(names) == 0:
					return writeLayers(w, style, list)
				}
				for i, l := range list {
					if i > 0 {
						fmt.Fprintln(w)
					}
					if err := l.write(w, style); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	out.add(c, "table", "json")
	c.Flags().BoolVar(&asJSON, "json", false, "short for --format json")
	return c
}

// pickLayers finds classes by their names, whatever their case.
func pickLayers(list []layerClass, names []string) ([]layerClass, error) {
	var out []layerClass
	for _, name := range names {
		var near []string
		found := false
		for _, l := range list {
			if found = strings.EqualFold(l.Class, name); found {
				out = append(out, l)
				break
			}
			if strings.Contains(strings.ToLower(l.Class), strings.ToLower(name)) {
				near = append(near, l.Class)
			}
		}
		switch {
		case found:
		case len(near) > 0:
			return nil, fmt.Errorf("no layer class %q; there are %s", name, strings.Join(near, ", "))
		default:
			return nil, fmt.Errorf("no layer class %q; kerasrun layers lists them", name)
		}
	}
	return out, nil
}

// releases writes the first releases of a class, without a minor version of 0.
func (l layerClass) releases() string {
	var out []string
	for _, r := range l.Keras {
		out = append(out, strings.TrimSuffix(r, ".0"))
	}
	return strings.Join(out, " ")
}

// writeLayers writes the table of all classes.
func writeLayers(w io.Writer, style output.Style, list []layerClass) error {
	t := style.NewTable(output.Column{Title: "Class"}, output.Column{Title: "Keras"}, output.Column{Title: "Cases", Right: true},
		output.Column{Title: "Refused", Right: true}, output.Column{Title: "Options"})
	for _, l := range list {
		var options []string
		for _, o := range l.Options {
			if !o.Training {
				options = append(options, o.Key+"="+o.Default)
			}
		}
		t.Row(l.Class, l.releases(), strconv.Itoa(l.Files), strconv.Itoa(len(l.Refused)), strings.Join(options, " "))
	}
	return t.Write(w)
}

// write writes all that is known of a class.
func (l layerClass) write(w io.Writer, style output.Style) error {
	about := strings.ReplaceAll(l.About, "\n\t", "\n    ")
	fmt.Fprintf(w, "%s\n\n%s\n\n", style.Strong(l.Class), about)
	fmt.Fprintf(w, "Section  %s\nKeras    %s\n", l.Section, strings.Join(l.Keras, ", "))
	if len(l.Options) > 0 {
		fmt.Fprintln(w)
		t := style.NewTable(output.Column{Title: "Option"}, output.Column{Title: "Default"})
		for _, o := range l.Options {
			if o.Training {
				o.Default = "(changes nothing at inference)"
			}
			t.Row(o.Key, o.Default)
		}
		if err := t.Write(w); err != nil {
			return err
		}
	}
	if len(l.Refused) > 0 {
		fmt.Fprintln(w)
		t := style.NewTable(output.Column{Title: "Refused"}, output.Column{Title: "Why"})
		for _, r := range l.Refused {
			t.Row(r.What, r.Why)
		}
		if err := t.Write(w); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "\n%s, %d files\n", style.Strong("Cases"), l.Files)
	line := ""
	for _, c := range l.Cases {
		if line != "" && len(line)+len(c) > 76 {
			fmt.Fprintf(w, "  %s\n", line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + c)
	}
	_, err := fmt.Fprintf(w, "  %s\n", line)
	return err
}
