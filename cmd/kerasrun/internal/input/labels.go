package input

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/kerasrun/kerasrun"
)

// maxLabels bounds a file of labels: 64 MiB.
const maxLabels = 64 << 20

// ReadLabels reads names of classes: a line each, a JSON list, or a JSON object
// from index to name. Keras's own form for ImageNet, {"0": ["n01440764",
// "tench"]}, gives the last string.
func ReadLabels(name string) ([]string, error) {
	labels, err := readLabels(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return labels, nil
}

func readLabels(name string) ([]string, error) {
	st, err := os.Stat(name)
	if err == nil && st.Size() > maxLabels {
		err = fmt.Errorf("%w: %d bytes, want at most %d", kerasrun.ErrLimit, st.Size(), maxLabels)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, err
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	trimmed := bytes.TrimSpace(text)
	switch {
	case len(trimmed) == 0:
		return nil, fmt.Errorf("%w: no labels", kerasrun.ErrInput)
	case trimmed[0] == '[':
		var list []any
		if err := json.Unmarshal(trimmed, &list); err != nil {
			return nil, fmt.Errorf("%w: %w", kerasrun.ErrInput, err)
		}
		labels := make([]string, len(list))
		for i, v := range list {
			labels[i] = label(v)
		}
		return labels, nil
	case trimmed[0] == '{':
		return labelsByIndex(trimmed)
	}
	labels := strings.Split(strings.TrimRight(string(text), "\r\n"), "\n")
	for i, l := range labels {
		labels[i] = strings.TrimSpace(l)
	}
	return labels, nil
}

func labelsByIndex(text []byte) ([]string, error) {
	var byIndex map[string]any
	if err := json.Unmarshal(text, &byIndex); err != nil {
		return nil, fmt.Errorf("%w: %w", kerasrun.ErrInput, err)
	}
	labels := make([]string, len(byIndex))
	for key, v := range byIndex {
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i >= len(labels) {
			return nil, fmt.Errorf("%w: the index %q, want 0 to %d", kerasrun.ErrInput, key, len(labels)-1)
		}
		labels[i] = label(v)
	}
	return labels, nil
}

// label is the text of a JSON value; of a list, its last.
func label(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		if len(v) > 0 {
			if s, ok := v[len(v)-1].(string); ok {
				return s
			}
		}
	}
	return fmt.Sprint(v)
}
