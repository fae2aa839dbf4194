package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/kerasrun/kerasrun/cmd/kerasrun/internal/help"
	"github.com/kerasrun/kerasrun/internal/atomicfile"
)

// A build is what the binary knows about itself.
type build struct {
	version, commit, date string
}

func buildInfo() build {
	b := build{version: "(devel)"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" {
		b.version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.commit = s.Value
		case "vcs.time":
			b.date = s.Value
		}
	}
	return b
}

// manCommand writes the man pages. It is for packagers: help does not list it.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the man pages below DIR/man1",
		Long: `Man writes a man page for kerasrun and each of its commands to DIR/man1, for
packages and for man -M DIR kerasrun.`,
		Example: `  kerasrun man ~/.local/share/man`,
		Args:    arguments(1, 1, "DIR"),
		Hidden:  true,
		RunE: func(c *cobra.Command, args []string) error {
			for name, page := range help.Pages(c.Root(), buildInfo().version) {
				path := help.Path(args[0], name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					return err
				}
				if err := atomicfile.Write(path, page); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "Version prints what the binary is: version, commit and its date, compiler and system.",
		Example: "  kerasrun version",
		Args:    arguments(0, 0, "none"),
		RunE: func(*cobra.Command, []string) error {
			b := buildInfo()
			fmt.Fprintf(a.out, "kerasrun %s\n", b.version)
			if b.commit != "" {
				fmt.Fprintf(a.out, "commit   %s %s\n", b.commit, b.date)
			}
			_, err := fmt.Fprintf(a.out, "built    %s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
