// Package metrics computes the losses and metrics of Keras: what model.evaluate reports, for predictions however they were made.
//
// A [Loss] and a [Metric] are made from their name or from the object that Keras wrote into a file; a [Compiled] is all of a
// compile config, for a model with any number of outputs:
//
//	loss, err := metrics.NewLoss("sparse_categorical_crossentropy")
//	value, err := loss.Of(labels, metrics.Prediction{Values: scores}, nil)
//
//	auc, err := metrics.NewMetric("AUC")
//	err = auc.Update(labels, metrics.Prediction{Values: scores}, nil) // once a batch
//	fmt.Println(auc.Result())
//
// Shapes are Keras's. Predictions are (batch, ...), true values have the same shape; for losses and metrics whose name begins
// with "sparse", they lack the last axis, or it is 1. A missing or extra last axis of 1 is added or dropped as Keras does. What
// Keras would broadcast beyond that is refused ([keras.ErrFormat] for configs, [graph.ErrShape] for shapes).
//
// Values are read as float32, as Keras casts them, and computed in float64; Keras sums in float32, so that its last digits differ.
// Keras 2 computes some otherwise than Keras 3: [For] says which one is meant.
//
// Besides, the package counts a [Confusion] matrix and measures [Calibration], which Keras has no functions for.
//
// Losses are immutable; a Metric and a Compiled belong to one goroutine.
package metrics
