package operation

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kerasrun/kerasrun/keras"
	"github.com/kerasrun/kerasrun/runtime/graph"
)

func TestTFOperations(t *testing.T) {
	checkOps(t, true, []opTest{
		{"math.subtract", "", "y y=v name=null", "%7 = Binary{Func:sub} y v : float32 (4, 6)"},
		{"__operators__.add", "", "u y=2", "const  %7 uint8 () [2]\n%8 = Binary{Func:add} u %7 : uint8 (4, 6)"},
		{"math.multiply", "", "2 y=x", "const  %7 float32 () [2]\n%8 = Binary{Func:mul} %7 x : float32 (None, 4, 6)"},
		{"math.truediv", "", "i y=2", "const  %7 int32 () [2]\n%8 = Cast{To:float64} i : float64 (None, 4)\n%9 = Cast{To:float64} %7 : float64 ()\n%10 = Binary{Func:div} %8 %9 : float64 (None, 4)"},
		{"nn.relu", "", "y", "%7 = Activation{Func:relu B:+Inf} y : float32 (4, 6)"},
		{"nn.gelu", "", "y", "%7 = Activation{Func:gelu} y : float32 (4, 6)"},
		{"nn.softmax", "", "x axis=1", "%7 = Softmax{Axes:[1]} x : float32 (None, 4, 6)"},
		{"math.reduce_mean", "", "x axis=[1,2] keepdims=true", "%7 = Reduce{Func:mean Axes:[1 2] KeepDims:true} x : float32 (None, 1, 1)"},
		{"concat", "", "[y,y] axis=-1", "%7 = Concat{Axis:-1} y y : float32 (4, 12)"},
		{"reshape", "", "x shape=[-1,12]", "%7 = Reshape{Dims:[-1 12]} x : float32 (None, 12)"},
		{"transpose", "", "x perm=[0,2,1]", "%7 = Transpose{Perm:[0 2 1]} x : float32 (None, 6, 4)"},
		{"clip_by_value", "", "y 0 6", "%7 = Activation{Func:clip B:6} y : float32 (4, 6)"},
		{"cast", "", `u dtype="float32"`, "%7 = Cast u : float32 (4, 6)"},
		{"expand_dims", "", "v axis=0", "%7 = Reshape{Dims:[1 -2]} v : float32 (1, 6)"},
		{"linalg.matmul", "", "y y transpose_b=true", "%7 = Transpose{Perm:[1 0]} y : float32 (6, 4)\n%8 = MatMul y %7 : float32 (4, 4)"},
		{"pad", "", `y [[0,0],[1,1]] mode="REFLECT"`, "%7 = Pad{Before:[0 1] After:[0 1] Mode:reflect} y : float32 (4, 8)"},
		{"__operators__.getitem", "", `x slice_spec=[{"start":null,"stop":null,"step":null},1]`, "%7 = Slice{Ranges:[{Step:1} {Start:1 Step:1 Index:true}]} x : float32 (None, 6)"},
	})
	for _, c := range []struct {
		test opTest
		is   error
	}{
		{opTest{class: "math.add", args: "y y=h"}, graph.ErrDType},
		{opTest{class: "math.add", args: "u y=2.5"}, graph.ErrDType},
		{opTest{class: "raw_ops.Strange", args: "y"}, keras.ErrUnsupported},
		{opTest{class: "transpose", args: "y conjugate=true"}, keras.ErrUnsupported},
	} {
		_, err := lowerOp(t, c.test, true)
		require.ErrorIs(t, err, c.is)
	}
}
