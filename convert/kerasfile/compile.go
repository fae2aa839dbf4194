package kerasfile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kerasrun/kerasrun/keras"
)

// Keras 3 keeps how a model was compiled in a .keras file as compile_config,
// with the member optimizer, and in an .h5 as training_config, with the member
// optimizer_config. Keras 1 and 2 wrote the latter.

// compileConfig is the compile config for a .keras file, or nil.
func (a *architect) compileConfig() *keras.Value {
	v := a.j.Arch.Training
	if v.Len() == 0 {
		return nil
	}
	if v.Has("optimizer") { // as a .keras file of Keras 3 has it
		return v
	}
	out, err := modernTraining(v)
	if err != nil {
		a.j.Note("how the model was compiled is left out: %v", err)
		return nil
	}
	return out
}

// trainingConfig is what becomes of a compile config in an .h5 file.
func trainingConfig(v *keras.Value) *keras.Value {
	o := v.Get("optimizer")
	if o.Kind() != keras.Object {
		return v.Without("optimizer").With("optimizer_config", o)
	}
	return v.Without("optimizer").With("optimizer_config",
		keras.NewObject().With("class_name", o.Get("class_name")).With("config", o.Get("config")))
}

// optimizerKeys are what optimizers of Keras 3 take besides what all take.
var optimizerKeys = map[string]string{
	"SGD": "momentum nesterov", "RMSprop": "rho momentum epsilon centered", "Adam": "beta_1 beta_2 epsilon amsgrad",
	"AdamW": "beta_1 beta_2 epsilon amsgrad", "Adadelta": "rho epsilon", "Adagrad": "initial_accumulator_value epsilon",
	"Adamax": "beta_1 beta_2 epsilon", "Nadam": "beta_1 beta_2 epsilon",
	"Ftrl": "learning_rate_power initial_accumulator_value l1_regularization_strength l2_regularization_strength l2_shrinkage_regularization_strength beta",
	"Lion": "beta_1 beta_2", "Adafactor": "beta_2_decay epsilon_1 epsilon_2 clip_threshold relative_step",
}

const commonOptimizerKeys = "name learning_rate weight_decay clipnorm clipvalue global_clipnorm use_ema ema_momentum ema_overwrite_frequency loss_scale_factor gradient_accumulation_steps"

// modernTraining turns the training_config of Keras 1 or 2 into a compile_config.
func modernTraining(v *keras.Value) (*keras.Value, error) {
	o := v.Get("optimizer_config")
	class, _ := o.Get("class_name").Str()
	class = class[strings.LastIndexByte(class, '>')+1:]
	own, ok := optimizerKeys[class]
	if !ok {
		return nil, fmt.Errorf("optimizer %q", class)
	}
	config := keras.NewObject()
	was := o.Get("config")
	if lr := was.Get("lr"); lr != nil && !was.Has("learning_rate") {
		was = was.With("learning_rate", lr)
	}
	for _, key := range strings.Fields(commonOptimizerKeys + " " + own) {
		if x := was.Get(key); x != nil {
			if key == "learning_rate" && x.Kind() == keras.Object {
				name, _ := x.Get("class_name").Str()
				x = object("keras.optimizers.schedules", name, "", x.Get("config"))
			}
			config = config.With(key, x)
		}
	}
	loss, err := modernLoss(v.Get("loss"))
	if err != nil {
		return nil, err
	}
	out := keras.NewObject().With("optimizer", object("keras.optimizers", class, "", config)).With("loss", loss)
	out = out.With("loss_weights", orNull(v.Get("loss_weights")))
	for _, key := range []string{"metrics", "weighted_metrics"} {
		m, err := modernMetrics(v.Get(key))
		if err != nil {
			return nil, err
		}
		out = out.With(key, m)
	}
	return out, nil
}

func orNull(v *keras.Value) *keras.Value {
	if v == nil || v.Len() == 0 && v.Kind() != keras.Number {
		return keras.NewNull()
	}
	return v
}

// each maps the items of a list or the members of an object.
func each(v *keras.Value, f func(*keras.Value) (*keras.Value, error)) (*keras.Value, error) {
	items := v.Items()
	for i, it := range items {
		var err error
		if items[i], err = f(it); err != nil {
			return nil, err
		}
	}
	if v.Kind() == keras.Array {
		return keras.NewArray(items...), nil
	}
	out := keras.NewObject()
	for i, k := range v.Keys() {
		out = out.With(k, items[i])
	}
	return out, nil
}

func modernLoss(v *keras.Value) (*keras.Value, error) {
	class, isObject := v.Get("class_name").Str()
	switch {
	case isObject:
		config := v.Get("config")
		if r, _ := config.Get("reduction").Str(); r == "auto" {
			config = config.With("reduction", keras.NewString("sum_over_batch_size"))
		}
		return object("keras.losses", class, "", config.Without("fn")), nil
	case v.Kind() == keras.Array || v.Kind() == keras.Object:
		return each(v, modernLoss)
	}
	return orString(v), nil
}

func orString(v *keras.Value) *keras.Value {
	if v == nil {
		return keras.NewNull()
	}
	return v
}

// wrappers are the classes in which Keras 2 wrote a metric that is a function.
var metricWrappers = []string{"MeanMetricWrapper", "SumOverBatchSizeMetricWrapper"}

func modernMetrics(v *keras.Value) (*keras.Value, error) {
	class, isObject := v.Get("class_name").Str()
	config := v.Get("config")
	switch {
	case isObject && slices.Contains(metricWrappers, class):
		name, ok := config.Get("fn").Str()
		if !ok {
			return nil, fmt.Errorf("a metric that is Python code")
		}
		if given, _ := config.Get("name").Str(); given == "accuracy" || given == "acc" {
			name = given
		}
		return keras.NewString(name), nil
	case isObject:
		return object("keras.metrics", class, "", config), nil
	case v.Kind() == keras.Array && v.Len() == 1 && v.Items()[0].Kind() == keras.Array: // one list an output
		return modernMetrics(v.Items()[0])
	case v.Kind() == keras.Array || v.Kind() == keras.Object:
		return each(v, modernMetrics)
	}
	return orString(v), nil
}
