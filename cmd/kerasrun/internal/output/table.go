package output

import (
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// A Style says how text for people looks.
type Style struct {
	Color bool
	Width int // of a terminal, which cuts longer rows of tables; 0 for any
}

// Good, Bad and Strong colour a word, where colours are on.
func (s Style) Good(word string) string   { return s.paint(word, text.FgGreen) }
func (s Style) Bad(word string) string    { return s.paint(word, text.FgRed, text.Bold) }
func (s Style) Strong(word string) string { return s.paint(word, text.Bold) }

func (s Style) paint(word string, colors ...text.Color) string {
	if !s.Color {
		return word
	}
	return text.Escape(word, text.Colors(colors).EscapeSeq())
}

// A Column of a table. Numbers stand at the right.
type Column struct {
	Title string
	Right bool
}

// A Table is the one look of all tables: a header, a rule, aligned columns two
// spaces apart and no other lines.
type Table struct {
	style   Style
	columns []Column
	rows    [][]string
	footer  []string
}

// NewTable returns a table with the given columns.
func (s Style) NewTable(columns ...Column) *Table { return &Table{style: s, columns: columns} }

// Row appends a row.
func (t *Table) Row(cells ...string) { t.rows = append(t.rows, cells) }

// Footer sets a last row, below a rule.
func (t *Table) Footer(cells ...string) { t.footer = cells }

// Write writes the table.
func (t *Table) Write(w io.Writer) error {
	p := table.NewWriter()
	look := table.StyleDefault
	look.Box = table.StyleBoxLight
	look.Box.PaddingLeft, look.Box.PaddingRight = "", "  "
	look.Options = table.Options{SeparateHeader: true, SeparateFooter: true}
	look.Format = table.FormatOptions{}
	p.SetStyle(look)
	p.SetAllowedRowLength(t.style.Width)
	var configs []table.ColumnConfig
	for i, c := range t.columns {
		config := table.ColumnConfig{Number: i + 1}
		if c.Right {
			config.Align, config.AlignHeader, config.AlignFooter = text.AlignRight, text.AlignRight, text.AlignRight
		}
		configs = append(configs, config)
	}
	p.SetColumnConfigs(configs)
	var head []string
	for _, c := range t.columns {
		head = append(head, t.style.Strong(c.Title))
	}
	p.AppendHeader(row(head))
	for _, r := range t.rows {
		p.AppendRow(row(r))
	}
	if t.footer != nil {
		p.AppendFooter(row(t.footer))
	}
	var b strings.Builder
	for _, line := range strings.Split(p.Render(), "\n") {
		line = strings.TrimSuffix(line, "──") // the padding of the last column
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func row(cells []string) table.Row {
	r := make(table.Row, len(cells))
	for i, c := range cells {
		r[i] = c
	}
	return r
}
