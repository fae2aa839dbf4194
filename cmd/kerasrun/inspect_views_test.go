package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIndented(t *testing.T) {
	for _, text := range []string{`{}`, `[]`, `1`, `{"a":[],"b":{},"c":[1,[2,{"d":"x,{\"y\\"}]]}`, `"a"`, `[[],[[]]]`} {
		var want bytes.Buffer
		require.NoError(t, json.Indent(&want, []byte(text), "", "  "))
		require.Equal(t, want.String(), indented(text))
	}
	require.Equal(t, "[\n  NaN,\n  -Infinity\n]", indented("[NaN, -Infinity]"))
}
