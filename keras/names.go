package keras

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	notWord   = regexp.MustCompile(`[^\p{L}\p{N}_]+`)
	wordStart = regexp.MustCompile(`(.)([A-Z][a-z]+)`)
	hump      = regexp.MustCompile(`([a-z])([A-Z])`)
)

// SnakeCase returns the name that Keras makes from the name of a class: conv2d
// from Conv2D, re_lu from ReLU, max_pooling2d from MaxPooling2D.
func SnakeCase(class string) string {
	s := notWord.ReplaceAllString(class, "")
	s = wordStart.ReplaceAllString(s, "${1}_$2")
	return strings.ToLower(hump.ReplaceAllString(s, "${1}_$2"))
}

// FilePaths returns, for each layer of g, the group in which .weights.h5 files
// of tf_keras and Keras 3 keep it, relative to the group of the model:
// "layers/conv2d_1". The names are those of classes, numbered in the order of
// the layers. Operation nodes have none; neither have the InputLayers of a
// Sequential, which it does not count as layers.
func FilePaths(g *Graph) map[*Layer]string {
	paths := make(map[*Layer]string, len(g.Layers))
	used := map[string]int{}
	for i, l := range g.Layers {
		if l.Operation || l.Synthetic || g.Sequential && i == 0 && l.Class == "InputLayer" {
			continue
		}
		name := SnakeCase(pythonClass(l))
		n := used[name]
		used[name]++
		if n > 0 {
			name += "_" + strconv.Itoa(n)
		}
		paths[l] = "layers/" + name
	}
	return paths
}

// pythonClass returns the name of the Python class that a layer was, where the
// file has another.
func pythonClass(l *Layer) string {
	switch l.FileClass {
	case "Model":
		return "Functional"
	case "GroupQueryAttention":
		return "GroupedQueryAttention"
	}
	return l.FileClass
}
