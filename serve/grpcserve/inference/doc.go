// Package inference has the messages and the service of the Open Inference Protocol v2 over gRPC, generated from
// inference.proto.
//
// To generate them anew: pip install grpcio-tools, go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
// and google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.5.1, then in this folder
//
//	python -m grpc_tools.protoc -I. --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative inference.proto
package inference
