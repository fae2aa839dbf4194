package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// mostSuggestions bounds the names that a message offers.
const mostSuggestions = 3

// flagError adds to an error about an unknown flag the names that are near.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	var known []string
	c.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, "--"+f.Name) })
	return fmt.Errorf("%w%s", err, didYouMean("--"+unknown.GetSpecifiedName(), known))
}

// didYouMean returns what to add to a message about an unknown name: "; did you
// mean a or b?", or nothing if no known name is near.
func didYouMean(name string, known []string) string {
	type near struct {
		name string
		far  int
	}
	var found []near
	lower := strings.ToLower(name)
	for _, k := range known {
		low := strings.ToLower(k)
		far := editDistance(lower, low)
		switch {
		case far <= (len(name)+2)/4+1 && far < len(name):
		case len(name) > 2 && (strings.Contains(low, lower) || len(k) > 2 && strings.Contains(lower, low)):
			far += len(name) // after those with a typing error
		default:
			continue
		}
		found = append(found, near{k, far})
	}
	slices.SortStableFunc(found, func(a, b near) int { return cmp.Compare(a.far, b.far) })
	var names []string
	for _, f := range found[:min(len(found), mostSuggestions)] {
		names = append(names, f.name)
	}
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(names, " or ") + "?"
}

// editDistance is the number of letters to insert, delete, replace or swap with
// their neighbour that makes b of a.
func editDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	var before []int // the row before the last one
	last := make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := range x {
		row := make([]int, len(y)+1)
		row[0] = i + 1
		for j := range y {
			change := 1
			if x[i] == y[j] {
				change = 0
			}
			row[j+1] = min(last[j]+change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(y)]
}
