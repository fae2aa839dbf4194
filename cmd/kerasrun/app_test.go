package main

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

const digits = "../../testdata/models/digits/model.keras"

// An interrupt ends a command that waits for standard input, and one that computes.
func TestInterrupt(t *testing.T) {
	never, w := io.Pipe()
	defer w.Close()
	for _, args := range [][]string{
		{"predict", digits, "-"},
		{"predict", digits, "../../testdata/images/digit_7.png"},
		{"verify", digits, "--expect", "../../testdata/models/digits/expect.npz"},
		{"verify", "--exact", "../../testdata/models/digits", "--exact", "../../testdata/models/cnn"},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		var out, errs bytes.Buffer
		a := &app{in: never, out: &out, err: &errs}
		require.Equal(t, exitInterrupted, a.run(ctx, args), "%v: %s", args, errs.String())
		require.Equal(t, "kerasrun: interrupted\n", errs.String())
		require.Empty(t, out.String())
	}
}

// Every subcommand has an example and a line of help.
func TestHelp(t *testing.T) {
	a := &app{}
	for _, c := range a.rootCommand().Commands() {
		require.NotEmpty(t, c.Short, c.Name())
		if c.Name() != "version" {
			require.NotEmpty(t, c.Example, c.Name())
			require.NotEmpty(t, c.Long, c.Name())
		}
	}
}
