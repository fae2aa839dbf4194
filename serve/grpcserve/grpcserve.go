// Package grpcserve answers the Open Inference Protocol v2 over gRPC, as KServe and Triton speak it, with the models of
// a server of package serve. It is a module of its own, so that programs without gRPC do not link it.
package grpcserve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/kerasrun/kerasrun"
	"github.com/kerasrun/kerasrun/serve"
	pb "github.com/kerasrun/kerasrun/serve/grpcserve/inference"
)

// Register adds the service of the protocol, and gRPC's own for health, to g. Bodies are bounded by g's options
// (grpc.MaxRecvMsgSize), predictions by s. What it returns turns the health to "not serving", before a stop.
func Register(g *grpc.Server, s *serve.Server) (drain func()) {
	pb.RegisterGRPCInferenceServiceServer(g, &service{server: s})
	h := health.NewServer()
	grpc_health_v1.RegisterHealthServer(g, h)
	return h.Shutdown
}

// A service is the protocol over a server of models.
type service struct {
	pb.UnimplementedGRPCInferenceServiceServer
	server *serve.Server
}

// statusError gives an error of the server its code of gRPC.
func statusError(err error) error {
	var e *serve.Error
	if !errors.As(err, &e) {
		return err
	}
	code, ok := map[int]codes.Code{
		http.StatusBadRequest:            codes.InvalidArgument,
		http.StatusNotFound:              codes.NotFound,
		http.StatusRequestEntityTooLarge: codes.ResourceExhausted,
		http.StatusServiceUnavailable:    codes.Unavailable,
		http.StatusGatewayTimeout:        codes.DeadlineExceeded,
	}[e.Status]
	if !ok {
		code = codes.Internal
	}
	return status.Error(code, e.Message)
}

func invalid(format string, args ...any) error {
	return status.Error(codes.InvalidArgument, fmt.Sprintf(format, args...))
}

func (s *service) ServerLive(context.Context, *pb.ServerLiveRequest) (*pb.ServerLiveResponse, error) {
	return &pb.ServerLiveResponse{Live: true}, nil
}

func (s *service) ServerReady(context.Context, *pb.ServerReadyRequest) (*pb.ServerReadyResponse, error) {
	return &pb.ServerReadyResponse{Ready: s.server.Ready()}, nil
}

func (s *service) ModelReady(_ context.Context, r *pb.ModelReadyRequest) (*pb.ModelReadyResponse, error) {
	_, err := s.server.Describe(r.Name, r.Version)
	return &pb.ModelReadyResponse{Ready: err == nil}, nil
}

func (s *service) ServerMetadata(context.Context, *pb.ServerMetadataRequest) (*pb.ServerMetadataResponse, error) {
	i := s.server.Info()
	return &pb.ServerMetadataResponse{Name: i.Name, Version: i.Version, Extensions: i.Extensions}, nil
}

func (s *service) ModelMetadata(_ context.Context, r *pb.ModelMetadataRequest) (*pb.ModelMetadataResponse, error) {
	m, err := s.server.Describe(r.Name, r.Version)
	if err != nil {
		return nil, statusError(err)
	}
	tensors := func(infos []serve.TensorInfo) (out []*pb.ModelMetadataResponse_TensorMetadata) {
		for _, t := range infos {
			out = append(out, &pb.ModelMetadataResponse_TensorMetadata{Name: t.Name, Datatype: t.Datatype, Shape: t.Shape})
		}
		return out
	}
	return &pb.ModelMetadataResponse{Name: m.Name, Versions: m.Versions, Platform: m.Platform, Inputs: tensors(m.Inputs), Outputs: tensors(m.Outputs)}, nil
}

func (s *service) ModelConfig(_ context.Context, r *pb.ModelConfigRequest) (*pb.ModelConfigResponse, error) {
	m, err := s.server.Describe(r.Name, r.Version)
	if err != nil {
		return nil, statusError(err)
	}
	dataType := func(name string) pb.DataType {
		if name == "BYTES" {
			return pb.DataType_TYPE_STRING
		}
		return pb.DataType(pb.DataType_value["TYPE_"+name])
	}
	c := &pb.ModelConfig{Name: m.Name, Platform: m.Platform, Backend: s.server.Info().Name}
	for _, t := range m.Inputs {
		c.Input = append(c.Input, &pb.ModelInput{Name: t.Name, DataType: dataType(t.Datatype), Dims: t.Shape})
	}
	for _, t := range m.Outputs {
		c.Output = append(c.Output, &pb.ModelOutput{Name: t.Name, DataType: dataType(t.Datatype), Dims: t.Shape})
	}
	return &pb.ModelConfigResponse{Config: c}, nil
}

func (s *service) RepositoryIndex(_ context.Context, r *pb.RepositoryIndexRequest) (*pb.RepositoryIndexResponse, error) {
	out := &pb.RepositoryIndexResponse{}
	for _, l := range s.server.Index() {
		if l.State == "READY" || !r.Ready {
			out.Models = append(out.Models, &pb.RepositoryIndexResponse_ModelIndex{Name: l.Name, Version: l.Version, State: l.State, Reason: l.Reason})
		}
	}
	return out, nil
}

func (s *service) ModelInfer(ctx context.Context, r *pb.ModelInferRequest) (*pb.ModelInferResponse, error) {
	q := serve.Request{Model: r.ModelName, Version: r.ModelVersion}
	if err := readParameters(&q, r.Parameters); err != nil {
		return nil, err
	}
	raw := len(r.RawInputContents) > 0
	if raw && len(r.RawInputContents) != len(r.Inputs) {
		return nil, invalid("%d raw_input_contents for %d inputs", len(r.RawInputContents), len(r.Inputs))
	}
	for i, in := range r.Inputs {
		var bytes []byte
		if raw {
			if in.Contents != nil {
				return nil, invalid("input '%s': both contents and raw_input_contents", in.Name)
			}
			bytes = r.RawInputContents[i]
		}
		t, err := readTensor(in, raw, bytes)
		if err != nil {
			return nil, err
		}
		q.Inputs = append(q.Inputs, serve.NamedTensor{Name: in.Name, Tensor: t})
	}
	for _, o := range r.Outputs {
		want := serve.OutputRequest{Name: o.Name}
		for name, p := range o.Parameters {
			switch name {
			case "classification":
				n, ok := p.ParameterChoice.(*pb.InferParameter_Int64Param)
				if !ok || n.Int64Param < 0 || n.Int64Param > 1<<31-1 {
					return nil, invalid("output '%s': classification is no number of classes", o.Name)
				}
				want.Classes = int(n.Int64Param)
			case "shared_memory_region":
				return nil, invalid("output '%s': shared memory is not supported", o.Name)
			}
		}
		q.Outputs = append(q.Outputs, want)
	}
	a, err := s.server.Infer(ctx, q)
	if err != nil {
		return nil, statusError(err)
	}
	out := &pb.ModelInferResponse{ModelName: a.Model, ModelVersion: a.Version, Id: r.Id}
	typed := !raw && canBeTyped(a.Outputs)
	for _, t := range a.Outputs {
		o := &pb.ModelInferResponse_InferOutputTensor{Name: t.Name, Datatype: serve.Datatype(t.DType)}
		for _, d := range t.Shape {
			o.Shape = append(o.Shape, int64(d))
		}
		if typed {
			o.Contents = contents(t.Tensor)
		} else {
			out.RawOutputContents = append(out.RawOutputContents, serve.AppendBinary(nil, t.Tensor))
		}
		out.Outputs = append(out.Outputs, o)
	}
	return out, nil
}

// readParameters notes the parameters of a request. Those that nobody knows have no effect, as the protocol has it.
func readParameters(q *serve.Request, parameters map[string]*pb.InferParameter) error {
	for name, p := range parameters {
		switch name {
		case "timeout": // microseconds
			var n uint64
			switch v := p.ParameterChoice.(type) {
			case *pb.InferParameter_Int64Param:
				n = uint64(max(0, v.Int64Param))
			case *pb.InferParameter_Uint64Param:
				n = v.Uint64Param
			default:
				return invalid("parameter timeout is no number")
			}
			q.Timeout = time.Duration(min(n, uint64(time.Hour/time.Microsecond))) * time.Microsecond
		case "sequence_id":
			if p.GetInt64Param() != 0 || p.GetUint64Param() != 0 || p.GetStringParam() != "" {
				return invalid("sequence_id: sequences are not supported; every request begins with the zero state")
			}
		}
	}
	return nil
}

// ModelStreamInfer answers the requests of a stream one after the other.
func (s *service) ModelStreamInfer(stream grpc.BidiStreamingServer[pb.ModelInferRequest, pb.ModelStreamInferResponse]) error {
	for {
		r, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		answer, err := s.ModelInfer(stream.Context(), r)
		out := &pb.ModelStreamInferResponse{InferResponse: answer}
		if err != nil { // the stream goes on: its answer says whose the error is
			out.ErrorMessage = status.Convert(err).Message()
			out.InferResponse = &pb.ModelInferResponse{ModelName: r.ModelName, ModelVersion: r.ModelVersion, Id: r.Id}
		}
		if err := stream.Send(out); err != nil {
			return err
		}
	}
}

// readTensor reads an input.
func readTensor(in *pb.ModelInferRequest_InferInputTensor, raw bool, bytes []byte) (kerasrun.Tensor, error) {
	dtype, ok := serve.ParseDatatype(in.Datatype)
	if !ok {
		return kerasrun.Tensor{}, invalid("input '%s': unknown datatype '%s'", in.Name, in.Datatype)
	}
	if _, ok := in.Parameters["shared_memory_region"]; ok {
		return kerasrun.Tensor{}, invalid("input '%s': shared memory is not supported", in.Name)
	}
	shape := make(kerasrun.Shape, len(in.Shape))
	for i, d := range in.Shape {
		if d < 0 || d > 1<<31-1 {
			return kerasrun.Tensor{}, invalid("input '%s': dimension %d of its shape is %d", in.Name, i, d)
		}
		shape[i] = int(d)
	}
	var t kerasrun.Tensor
	var err error
	if raw {
		t, err = serve.DecodeBinary(dtype, shape, bytes)
	} else {
		t, err = fromContents(dtype, shape, in.Contents)
	}
	if err != nil {
		return kerasrun.Tensor{}, invalid("input '%s': %v", in.Name, err)
	}
	return t, nil
}
