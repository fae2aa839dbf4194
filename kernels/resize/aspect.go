package resize

import "math"

// Box is a part of an image: H rows from row Y, W columns from column X.
type Box struct{ Y, X, H, W int }

// CropToAspectRatio returns the largest centred part of an inH x inW image that has the aspect ratio outW : outH, as
// Resizing(crop_to_aspect_ratio=True) and smart_resize cut it. Ratios are float32 as in TensorFlow. All sizes must be
// between 1 and 1<<24.
func CropToAspectRatio(inH, inW, outH, outW int) Box {
	h := max(min(inH, ratio(inW, outH, outW)), 1)
	w := max(min(inW, ratio(inH, outW, outH)), 1)
	return Box{Y: (inH - h) / 2, X: (inW - w) / 2, H: h, W: w}
}

// PadToAspectRatio returns how many rows go above and below (top) and how many columns go left and right (left) of an
// inH x inW image for the aspect ratio outW : outH, as Resizing(pad_to_aspect_ratio=True) adds them before it resizes.
// Both sides get the same number: when the difference is odd, Keras pads one less. At most one of the two is above 0.
func PadToAspectRatio(inH, inW, outH, outW int) (top, left int) {
	h := max(inH, ratio(inW, outH, outW))
	w := max(inW, ratio(inH, outW, outH))
	return (h - inH) / 2, (w - inW) / 2
}

// CenterCrop returns the part of an inH x inW image that the layer CenterCrop takes: the centred outH x outW pixels
// when the image has them, else the part with the same aspect ratio, which is then resized with Bilinear.
func CenterCrop(inH, inW, outH, outW int) Box {
	if inH >= outH && inW >= outW {
		return Box{Y: (inH - outH) / 2, X: (inW - outW) / 2, H: outH, W: outW}
	}
	return CropToAspectRatio(inH, inW, outH, outW)
}

// ratio is a·b/c, rounded to zero, with the product and the quotient in float32, and at most the largest int32.
func ratio(a, b, c int) int {
	return int(min(int64(float32(int64(a)*int64(b))/float32(c)), math.MaxInt32))
}

// Pad copies a h x w image with c channels into the middle of dst, which has h+2·top rows and w+2·left columns, and
// sets the pixels around it to fill.
func Pad[T Float](dst, src []T, h, w, c, top, left int, fill T) {
	width := (w + 2*left) * c
	for y := range h + 2*top {
		row := dst[y*width : (y+1)*width]
		if y < top || y >= top+h {
			set(row, fill)
			continue
		}
		set(row[:left*c], fill)
		copy(row[left*c:(left+w)*c], src[(y-top)*w*c:(y-top+1)*w*c])
		set(row[(left+w)*c:], fill)
	}
}

func set[T Float](s []T, v T) {
	for i := range s {
		s[i] = v
	}
}
