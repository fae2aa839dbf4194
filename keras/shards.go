package keras

import (
	"fmt"
	"path"
	"strings"
)

// ParseShards reads the index of weights that Keras split over several files, a
// .weights.json:
//
//	{"metadata": {...}, "weight_map": {"/layers/conv2d/vars": "model_00000.weights.h5", ...}}
//
// where a group may also have a list of files. The result maps each group,
// named without the leading slash, to its files. File names must be plain, so
// that an index cannot point outside its folder.
func ParseShards(data []byte, lim Limits) (map[string][]string, error) {
	v, err := ParseJSON(data, lim)
	if err != nil {
		return nil, err
	}
	table := v.Get("weight_map")
	if table.Kind() != Object {
		return nil, fmt.Errorf("%w: not an index of shards: weight_map is %s, want an object", ErrFormat, table.Brief())
	}
	groups := make(map[string][]string, table.Len())
	for i, group := range table.Keys() {
		v := table.list.items[i]
		files := []*Value{v}
		if v.Kind() == Array {
			files = v.Items()
		}
		key := strings.Trim(group, "/")
		if groups[key] != nil {
			return nil, fmt.Errorf("%w: weight_map has group %q twice", ErrFormat, group)
		}
		for _, f := range files {
			name, ok := f.Str()
			if !ok || name == "" || name == "." || name == ".." || name != path.Base(name) || strings.ContainsAny(name, `\:`+"\x00") {
				return nil, fmt.Errorf("%w: weight_map[%q] has %s, want the name of a file", ErrFormat, group, f.Brief())
			}
			groups[key] = append(groups[key], name)
		}
	}
	return groups, nil
}
