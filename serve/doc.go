// Package serve answers the protocols of model servers with Keras models: the REST API of TensorFlow Serving and the
// Open Inference Protocol v2 (KServe, Triton) over REST with its binary tensors.
//
//	server, err := serve.New(serve.Config{Models: []serve.Model{{Name: "digits", Path: "digits.keras"}}})
//	...
//	defer server.Close()
//	http.ListenAndServe("127.0.0.1:8501", server)
//
// A [Server] is a plain [http.Handler]: under another prefix, mount it with [http.StripPrefix]. Whatever else speaks a
// protocol of its own calls [Server.Infer].
//
// # Models
//
// A path is one model file, or a folder with a numbered folder for each version, as TensorFlow Serving has them; the
// newest versions are served. A folder with neither numbers nor a config.json stands for the one model file in it, as
// KServe mounts it. Requests name models, never files. A file that changed is loaded beside the old model,
// warmed up, and takes its place; requests that run finish with the model they began with. One that cannot be
// loaded leaves the old model in place.
//
// # Under load
//
// Config.Concurrency predictions run at a time, Config.Queue more requests wait: the next is answered with 503 and
// Retry-After. A request that is not answered in Config.Timeout ends with 504, a larger body than Config.MaxBody with
// 413, and a panic with 500 and a number that is in the log too. Because a client may close its sending half after a
// request, the end of its stream does not cancel the prediction.
//
// # Micro-batches
//
// With Config.BatchWait, requests that wait for a prediction to end share the next one, where every input and output
// of the model has a free batch. A request that finds the server idle never waits. Numbers may then differ from
// those of the request alone in the last bits, as they do in any batch of another size; a model whose examples are
// seen to depend on each other when it is loaded is not batched.
//
// # The page
//
// At / is a page for people: an image that is dropped or drawn there, its classes, and each layer's time and feature
// maps. Config.NoPage leaves it out.
//
// # Numbers that JSON lacks
//
// NaN, Infinity and -Infinity stand bare in JSON, as TensorFlow Serving and Triton have them, in requests and answers.
package serve
