package help

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

func command() *cobra.Command {
	root := &cobra.Command{Use: "tool", Short: "Do it", Long: "Tool does it.\n\n    a - b\n\n.start of a line", Example: "  tool go 'x\\y'"}
	root.PersistentFlags().StringP("color", "c", "auto", "`WHEN` to colour")
	sub := &cobra.Command{Use: "go WHERE", Aliases: []string{"walk"}, Short: "Go somewhere", Example: "  tool go home", Run: func(*cobra.Command, []string) {}}
	sub.Flags().Int("fast", 3, "how fast")
	sub.Flags().Bool("secret", false, "none of yours")
	_ = sub.Flags().MarkHidden("secret")
	root.AddCommand(sub)
	Set(root)
	return root
}

func TestHelp(t *testing.T) {
	root := command()
	var b bytes.Buffer
	root.SetOut(&b)
	root.SetArgs([]string{"go", "--help"})
	require.NoError(t, root.Execute())
	require.Equal(t, `  tool go home

Go somewhere

Usage:
  tool go WHERE [flags]

Alias: walk

Flags:
      --fast int   how fast (default 3)
  -h, --help       help for go

Flags of all commands:
  -c, --color WHEN   WHEN to colour (default "auto")
`, b.String())
	b.Reset()
	root.SetArgs(nil)
	require.NoError(t, root.Execute())
	require.Contains(t, b.String(), "\nCommands:\n")
	require.Contains(t, b.String(), "  go          Go somewhere\n")
}

func TestPages(t *testing.T) {
	pages := Pages(command(), "1.2.3")
	require.Len(t, pages, 2)
	var b strings.Builder
	require.NoError(t, pages["tool.1"](&b))
	require.Contains(t, b.String(), "Tool does it.\n.PP\n.EX\n    a \\- b\n.EE\n.PP\n\\&.start of a line\n")
	require.Contains(t, b.String(), "tool go 'x\\ey'\n")
	b.Reset()
	require.NoError(t, pages["tool-go.1"](&b))
	require.Contains(t, b.String(), ".TP\n\\fB\\-\\-fast\\fR \\fIint\\fR\nhow fast (default 3)\n")
	require.Contains(t, b.String(), ".TP\n\\fB\\-c, \\-\\-color\\fR \\fIWHEN\\fR\n")
	require.Contains(t, b.String(), ".BR tool (1)")
	require.NotContains(t, b.String(), "secret")
}
