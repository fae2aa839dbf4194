package grpcserve_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/serve"
	"github.com/kerasrun/kerasrun/serve/grpcserve"
	pb "github.com/kerasrun/kerasrun/serve/grpcserve/inference"
)

const models = "../../testdata/models/"

// dial starts a server of the models and returns a client of it.
func dial(t *testing.T, names ...string) (pb.GRPCInferenceServiceClient, *grpc.ClientConn, func()) {
	c := serve.Config{Version: "v1", Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	for _, name := range names {
		c.Models = append(c.Models, serve.Model{Name: name, Path: models + name + "/model.keras"})
	}
	s, err := serve.New(c)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := grpc.NewServer()
	drain := grpcserve.Register(g, s)
	go g.Serve(l)
	t.Cleanup(g.Stop)
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return pb.NewGRPCInferenceServiceClient(conn), conn, drain
}

// image is an input of the digits model.
func image(x kerasrun.Tensor) *pb.ModelInferRequest_InferInputTensor {
	in := &pb.ModelInferRequest_InferInputTensor{Name: "image", Datatype: serve.Datatype(x.DType)}
	for _, d := range x.Shape {
		in.Shape = append(in.Shape, int64(d))
	}
	return in
}

func TestInfer(t *testing.T) {
	ctx := context.Background()
	client, _, _ := dial(t, "digits")
	m, err := kerasrun.Load(models + "digits/model.keras")
	require.NoError(t, err)
	x := kerasrun.NewTensor(kerasrun.Float32, kerasrun.Shape{2, 32, 32, 1})
	for i := range x.Len() {
		x.SetFloat(i, float64(i%251))
	}
	want, err := m.Predict(ctx, x)
	require.NoError(t, err)

	typed := image(x)
	typed.Contents = &pb.InferTensorContents{Fp32Contents: x.Float32s()}
	a, err := client.ModelInfer(ctx, &pb.ModelInferRequest{ModelName: "digits", Id: "7", Inputs: []*pb.ModelInferRequest_InferInputTensor{typed}})
	require.NoError(t, err)
	require.Equal(t, "7", a.Id)
	require.Equal(t, "1", a.ModelVersion)
	require.Equal(t, []int64{2, 10}, a.Outputs[0].Shape)
	require.Equal(t, want[0].Data, a.Outputs[0].Contents.Fp32Contents)
	require.Empty(t, a.RawOutputContents)

	raw := &pb.ModelInferRequest{ModelName: "digits", ModelVersion: "1", Inputs: []*pb.ModelInferRequest_InferInputTensor{image(x)}, RawInputContents: [][]byte{serve.AppendBinary(nil, x)}}
	a, err = client.ModelInfer(ctx, raw)
	require.NoError(t, err)
	require.Nil(t, a.Outputs[0].Contents)
	got, err := serve.DecodeBinary(kerasrun.Float32, kerasrun.Shape{2, 10}, a.RawOutputContents[0])
	require.NoError(t, err)
	require.Equal(t, want[0].Data, got.Data)

	for _, compressor := range []string{"gzip", "deflate"} {
		a, err = client.ModelInfer(ctx, raw, grpc.UseCompressor(compressor))
		require.NoError(t, err)
		require.Equal(t, [][]byte{serve.AppendBinary(nil, want[0])}, a.RawOutputContents)
	}

	raw.Outputs = []*pb.ModelInferRequest_InferRequestedOutputTensor{{Name: "digit", Parameters: map[string]*pb.InferParameter{"classification": {ParameterChoice: &pb.InferParameter_Int64Param{Int64Param: 2}}}}}
	a, err = client.ModelInfer(ctx, raw)
	require.NoError(t, err)
	require.Equal(t, "BYTES", a.Outputs[0].Datatype)
	require.Equal(t, []int64{2, 2}, a.Outputs[0].Shape)

	// A stream goes on after an error.
	stream, err := client.ModelStreamInfer(ctx)
	require.NoError(t, err)
	for _, name := range []string{"digits", "nobody", "digits"} {
		raw.ModelName, raw.Id = name, name
		require.NoError(t, stream.Send(raw))
		one, err := stream.Recv()
		require.NoError(t, err)
		require.Equal(t, name, one.InferResponse.Id)
		require.Equal(t, name == "nobody", one.ErrorMessage != "")
		require.Equal(t, name == "digits", len(one.InferResponse.Outputs) == 1)
	}
	require.NoError(t, stream.CloseSend())
	_, err = stream.Recv()
	require.Equal(t, io.EOF, err)
}

func TestQuestions(t *testing.T) {
	ctx := context.Background()
	client, conn, drain := dial(t, "digits", "string_lookup")
	live, err := client.ServerLive(ctx, &pb.ServerLiveRequest{})
	require.NoError(t, err)
	require.True(t, live.Live)
	ready, err := client.ServerReady(ctx, &pb.ServerReadyRequest{})
	require.NoError(t, err)
	require.True(t, ready.Ready)
	for name, want := range map[string]bool{"digits": true, "nobody": false} {
		ready, err := client.ModelReady(ctx, &pb.ModelReadyRequest{Name: name})
		require.NoError(t, err)
		require.Equal(t, want, ready.Ready)
	}
	info, err := client.ServerMetadata(ctx, &pb.ServerMetadataRequest{})
	require.NoError(t, err)
	require.Equal(t, "kerasrun", info.Name)
	m, err := client.ModelMetadata(ctx, &pb.ModelMetadataRequest{Name: "digits"})
	require.NoError(t, err)
	require.Equal(t, []int64{-1, 32, 32, 1}, m.Inputs[0].Shape)
	require.Equal(t, "FP32", m.Outputs[0].Datatype)
	config, err := client.ModelConfig(ctx, &pb.ModelConfigRequest{Name: "string_lookup"})
	require.NoError(t, err)
	require.Equal(t, pb.DataType_TYPE_STRING, config.Config.Input[0].DataType)
	require.Equal(t, pb.DataType_TYPE_INT64, config.Config.Output[0].DataType)
	index, err := client.RepositoryIndex(ctx, &pb.RepositoryIndexRequest{Ready: true})
	require.NoError(t, err)
	require.Len(t, index.Models, 2)

	h := grpc_health_v1.NewHealthClient(conn)
	for _, want := range []grpc_health_v1.HealthCheckResponse_ServingStatus{grpc_health_v1.HealthCheckResponse_SERVING, grpc_health_v1.HealthCheckResponse_NOT_SERVING} {
		answer, err := h.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		require.NoError(t, err)
		require.Equal(t, want, answer.Status)
		drain()
	}
}

func TestMalformed(t *testing.T) {
	client, _, _ := dial(t, "digits")
	type request = pb.ModelInferRequest
	type tensor = pb.ModelInferRequest_InferInputTensor
	x := kerasrun.NewTensor(kerasrun.Float32, kerasrun.Shape{1, 32, 32, 1})
	bytes := [][]byte{serve.AppendBinary(nil, x)}
	of := func(change func(in *tensor)) []*tensor {
		in := image(x)
		change(in)
		return []*tensor{in}
	}
	same := of(func(*tensor) {})
	number := func(n int64) *pb.InferParameter {
		return &pb.InferParameter{ParameterChoice: &pb.InferParameter_Int64Param{Int64Param: n}}
	}
	output := func(name string, n int64) []*pb.ModelInferRequest_InferRequestedOutputTensor {
		return []*pb.ModelInferRequest_InferRequestedOutputTensor{{Name: "digit", Parameters: map[string]*pb.InferParameter{name: number(n)}}}
	}
	for want, c := range map[string]struct {
		code codes.Code
		r    *request
	}{
		"'nobody' is not found":                    {codes.NotFound, &request{ModelName: "nobody"}},
		"version 9 is not found":                   {codes.NotFound, &request{ModelName: "digits", ModelVersion: "9"}},
		"expected 1 inputs but got 0":              {codes.InvalidArgument, &request{}},
		"1 raw_input_contents for 0 inputs":        {codes.InvalidArgument, &request{RawInputContents: bytes}},
		"contents has 0 elements of type FP32":     {codes.InvalidArgument, &request{Inputs: same}},
		"unknown datatype 'fp32'":                  {codes.InvalidArgument, &request{Inputs: of(func(in *tensor) { in.Datatype = "fp32" }), RawInputContents: bytes}},
		"dimension 0 of its shape is -1":           {codes.InvalidArgument, &request{Inputs: of(func(in *tensor) { in.Shape[0] = -1 }), RawInputContents: bytes}},
		"4096 bytes of data, shape (2, 32, 32, 1)": {codes.InvalidArgument, &request{Inputs: of(func(in *tensor) { in.Shape[0] = 2 }), RawInputContents: bytes}},
		"is too large":                             {codes.InvalidArgument, &request{Inputs: of(func(in *tensor) { in.Shape = []int64{1<<31 - 1, 1<<31 - 1, 1<<31 - 1} }), RawInputContents: bytes}},
		"both contents and raw_input_contents":     {codes.InvalidArgument, &request{Inputs: of(func(in *tensor) { in.Contents = &pb.InferTensorContents{} }), RawInputContents: bytes}},
		"unexpected inference input 'y'":           {codes.InvalidArgument, &request{Inputs: of(func(in *tensor) { in.Name = "y" }), RawInputContents: bytes}},
		"which have raw_input_contents alone":      {codes.InvalidArgument, &request{Inputs: of(func(in *tensor) { in.Datatype = "FP16" })}},
		"data-type is 'INT8', but model 'digits' expects": {codes.InvalidArgument, &request{Inputs: of(func(in *tensor) {
			in.Datatype, in.Shape, in.Contents = "INT8", []int64{1}, &pb.InferTensorContents{IntContents: []int32{-128}}
		})}},
		"element 0 is 128, which int8 does not hold": {codes.InvalidArgument, &request{Inputs: of(func(in *tensor) {
			in.Datatype, in.Shape, in.Contents = "INT8", []int64{1}, &pb.InferTensorContents{IntContents: []int32{128}}
		})}},
		"element 0 is 65536, which uint16 does not hold": {codes.InvalidArgument, &request{Inputs: of(func(in *tensor) {
			in.Datatype, in.Shape, in.Contents = "UINT16", []int64{1}, &pb.InferTensorContents{UintContents: []uint32{65536}}
		})}},
		"input 'image': shared memory is not supported":     {codes.InvalidArgument, &request{Inputs: of(func(in *tensor) { in.Parameters = map[string]*pb.InferParameter{"shared_memory_region": number(1)} })}},
		"output 'digit': shared memory is not supported":    {codes.InvalidArgument, &request{Inputs: same, RawInputContents: bytes, Outputs: output("shared_memory_region", 1)}},
		"classification is no number of classes":            {codes.InvalidArgument, &request{Inputs: same, RawInputContents: bytes, Outputs: output("classification", -1)}},
		"sequences are not supported":                       {codes.InvalidArgument, &request{Inputs: same, RawInputContents: bytes, Parameters: map[string]*pb.InferParameter{"sequence_id": number(1)}}},
		"parameter timeout is no number":                    {codes.InvalidArgument, &request{Inputs: same, RawInputContents: bytes, Parameters: map[string]*pb.InferParameter{"timeout": {}}}},
		"unexpected inference output 'y' for model 'digits": {codes.InvalidArgument, &request{Inputs: same, RawInputContents: bytes, Outputs: []*pb.ModelInferRequest_InferRequestedOutputTensor{{Name: "y"}}}},
	} {
		if c.r.ModelName == "" {
			c.r.ModelName = "digits"
		}
		_, err := client.ModelInfer(context.Background(), c.r)
		require.ErrorContains(t, err, want)
		require.Equal(t, c.code, status.Code(err), want)
	}
	_, err := client.ModelMetadata(context.Background(), &pb.ModelMetadataRequest{Name: "nobody"})
	require.Equal(t, codes.NotFound, status.Code(err))
	_, err = client.ModelConfig(context.Background(), &pb.ModelConfigRequest{Name: "nobody"})
	require.Equal(t, codes.NotFound, status.Code(err))
}
