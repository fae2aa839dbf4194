package resize

import "math"

// Method is an interpolation, named as in Keras.
type Method uint8

// The interpolations of Keras. Keras 3 offers the first six, Keras 2 all of them.
const (
	Nearest Method = iota
	Bilinear
	Bicubic
	Area
	Lanczos3
	Lanczos5
	MitchellCubic
	Gaussian
)

var methodNames = [...]string{"nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5", "mitchellcubic", "gaussian"}

// String returns Keras's name of the method.
func (m Method) String() string {
	if int(m) < len(methodNames) {
		return methodNames[m]
	}
	return "unknown"
}

// ParseMethod finds the method with Keras's name; ok is false when there is none.
func ParseMethod(name string) (m Method, ok bool) {
	for i, n := range methodNames {
		if n == name {
			return Method(i), true
		}
	}
	return 0, false
}

// radius is the reach of the method's kernel in input pixels.
func (m Method) radius() float32 {
	switch m {
	case Bilinear:
		return 1
	case Bicubic, MitchellCubic:
		return 2
	case Lanczos3:
		return 3
	case Lanczos5:
		return 5
	case Gaussian:
		return 1.5
	}
	return 0
}

// weight is the method's kernel at distance x >= 0. The float32 conversions keep compilers from fusing a multiplication
// and an addition, which would round differently on different CPUs.
func (m Method) weight(x float32) float32 {
	switch m {
	case Bilinear:
		if x < 1 {
			return 1 - x
		}
	case Bicubic:
		return keysCubic(x)
	case MitchellCubic:
		return mitchellCubic(x)
	case Lanczos3, Lanczos5:
		return lanczos(x, m.radius())
	case Gaussian:
		// sigma is a third of the radius.
		if x < 1.5 {
			return float32(math.Exp(-float64(float32(x*x)) / (2 * 0.5 * 0.5)))
		}
	}
	return 0
}

// keysCubic is Keys's convolution kernel with a = -0.5.
func keysCubic(x float32) float32 {
	switch {
	case x >= 2:
		return 0
	case x >= 1:
		return float32(float32((float32(float32((float32(-0.5*x)+2.5)*x)-4) * x)) + 2)
	}
	return float32(float32(float32((float32(1.5*x)-2.5)*x)*x) + 1)
}

// mitchellCubic is the cubic of Mitchell and Netravali with B = C = 1/3.
func mitchellCubic(x float32) float32 {
	switch {
	case x >= 2:
		return 0
	case x >= 1:
		return float32(float32((float32(float32((float32(-7.0/18*x)+2)*x)-10.0/3) * x)) + 16.0/9)
	}
	return float32(float32(float32((float32(7.0/6*x)-2)*x)*x) + 8.0/9)
}

// lanczos is the sinc windowed by a sinc of the given radius, float32 throughout. Below 1e-3 TensorFlow takes it to be 1.
func lanczos(x, radius float32) float32 {
	const pi = float32(math.Pi)
	switch {
	case x > radius:
		return 0
	case x <= 1e-3:
		return 1
	}
	a := float32(pi * x)
	return radius * sin(a) * sin(a/radius) / (pi * pi * x * x)
}

func sin(x float32) float32 { return float32(math.Sin(float64(x))) }
