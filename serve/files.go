package serve

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun"
)

// A candidate is a file that a version is, or could be, loaded from.
type candidate struct {
	path  string
	stamp string // changes with the file
	err   error  // why there is no file
}

// candidates finds the versions of a model by number: of a folder with numbered folders those that are to be served, of
// anything else version 1. A folder that is no model itself stands for the one model file in it, as KServe mounts it.
func candidates(m Model) (map[int64]candidate, error) {
	info, err := os.Stat(m.Path)
	if err != nil {
		return nil, err
	}
	numbers := []int64{}
	if info.IsDir() {
		entries, err := os.ReadDir(m.Path)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if n, err := strconv.ParseInt(e.Name(), 10, 64); err == nil && n >= 0 && isFolder(filepath.Join(m.Path, e.Name())) {
				numbers = append(numbers, n)
			}
		}
	}
	if len(numbers) == 0 {
		if info.IsDir() {
			return map[int64]candidate{1: folderCandidate(m.Path, m.Watch)}, nil
		}
		return map[int64]candidate{1: newCandidate(m.Path, m.Watch)}, nil
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers) // 1 and 001
	if most := max(m.Versions, 1); m.Versions >= 0 && len(numbers) > most {
		numbers = numbers[len(numbers)-most:]
	}
	found := map[int64]candidate{}
	for _, n := range numbers {
		found[n] = versionFile(m, n)
	}
	return found, nil
}

func isFolder(path string) bool { // a link to a folder is one
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// versionFile finds the model in the folder of a version.
func versionFile(m Model, n int64) candidate {
	entries, err := os.ReadDir(m.Path)
	if err != nil {
		return candidate{err: err}
	}
	for _, e := range entries {
		if k, err := strconv.ParseInt(e.Name(), 10, 64); err != nil || k != n {
			continue
		}
		return folderCandidate(filepath.Join(m.Path, e.Name()), m.Watch)
	}
	return candidate{err: fmt.Errorf("%s: %w: version %d", m.Path, kerasrun.ErrNotFound, n)}
}

// folderCandidate finds the model of a folder without versions: the folder itself, if it is a .keras archive in folder
// form, or else the one model file in it.
func folderCandidate(folder string, watch []string) candidate {
	inside, err := os.ReadDir(folder)
	if err != nil {
		return candidate{err: err}
	}
	var models []string
	for _, f := range inside {
		switch strings.ToLower(filepath.Ext(f.Name())) {
		case ".keras", ".h5", ".hdf5":
			models = append(models, f.Name())
		case ".json":
			switch f.Name() {
			case "config.json": // the folder is a .keras archive in folder form
				return newCandidate(folder, watch)
			case "model.json": // of TensorFlow.js
				models = append(models, f.Name())
			}
		}
	}
	if len(models) != 1 {
		return candidate{err: fmt.Errorf("%s: %w: %d model files (.keras, .h5, model.json), want 1", folder, kerasrun.ErrNotFound, len(models))}
	}
	return newCandidate(filepath.Join(folder, models[0]), watch)
}

// newCandidate stamps a model's file, of a folder all files in it, and the files beside it that belong to it.
func newCandidate(path string, watch []string) candidate {
	c := candidate{path: path}
	stamp := func(name string, info os.FileInfo) {
		c.stamp += fmt.Sprintf("%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
	}
	for _, name := range append([]string{path}, watch...) {
		info, err := os.Stat(name)
		if err != nil {
			c.err = err
			return c
		}
		stamp(name, info)
		folder := ""
		switch {
		case info.IsDir():
			folder = name
		case filepath.Base(name) == "model.json": // its shards are beside it
			folder = filepath.Dir(name)
		}
		if folder == "" {
			continue
		}
		entries, err := os.ReadDir(folder)
		if err != nil {
			c.err = err
			return c
		}
		for _, e := range entries {
			if info, err := os.Stat(filepath.Join(folder, e.Name())); err == nil && !info.IsDir() {
				stamp(e.Name(), info)
			}
		}
	}
	return c
}
