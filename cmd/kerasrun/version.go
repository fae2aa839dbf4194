package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
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

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  arguments(0, 0, "none"),
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
