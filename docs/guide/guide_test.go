// Package guide_test runs the commands and programs of documents.
package guide_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/vision"
)

const root = "../.." // of the tree

// A block is code of a document: its language, its lines, where it is, and the file that a link before it names last.
type block struct {
	language, text string
	line           int
	link           string
}

var link = regexp.MustCompile(`(?:\]\(|src=")([^)":]+)[)"]`)

// blocks returns the code of a document in order. Each file that it links must be there.
func blocks(t *testing.T, document string) []block {
	t.Helper()
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	var all []block
	var open *block
	last := ""
	for i, line := range strings.Split(string(text), "\n") {
		fence, language := strings.CutPrefix(line, "```")
		switch {
		case open == nil && language:
			open = &block{language: fence, line: i + 1, link: last}
		case open != nil && language:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		default:
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				file, _, _ := strings.Cut(m[1], "#")
				last = filepath.Join(filepath.Dir(document), file)
				_, err := os.Stat(last)
				require.NoError(t, err, "%s:%d", document, i+1)
			}
		}
	}
	require.Nil(t, open, "a block without an end")
	require.NotEmpty(t, all)
	return all
}

// TestDocuments runs commands and programs from top to bottom, in the root of the tree, and compares what they print with
// the text that follows them. Commands of Python run if GUIDE_PYTHON names an interpreter with Keras.
func TestDocuments(t *testing.T) {
	lookAtSources(t)
	for _, document := range []string{"README.md", "../../examples/README.md"} {
		t.Run(document, func(t *testing.T) { follow(t, blocks(t, document)) })
	}
	pictures(t)
}

// lookAtSources lists the folders of source, by which the go tool's cache of test results knows that commands depend on them.
func lookAtSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != root && (d.Name()[0] == '.' || d.Name() == "build" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		return err
	})
	require.NoError(t, err)
}

func follow(t *testing.T, all []block) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh to run commands")
	}
	python := os.Getenv("GUIDE_PYTHON")
	printed := ""
	for _, b := range all {
		switch b.language {
		case "sh":
			printed = ""
			for _, command := range strings.Split(strings.TrimSpace(b.text), "\n") {
				if rest, ok := strings.CutPrefix(command, "python "); ok {
					if python == "" {
						t.Logf("line %d: left out without GUIDE_PYTHON: %s", b.line, b.text)
						break // what follows in this block needs what it makes
					}
					command = python + " " + rest
				}
				printed += run(t, b.line, exec.Command(shell, "-c", command))
			}
		case "go":
			printed = run(t, b.line, exec.Command("go", "run", program(t, b.text)))
		case "text":
			require.Equal(t, b.text, printed, "line %d", b.line)
		case "python": // an excerpt of the file that was named last
			source, err := os.ReadFile(b.link)
			require.NoError(t, err, "line %d", b.line)
			require.Contains(t, string(source), b.text, "line %d: not in %s", b.line, b.link)
		default:
			t.Errorf("line %d: a block of %q, which nothing tests", b.line, b.language)
		}
	}
}

// pictures holds that the pictures beside the guide are what its commands draw: on average a value differs by less
// than one of 255, since numbers may be rounded differently.
func pictures(t *testing.T) {
	names, err := filepath.Glob("*.png")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		want, err := vision.LoadImage(name, 3)
		require.NoError(t, err)
		got, err := vision.LoadImage(filepath.Join(root, "build", "guide", name), 3)
		require.NoError(t, err)
		require.Equal(t, []int{want.H, want.W}, []int{got.H, got.W}, name)
		sum := 0.0
		for i, v := range want.Data {
			sum += float64(max(v-got.Data[i], got.Data[i]-v))
		}
		require.Less(t, sum/float64(len(want.Data)), 1.0, name)
	}
}

// TestReadme holds that the README's first command, its lines of Go, its links and the number of layers are right.
func TestReadme(t *testing.T) {
	lookAtSources(t)
	layers, err := os.ReadFile("../LAYERS.md")
	require.NoError(t, err)
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), fmt.Sprintf("%d classes of Keras 1, 2 and 3", bytes.Count(layers, []byte("\n| ["))))
	all := blocks(t, "../../README.md")
	require.Equal(t, []string{"sh", "go"}, []string{all[0].language, all[1].language})
	c := strings.Fields(strings.Split(all[0].text, "\n")[0])
	require.Contains(t, run(t, all[0].line, exec.Command(c[0], c[1:]...)), "1      7  0.9999")
	run(t, all[1].line, exec.Command("go", "vet", program(t, `package main

import (
	"context"

	"github.com/kerasrun/kerasrun"
)

func predict(ctx context.Context, pixels []float32) error {
`+all[1].text+`
	_ = outputs[0].Float32s()
	return nil
}

func main() { _ = predict }
`)))
}

// program writes a program below build, where tests of the tree do not look, and returns its package.
func program(t *testing.T, text string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "build"), 0o777))
	folder, err := os.MkdirTemp(filepath.Join(root, "build"), "_program")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	require.NoError(t, os.WriteFile(filepath.Join(folder, "main.go"), []byte(text), 0o666))
	return "./build/" + filepath.Base(folder)
}

// run returns what a command prints.
func run(t *testing.T, line int, c *exec.Cmd) string {
	t.Helper()
	t.Logf("line %d: %v", line, c.Args)
	var out, messages bytes.Buffer
	c.Dir, c.Stdout, c.Stderr = root, &out, &messages
	require.NoError(t, c.Run(), "line %d: %v: %s", line, c.Args, &messages)
	return out.String()
}
