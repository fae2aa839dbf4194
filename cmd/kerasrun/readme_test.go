package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mention is a command in a text: at the start of a line, after a prompt or in backquotes.
var mention = regexp.MustCompile("(?m)(?:^ *|`)(?:\\S*/)?kerasrun ([a-z][^`#\\n|]*)")

// TestDocumentedCommands holds the commands that README.md, the pages of docs and the
// examples of --help show to what there is: the subcommand and its flags exist, and a
// script runs that command with that flag.
func TestDocumentedCommands(t *testing.T) {
	root := (&app{}).rootCommand()
	scripts := scriptCommands(t)
	texts := map[string]string{}
	files, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	for _, file := range append(files, "../../README.md", "../../docs/guide/README.md") {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		texts[file] = string(data)
	}
	for _, c := range root.Commands() {
		texts["help of "+c.Name()] = c.Example
	}
	found := 0
	for where, text := range texts {
		for _, m := range mention.FindAllStringSubmatch(text, -1) {
			words := strings.Fields(m[1])
			c, _, err := root.Find(words[:1])
			require.NoError(t, err, "%s: %q", where, m[0])
			found++
			line := scripts[c.Name()]
			if !c.Hidden && where != "help of man" {
				assert.NotEmpty(t, line, "%s: no script runs %q", where, c.Name())
			}
			for _, flag := range flagsOf(words) {
				f := lookup(c, flag)
				assert.NotNil(t, f, "%s: %q has no flag %s", where, c.Name(), flag)
				assert.True(t, slices.ContainsFunc(line, func(words []string) bool {
					return slices.ContainsFunc(flagsOf(words), func(g string) bool { return lookup(c, g) == f })
				}), "%s: no script runs %q with %s", where, c.Name(), flag)
			}
		}
	}
	require.Greater(t, found, 60)
}

// flagsOf are the names of the flags among words.
func flagsOf(words []string) []string {
	var flags []string
	for _, w := range words {
		name, _, _ := strings.Cut(strings.TrimRight(strings.Trim(w, "[]()\"'"), ".,;:]"), "=")
		if strings.HasPrefix(name, "-") && strings.Trim(name, "-") != "" && len(name) < 30 {
			flags = append(flags, name)
		}
	}
	return flags
}

func lookup(c *cobra.Command, flag string) *pflag.Flag {
	if long, ok := strings.CutPrefix(flag, "--"); ok {
		if f := c.Flags().Lookup(long); f != nil {
			return f
		}
		return c.InheritedFlags().Lookup(long)
	}
	if short := strings.TrimPrefix(flag, "-"); len(short) == 1 {
		if f := c.Flags().ShorthandLookup(short); f != nil {
			return f
		}
		return c.InheritedFlags().ShorthandLookup(short)
	}
	return nil
}

// scriptCommands are the command lines of the scripts by subcommand.
func scriptCommands(t *testing.T) map[string][][]string {
	files, err := filepath.Glob("testdata/script/*")
	require.NoError(t, err)
	lines := map[string][][]string{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, line := range strings.Split(string(data), "\n") {
			words := strings.Fields(line)
			at := slices.Index(words, "kerasrun")
			switch {
			case at >= 0 && at+1 < len(words):
				lines[words[at+1]] = append(lines[words[at+1]], words[at+2:])
			case len(words) > 0 && words[0] == "serving":
				lines["serve"] = append(lines["serve"], words[1:])
			}
		}
	}
	return lines
}
