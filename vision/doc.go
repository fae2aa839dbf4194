// Package vision turns images into the tensors that Keras models were trained on, and what models say of them into boxes
// and masks.
//
// # Images
//
// Decoding, colour conversion, the resize of Keras's layers and the preprocess_input modes of keras.applications follow keras.utils.load_img, img_to_array and the layer Resizing:
//
//	img, err := vision.Decode(file, 0)
//	x, err := vision.FromImage(img, 3)
//	y := vision.NewPixels(224, 224, 3)
//	err = vision.Resize(y, x, vision.Resizing{Interpolation: vision.Bilinear})
//	err = vision.Preprocess(y, vision.Caffe)
//
// Values are not scaled on the way: a pixel of an 8-bit image is 0 to 255 until Preprocess changes it. The orientation
// that a camera notes in a file's Exif data is not applied, as in Keras.
//
// load_img(target_size=...) resizes with Pillow, whose results differ: Pillow widens its kernels when an image shrinks
// (close to Antialias here) and rounds to 8 bits after each axis; its nearest is the same. Models that resize inside,
// and datasets from image_dataset_from_directory, use the arithmetic of this package.
//
// # Boxes and masks
//
// What a detector returns becomes boxes by Grid.Anchors, DecodeBoxes, Detections and Suppress; Letterbox says how to find
// them again in the image it shrank. What a segmentation returns becomes a mask by ArgMax; Tiled runs a model over images
// larger than its input. MeanAveragePrecision and MaskIoU rate the results, and package vision/overlay draws them.
//
// The package holds no state; functions may be called concurrently on different Pixels.
package vision
