// Package resize resamples images the way TensorFlow does for Keras: the arithmetic behind the layers Resizing,
// UpSampling2D, CenterCrop and behind keras.ops.image.resize and smart_resize.
//
// A Plan holds the sampling positions and weights of both axes for one pair of sizes; it is made once, never changes
// and may be used by any number of goroutines. Run then computes any range of output rows. Images are slices in the
// order (height, width, channels), one image at a time.
//
// Every method samples at half-pixel centres, that is, output pixel i looks at input position (i+0.5)·in/out. What
// differs is the rest, and it follows the TensorFlow op behind each method:
//
//   - Nearest, Bilinear, Bicubic and Area without antialias are the ops ResizeNearestNeighbor, ResizeBilinear,
//     ResizeBicubic (Keys's cubic, a = -0.5, fractions rounded to 1/1024, weights outside the image dropped and the
//     rest renormalised) and ResizeArea.
//   - Lanczos3, Lanczos5, MitchellCubic and Gaussian, and Bilinear and Bicubic with antialias, are ScaleAndTranslate:
//     the radius counts input pixels, times in/out when antialias shrinks an image, and weights are renormalised.
//   - Nearest and Area ignore antialias, as TensorFlow does.
//   - Gaussian and MitchellCubic smooth an image even when its size stays the same.
//
// Positions and weights are float32 and computed in TensorFlow's order of operations, also for float64 images, because
// TensorFlow computes them so: at position 200 the last bit of a float32 already moves a weight by 1e-5.
//
// Sources: tensorflow/python/ops/image_ops_impl.py (resize_images_v2) for what each method means, the papers of Keys
// (1981) and of Mitchell and Netravali (1988) for the cubics.
package resize
