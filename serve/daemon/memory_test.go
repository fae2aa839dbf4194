package daemon

import (
	"net/http"
	"net/http/httptest"
	"runtime/metrics"
	"testing"

	"github.com/stretchr/testify/require"
)

// held is the memory that the process has from the system.
func held() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}

// What a request left is returned when none is under way, and once.
func TestMemoryIsReturned(t *testing.T) {
	const large = 256 << 20
	h := &thrifty{}
	h.look()
	before := held()
	h.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		left := make([]byte, large)
		for i := range left {
			left[i] = 1
		}
		require.False(t, h.look(), "while a request is under way")
		w.Write(left[:1])
	})
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	require.Greater(t, held(), before+large/2)
	require.True(t, h.look())
	require.Less(t, held(), before+large/2)
	require.False(t, h.look(), "nothing was allocated since")
	for range manyClients {
		h.connState(nil, http.StateClosed)
		h.connState(nil, http.StateIdle)
	}
	require.True(t, h.look())
	require.False(t, h.look())
}
