// Kerasrun runs Keras models from the command line.
//
// Usage:
//
//	kerasrun predict MODEL INPUT... [--labels FILE] [--top K] [--preprocess MODE] [--layer PATH] [--format FORMAT] [-o FILE]
//	kerasrun predict MODEL --input NAME=FILE...
//	kerasrun evaluate MODEL --data DIR|FILE [--loss LOSS] [--metrics METRICS] [--labels FILE] [--batch N] [--top K] [--picture FILE] [--json]
//	kerasrun explain MODEL IMAGE [-o FILE] [--map FILE] [--class N] [--patch N] [--stride N] [--alpha X] [--labels FILE] [--preprocess MODE]
//	kerasrun plot MODEL [-o FILE.svg|png|dot|mermaid|txt] [--filters | --activations IMAGE [--layer PATH]]
//	kerasrun inspect MODEL [--tree] [--stats] [--cost] [--plan] [--batch N | --shape NAME=DIMS] [--expand-nested] [--json]
//	kerasrun inspect MODEL --config
//	kerasrun convert MODEL OUT [--to FORMAT] [--keras 2] [--smaller f16|bf16|int8] [--fold]
//	kerasrun diff A B [--format json]
//	kerasrun serve [NAME=]MODEL... [--addr HOST:PORT]
//	kerasrun layers [CLASS]
//	kerasrun verify MODEL... --expect FILE... [--atol X] [--rtol X]
//	kerasrun verify --exact DIR
//	kerasrun bench MODEL [--threads N] [--batch N | --shape NAME=DIMS] [--duration D | --iterations N] [--warmup D] [--profile] [--json]
//	kerasrun version
//	kerasrun man DIR
//
// MODEL is a .keras archive or folder, a whole-model .h5, or an architecture JSON
// with its weights in --weights FILE.
//
// Predict reads images, sounds (.wav), NumPy arrays (.npy, .npz), tables (.csv), JSON, folders
// of them and, for -, standard input. It prints a table, or json, jsonl, csv, npy or npz:
//
//	{"schema_version":1,"results":[{"input":"7.png","outputs":{"dense":[0.01,...]},"top":[{"index":7,"label":"7","score":0.99},...]}]}
//
// Of a file that holds several examples, each gives a result, numbered by "row".
// JSON has no NaN and no infinities: they are the strings "NaN", "Infinity" and
// "-Infinity".
//
// Evaluate prints the loss and the metrics that a model was compiled with, as Keras's
// model.evaluate does, and of a classifier the scores of each class and the confusion matrix:
//
//	{"schema_version":1,"examples":360,"batch":32,"results":[{"name":"loss","value":0.0438},...],"classifications":[{"output":"digit","accuracy":1,"classes":[...],"confusion":[[36,...],...],...}],...}
//
// Explain draws over an image what the score of a class rests on: how far it falls
// when a square is hidden (occlusion), or by its gradient (Grad-CAM, saliency).
//
// Inspect prints Keras's summary of a model, facts about its file and the steps of
// a prediction. Verify compares a model's outputs with recorded ones of Keras. Diff
// compares the layers, options and weights of two models.
//
// Bench measures the time of one run, of loading, and of each step:
//
//	{"schema_version":1,"threads":1,"batch":1,"runs":345,"min_ms":8.5,"median_ms":8.6,"p90_ms":8.9,"p99_ms":9.4,"load_ms":180,"peak_rss_mb":410,...}
//
// Results go to standard output, messages to standard error, one line each:
//
//	kerasrun: file: layer path: what was found, what was wanted
//
// Colours and progress are for terminals; NO_COLOR, TERM=dumb and --color=never turn
// colours off. Files of -o are written beside their place and renamed when whole.
//
// Exit codes:
//
//	0    success
//	1    failure
//	2    wrong usage
//	3    the model is missing, invalid or unsupported
//	4    wrong input data
//	5    verification failed, or models differ
//	6    a limit was exceeded
//	130  interrupted
package main
