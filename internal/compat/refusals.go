package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// reasons are the only ones for which a file may be refused.
var reasons = []string{"custom Python code", "Lambda bytecode", "corrupt file", "no architecture"}

// readRefusals reads a list of refused files: a line for each with its name and
// one of reasons, between tabs; what stands in a third column explains. Empty
// lines and those that begin with # say nothing.
func readRefusals(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	listed := map[string]string{}
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		column := strings.Split(line, "\t")
		switch {
		case len(column) < 2 || !slices.Contains(reasons, column[1]):
			return nil, fmt.Errorf("%s:%d: want a name, a tab and one of %s", path, i+1, strings.Join(reasons, ", "))
		case listed[column[0]] != "":
			return nil, fmt.Errorf("%s:%d: %s stands there twice", path, i+1, column[0])
		}
		listed[column[0]] = column[1]
	}
	return listed, nil
}
