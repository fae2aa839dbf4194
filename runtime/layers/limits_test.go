package layers

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
	"github.com/stretchr/testify/require"
)

// doubling returns a Sequential that holds another one twice as a shared layer
// does: the number of calls doubles with each level.
func doubling(levels int) string {
	model := `{"class_name":"Sequential","config":{"name":"m0","layers":[{"class_name":"InputLayer","config":{"name":"i0","batch_shape":[null,2],"dtype":"float32"}},{"class_name":"Dropout","config":{"name":"d","rate":0.5}}]}}`
	tensor := func(layer string, node int) string {
		return fmt.Sprintf(`{"class_name":"__keras_tensor__","config":{"shape":[null,2],"dtype":"float32","keras_history":["%s",%d,0]}}`, layer, node)
	}
	for n := 1; n <= levels; n++ {
		inside := fmt.Sprintf("m%d", n-1)
		model = fmt.Sprintf(`{"class_name":"Functional","config":{"name":"m%[1]d","layers":[
			{"class_name":"InputLayer","name":"i%[1]d","config":{"name":"i%[1]d","batch_shape":[null,2],"dtype":"float32"},"inbound_nodes":[]},
			%[2]s,"inbound_nodes":[{"args":[%[3]s],"kwargs":{}},{"args":[%[4]s],"kwargs":{}}]}],
			"input_layers":[["i%[1]d",0,0]],"output_layers":[["%[5]s",1,0]]}}`,
			n, strings.TrimSuffix(strings.Replace(model, `"config"`, fmt.Sprintf(`"name":%q,"config"`, inside), 1), "}"),
			tensor(fmt.Sprintf("i%d", n), 0), tensor(inside, 0), inside)
	}
	return model
}

// Models that call a model twice that calls a model twice need few bytes for many calls.
func TestDoublingModels(t *testing.T) {
	for levels, ok := range map[int]bool{3: true, 40: false} {
		m, err := keras.ParseArchitecture([]byte(doubling(levels)), keras.Hint{Version: "3.15.1"}, keras.Limits{})
		require.NoError(t, err)
		_, err = Lower(m, Options{})
		if ok {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, graph.ErrLimit)
		}
	}
}
