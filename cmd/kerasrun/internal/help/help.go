// Package help writes what commands say about themselves: the text of --help, an
// example first, and man pages.
package help

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// Set makes root and all its commands print help and usage as this package writes them.
func Set(root *cobra.Command) {
	root.SetHelpFunc(func(c *cobra.Command, _ []string) {
		c.InitDefaultHelpFlag()
		_ = Write(c.OutOrStdout(), c) // a closed pipe is nobody's fault
	})
	root.SetUsageFunc(func(c *cobra.Command) error { return usage(c.OutOrStderr(), c) })
}

// Write writes the help of a command: examples, what it does, usage, flags.
func Write(w io.Writer, c *cobra.Command) error {
	var b strings.Builder
	if c.Example != "" {
		fmt.Fprintf(&b, "%s\n\n", strings.TrimRight(c.Example, "\n"))
	}
	text := c.Long
	if text == "" {
		text = c.Short
	}
	fmt.Fprintf(&b, "%s\n\n", strings.TrimSpace(text))
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	return usage(w, c)
}

func usage(w io.Writer, c *cobra.Command) error {
	var b strings.Builder
	b.WriteString("Usage:\n")
	if c.Runnable() {
		fmt.Fprintf(&b, "  %s\n", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND\n\nCommands:\n", c.CommandPath())
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				fmt.Fprintf(&b, "  %-*s %s\n", c.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	if len(c.Aliases) > 0 {
		fmt.Fprintf(&b, "\nAlias: %s\n", strings.Join(c.Aliases, ", "))
	}
	if f := c.LocalFlags(); f.HasAvailableFlags() {
		fmt.Fprintf(&b, "\nFlags:\n%s", f.FlagUsages())
	}
	if f := c.InheritedFlags(); f.HasAvailableFlags() {
		fmt.Fprintf(&b, "\nFlags of all commands:\n%s", f.FlagUsages())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n%s COMMAND --help says more about a command.\n", c.CommandPath())
	}
	_, err := io.WriteString(w, b.String())
	return err
}
