package help

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Pages returns the names of the man pages of root and its commands, and what writes
// each: kerasrun.1, kerasrun-predict.1. version stands in their last line. The pages
// are in the man macros of roff, which man, mandoc and groff read.
func Pages(root *cobra.Command, version string) map[string]func(io.Writer) error {
	pages := map[string]func(io.Writer) error{}
	for _, c := range append([]*cobra.Command{root}, root.Commands()...) {
		if c == root || c.IsAvailableCommand() && c.Name() != "help" && c.Name() != "completion" {
			pages[pageName(c)+".1"] = func(w io.Writer) error { return page(w, root, c, version) }
		}
	}
	return pages
}

func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func page(w io.Writer, root, c *cobra.Command, version string) error {
	c.InitDefaultHelpFlag()
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %q 1 \"\" %q %q\n", strings.ToUpper(pageName(c)), "kerasrun "+version, "kerasrun")
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", escape(pageName(c)), escape(c.Short))
	b.WriteString(".SH SYNOPSIS\n")
	if c.Runnable() {
		fmt.Fprintf(&b, ".B %s\n", escape(c.UseLine()))
	} else {
		fmt.Fprintf(&b, ".B %s COMMAND\n", escape(c.CommandPath()))
	}
	b.WriteString(".SH DESCRIPTION\n")
	paragraphs(&b, c.Long, c.Short)
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n.EX\n")
		for _, line := range strings.Split(strings.Trim(c.Example, "\n"), "\n") {
			fmt.Fprintf(&b, "%s\n", escape(strings.TrimPrefix(line, "  ")))
		}
		b.WriteString(".EE\n")
	}
	flags(&b, "OPTIONS", c.LocalFlags())
	flags(&b, "OPTIONS OF ALL COMMANDS", c.InheritedFlags())
	var others []string
	for _, o := range append([]*cobra.Command{root}, root.Commands()...) {
		if o != c && (o == root || o.IsAvailableCommand() && o.Name() != "help" && o.Name() != "completion") {
			others = append(others, fmt.Sprintf(".BR %s (1)", escape(pageName(o))))
		}
	}
	slices.Sort(others)
	fmt.Fprintf(&b, ".SH SEE ALSO\n%s\n", strings.Join(others, ",\n"))
	_, err := io.WriteString(w, b.String())
	return err
}

// paragraphs writes text whose paragraphs are apart by empty lines; indented ones stay as they are.
func paragraphs(b *strings.Builder, text, otherwise string) {
	if text == "" {
		text = otherwise
	}
	for i, p := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		if strings.HasPrefix(p, " ") {
			fmt.Fprintf(b, ".EX\n%s\n.EE\n", escape(p))
		} else {
			fmt.Fprintf(b, "%s\n", escape(p))
		}
	}
}

func flags(b *strings.Builder, title string, set *pflag.FlagSet) {
	if !set.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", title)
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, text := pflag.UnquoteUsage(f)
		name := `\-\-` + escape(f.Name)
		if f.Shorthand != "" {
			name = `\-` + f.Shorthand + ", " + name
		}
		fmt.Fprintf(b, ".TP\n\\fB%s\\fR", name)
		if value != "" {
			fmt.Fprintf(b, " \\fI%s\\fR", escape(value))
		}
		fmt.Fprintf(b, "\n%s", escape(text))
		if d := f.DefValue; d != "" && d != "false" && d != "0" && d != "[]" && d != "0s" {
			fmt.Fprintf(b, " (default %s)", escape(d))
		}
		b.WriteString("\n")
	})
}

// escape makes text safe for roff: a backslash, a hyphen that is copied as one, a dot
// or quote at the start of a line.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}

// Path is the place of a page below a folder of man pages that MANPATH may name.
func Path(folder, name string) string { return filepath.Join(folder, "man1", name) }
