package reference

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// TestTokensOfMalformedText holds what tf.strings.lower and then
// tf.strings.unicode_split(s, "UTF-8") return.
func TestTokensOfMalformedText(t *testing.T) {
	for _, c := range [][2]string{
		{"Aé\u65e5", "a|é|\u65e5"},
		{"\x80a", "\ufffd|a"},
		{"\xe6\x97a", "\ufffd|a"},
		{"\xe6\x97", "\ufffd"},
		{"\xf0\x9f\x98\xc3\xa9", "\ufffd|é"},
		{"\xed\xa0\x80", "\ufffd|\ufffd|\ufffd"},
		{"\xf4\x90 ", "\ufffd|\ufffd| "},
		{"\xe0\x80\xff\xc0", "\ufffd|\ufffd|\ufffd|\ufffd"},
	} {
		r := tokenRow{}.read(graph.Tokens{Lower: true, Split: graph.SplitCharacter}, []string{c[0]})
		var got []string
		at := 0
		for _, end := range r.ends {
			got = append(got, string(r.text[at:end]))
			at = end + 1
		}
		require.Equal(t, c[1], strings.Join(got, "|"), "%q", c[0])
	}
}
