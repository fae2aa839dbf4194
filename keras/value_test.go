package keras

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func parse(t *testing.T, text string) *Value {
	t.Helper()
	v, err := ParseJSON([]byte(text), Limits{})
	require.NoError(t, err)
	return v
}

func TestParseJSON(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`null`, `null`},
		{" \t\r\n{ } ", `{}`},
		{`[NaN, Infinity, -Infinity, -0.5e+3, 1E5, 0]`, `[NaN,Infinity,-Infinity,-0.5e+3,1E5,0]`},
		{`{"b": 1, "a": [true, false, {}], "": null}`, `{"b":1,"a":[true,false,{}],"":null}`},
		{`"\" \\ \/ \b\f\n\r\t \u00e9 \ud83d\ude00"`, `"\" \\ / \b\f\n\r\t \u00e9 \ud83d\ude00"`},
		{`"é😀\\"`, `"\u00e9\ud83d\ude00\\"`},
		{`123456789012345678901234567890`, `123456789012345678901234567890`},
		{"\ufeff[1]", `[1]`},
		{`"` + "\x7f" + `"`, `"\u007f"`},
	} {
		v, err := ParseJSON([]byte(c.text), Limits{})
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, v.JSON())
	}
}

func TestParseJSONErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{``, "byte 0: end of text, want a value"},
		{`{"a": 1} x`, "byte 9: 'x' after the value"},
		{`{"a": 1, "b": 2, "a": 3}`, `byte 17: key "a" occurs twice`},
		{`[1 2]`, "byte 3: '2', want , or ]"},
		{`{"a" 1}`, "byte 5: '1', want :"},
		{`{"a": 1 "b": 2}`, `byte 8: '"', want , or }`},
		{`{a: 1}`, "byte 1: 'a', want a key"},
		{`{"a": 1,}`, "byte 8: '}', want a key"},
		{`[1,]`, "byte 3: ']', want a value"},
		{`[1`, "byte 2: end of text, want , or ]"},
		{`"ab`, "byte 3: end of text in a string"},
		{`"a\`, "byte 2: end of text in a string"},
		{`"a\u12`, "byte 2: end of text in an escape"},
		{`"\u12g4"`, "byte 1: bad \\u escape"},
		{`"\x"`, `byte 1: unknown escape \x`},
		{"\"a\nb\"", "byte 2: control character 0x0a in a string"},
		{"\"\\n\x01\"", "byte 3: control character 0x01 in a string"},
		{"\"a\xff\"", "byte 2: invalid UTF-8"},
		{"\"\\t\xc3(\"", "byte 3: invalid UTF-8"},
		{"[\xff]", "byte 1: byte 0xff, want a value"},
		{`"\ud800"`, "byte 1: half of a surrogate pair"},
		{`"\ud800\u0041"`, "byte 1: half of a surrogate pair"},
		{`"\udc00"`, "byte 1: half of a surrogate pair"},
		{`012`, "byte 0: number with a leading zero"},
		{`1.`, "byte 0: number without digits after the point"},
		{`1e+`, "byte 0: number without digits in the exponent"},
		{`-`, "byte 0: '-', want a value"},
		{`+1`, "byte 0: '+', want a value"},
		{`nul`, "byte 0: 'n', want a value"},
	} {
		_, err := ParseJSON([]byte(c.text), Limits{})
		require.ErrorIs(t, err, ErrFormat, c.text)
		require.ErrorContains(t, err, "JSON at "+c.want)
	}
	// Objects with many keys look them up in another way.
	many := `{"k": 0`
	for _, c := range "abcdefghijlmnopqrstuvw" {
		many += `, "` + string(c) + `": 0`
	}
	_, err := ParseJSON([]byte(many+"}"), Limits{})
	require.NoError(t, err)
	_, err = ParseJSON([]byte(many+`, "k": 1}`), Limits{})
	require.ErrorContains(t, err, `key "k" occurs twice`)
	_, err = ParseJSON([]byte(many+`, "w": 1}`), Limits{})
	require.ErrorContains(t, err, `key "w" occurs twice`)
}

func TestParseJSONLimits(t *testing.T) {
	deep := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	_, err := ParseJSON(deep(257), Limits{})
	require.NoError(t, err)
	_, err = ParseJSON(deep(258), Limits{})
	require.ErrorIs(t, err, ErrLimit)
	_, err = ParseJSON(deep(4), Limits{JSONDepth: 2})
	require.ErrorIs(t, err, ErrLimit)
	_, err = ParseJSON([]byte(strings.Repeat("[", 5<<20)), Limits{})
	require.ErrorIs(t, err, ErrLimit)

	_, err = ParseJSON([]byte(`[1, 2, 3]`), Limits{JSONNodes: 4})
	require.NoError(t, err)
	_, err = ParseJSON([]byte(`[1, 2, 3]`), Limits{JSONNodes: 3})
	require.ErrorIs(t, err, ErrLimit)

	_, err = ParseJSON([]byte(`[1, 2, 3]`), Limits{JSONSize: 8})
	require.ErrorIs(t, err, ErrLimit)
	require.EqualValues(t, 16<<20, Limits{}.ConfigBytes())
}

func TestAccessors(t *testing.T) {
	v := parse(t, `{"s": "x", "i": 3, "f": 2.0, "h": 2.5, "t": true, "n": null, "a": [1, 2], "big": 1e300, "nan": NaN}`)
	require.Equal(t, []string{"s", "i", "f", "h", "t", "n", "a", "big", "nan"}, v.Keys())
	s, ok := v.Get("s").Str()
	require.True(t, ok)
	require.Equal(t, "x", s)
	for key, want := range map[string]int{"i": 3, "f": 2} {
		n, ok := v.Get(key).Int()
		require.True(t, ok, key)
		require.Equal(t, want, n)
	}
	for _, key := range []string{"s", "h", "t", "n", "a", "big", "nan", "absent"} {
		_, ok := v.Get(key).Int()
		require.False(t, ok, key)
	}
	f, ok := v.Get("h").Float()
	require.True(t, ok)
	require.Equal(t, 2.5, f)
	f, ok = v.Get("nan").Float()
	require.True(t, ok)
	require.True(t, math.IsNaN(f))
	f, ok = parse(t, "1e999").Float()
	require.True(t, ok)
	require.True(t, math.IsInf(f, 1))
	b, ok := v.Get("t").Bool()
	require.True(t, ok)
	require.True(t, b)
	require.Equal(t, 2, v.Get("a").Len())
	require.True(t, v.Has("n"))
	require.True(t, v.Get("n").IsNull())
	require.False(t, v.Has("absent"))

	var none *Value
	require.Equal(t, Null, none.Kind())
	require.Nil(t, none.Get("x").Get("y"))
	require.Nil(t, none.Keys())
	require.Nil(t, none.Items())
	require.Zero(t, none.Len())
	require.Equal(t, "null", none.JSON())
	_, ok = none.Str()
	require.False(t, ok)
	_, ok = none.Float()
	require.False(t, ok)
	_, ok = none.Bool()
	require.False(t, ok)

	// What is returned may be changed without changing the value.
	v.Keys()[0] = "changed"
	v.Get("a").Items()[0] = nil
	require.Equal(t, "s", v.Keys()[0])
	require.Equal(t, "[1,2]", v.Get("a").JSON())
}

func TestBuild(t *testing.T) {
	v := NewObject().With("a", NewInt(1)).With("b", NewString("x"))
	w := v.With("a", NewNumber(2)).With("c", NewArray(NewBool(true), NewNull()))
	require.Equal(t, `{"a":1,"b":"x"}`, v.JSON())
	require.Equal(t, `{"a":2.0,"b":"x","c":[true,null]}`, w.JSON())
	require.Equal(t, `{"b":"x"}`, w.Without("a", "c", "absent").JSON())
	require.Equal(t, `{"z":1,"b":"x"}`, v.rename("a", "z").JSON())
	require.Equal(t, `{"b":"x"}`, v.rename("a", "b").JSON())
	require.Equal(t, `[1,-2]`, NewInts(1, -2).JSON())
	for f, want := range map[float64]string{
		0: "0.0", 0.001: "0.001", 1e-5: "1e-05", 1e16: "1e+16", 123456789: "123456789.0", math.Inf(-1): "-Infinity", 0.1: "0.1",
	} {
		require.Equal(t, want, NewNumber(f).JSON())
	}
	require.Equal(t, "NaN", NewNumber(math.NaN()).JSON())
}

func TestEmbedded(t *testing.T) {
	v, err := parse(t, `"{\"a\": \"b\"}"`).Embedded(Limits{})
	require.NoError(t, err)
	require.Equal(t, `{"a":"b"}`, v.JSON())
	v, err = parse(t, `{"a": 1}`).Embedded(Limits{})
	require.NoError(t, err)
	require.Equal(t, `{"a":1}`, v.JSON())
	_, err = parse(t, `"{"`).Embedded(Limits{})
	require.ErrorIs(t, err, ErrFormat)
}
