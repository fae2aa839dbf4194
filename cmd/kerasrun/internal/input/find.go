package input

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun"
)

// Find replaces folders and patterns among names by the files in them, sorted by name: of a folder those of a known ending, in the
// folders below it too, without hidden ones. A name that is a file stays one, whatever characters it has.
func Find(names []string) ([]string, error) {
	var out []string
	for _, name := range names {
		st, err := os.Stat(name)
		switch {
		case name == Stdin || err == nil && !st.IsDir():
			out = append(out, name)
		case err == nil:
			files, err := inFolder(name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if len(files) == 0 {
				return nil, fmt.Errorf("%s: %w: no file to read in this folder; want images, npy, npz, csv, txt, json or wav", name, kerasrun.ErrInput)
			}
			out = append(out, files...)
		case strings.ContainsAny(name, "*?["):
			files, err := filepath.Glob(name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w: %w", name, kerasrun.ErrInput, err)
			}
			files = slices.DeleteFunc(files, func(f string) bool {
				st, err := os.Stat(f)
				return err != nil || st.IsDir()
			})
			if len(files) == 0 {
				return nil, fmt.Errorf("%s: %w: no file has such a name", name, kerasrun.ErrInput)
			}
			slices.Sort(files)
			out = append(out, files...)
		default:
			out = append(out, name) // reading it says what is wrong
		}
	}
	return out, nil
}

// inFolder lists the files below a folder whose ending is known, sorted by path.
func inFolder(folder string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != folder && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return filepath.SkipDir
			}
		case !d.IsDir() && extensions[strings.ToLower(filepath.Ext(path))] != unknown:
			files = append(files, path)
		}
		return nil
	})
	slices.Sort(files)
	return files, err
}
