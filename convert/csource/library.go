package csource

import (
	"fmt"
	"math"
	"strings"

	"github.com/kerasrun/kerasrun/runtime/graph"
)

// A function is one of the C functions that ops are calls of.
type function struct {
	name, text string
}

// library are all functions. None calls another one.
var library = append([]function{
	{"conv", `/* Convolution over three axes. p: in, out, window, strides, dilation, cells before (3 each), channels, filters, groups. */
static void conv(float *y, const float *x, const float *w, const int *p)
{
    const int cin = p[18], f = p[19], groups = p[20], width = cin / groups, each = f / groups;
    for (int o0 = 0; o0 < p[3]; o0++)
    for (int o1 = 0; o1 < p[4]; o1++)
    for (int o2 = 0; o2 < p[5]; o2++, y += f) {
        for (int k = 0; k < f; k++)
            y[k] = 0;
        for (int t0 = 0; t0 < p[6]; t0++)
        for (int t1 = 0; t1 < p[7]; t1++)
        for (int t2 = 0; t2 < p[8]; t2++) {
            const int i0 = o0 * p[9] + t0 * p[12] - p[15];
            const int i1 = o1 * p[10] + t1 * p[13] - p[16];
            const int i2 = o2 * p[11] + t2 * p[14] - p[17];
            if (i0 < 0 || i0 >= p[0] || i1 < 0 || i1 >= p[1] || i2 < 0 || i2 >= p[2])
                continue;
            const float *s = x + ((i0 * p[1] + i1) * p[2] + i2) * cin;
            const float *v = w + ((t0 * p[7] + t1) * p[8] + t2) * width * f;
            for (int g = 0; g < groups; g++)
                for (int c = 0; c < width; c++)
                    for (int k = g * each; k < (g + 1) * each; k++)
                        y[k] += s[g * width + c] * v[c * f + k];
        }
    }
}
`},
	{"depthwise", `/* Depthwise convolution over three axes. p is as for conv, without groups. */
static void depthwise(float *y, const float *x, const float *w, const int *p)
{
    const int cin = p[18], f = p[19], each = f / cin;
    for (int o0 = 0; o0 < p[3]; o0++)
    for (int o1 = 0; o1 < p[4]; o1++)
    for (int o2 = 0; o2 < p[5]; o2++, y += f) {
        for (int k = 0; k < f; k++)
            y[k] = 0;
        for (int t0 = 0; t0 < p[6]; t0++)
        for (int t1 = 0; t1 < p[7]; t1++)
        for (int t2 = 0; t2 < p[8]; t2++) {
            const int i0 = o0 * p[9] + t0 * p[12] - p[15];
            const int i1 = o1 * p[10] + t1 * p[13] - p[16];
            const int i2 = o2 * p[11] + t2 * p[14] - p[17];
            if (i0 < 0 || i0 >= p[0] || i1 < 0 || i1 >= p[1] || i2 < 0 || i2 >= p[2])
                continue;
            const float *s = x + ((i0 * p[1] + i1) * p[2] + i2) * cin;
            const float *v = w + ((t0 * p[7] + t1) * p[8] + t2) * f;
            for (int k = 0; k < f; k++)
                y[k] += s[k / each] * v[k];
        }
    }
}
`},
	{"transposed", `/* Transposed convolution over three axes: each cell scatters the kernel. p is as for conv, with the cells that are cropped. */
static void transposed(float *y, const float *x, const float *w, const int *p)
{
    const int cin = p[18], f = p[19];
    for (int k = 0; k < p[3] * p[4] * p[5] * f; k++)
        y[k] = 0;
    for (int o0 = 0; o0 < p[0]; o0++)
    for (int o1 = 0; o1 < p[1]; o1++)
    for (int o2 = 0; o2 < p[2]; o2++, x += cin)
        for (int t0 = 0; t0 < p[6]; t0++)
        for (int t1 = 0; t1 < p[7]; t1++)
        for (int t2 = 0; t2 < p[8]; t2++) {
            const int i0 = o0 * p[9] + t0 * p[12] - p[15];
            const int i1 = o1 * p[10] + t1 * p[13] - p[16];
            const int i2 = o2 * p[11] + t2 * p[14] - p[17];
            if (i0 < 0 || i0 >= p[3] || i1 < 0 || i1 >= p[4] || i2 < 0 || i2 >= p[5])
                continue;
            float *d = y + ((i0 * p[4] + i1) * p[5] + i2) * f;
            const float *v = w + ((t0 * p[7] + t1) * p[8] + t2) * f * cin;
            for (int k = 0; k < f; k++)
                for (int c = 0; c < cin; c++)
                    d[k] += x[c] * v[k * cin + c];
        }
}
`},
	{"maxpool", pool("maxpool", "largest of windows, of which padding is no part",
		"-INFINITY", "y[k] = s[k] > y[k] || s[k] != s[k] ? s[k] : y[k]", "")},
	{"avgpool", pool("avgpool", "mean of windows, of which padding is no part",
		"0", "y[k] += s[k]", `
        if (n > 0)
            for (int k = 0; k < c; k++)
                y[k] /= (float)n;`)},
	{"accumulate", `/* z += x w for one row, of matrices whose rows are so long. */
static void accumulate(float *z, const float *x, const float *w, int rows, int n, int length)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < n; j++)
            z[j] += x[i] * w[i * length + j];
}
`},
	{"lstm", `/* One step of an LSTM. z has the sums of the gates i, f, c, o. */
static void lstm(float *h, float *c, const float *z, int n, float (*act)(float), float (*gate)(float))
{
    for (int j = 0; j < n; j++) {
        c[j] = gate(z[n + j]) * c[j] + gate(z[j]) * act(z[2 * n + j]);
        h[j] = gate(z[3 * n + j]) * act(c[j]);
    }
}
`},
	{"gru", `/* One step of a GRU. z has the sums of the gates z, r, h. */
static void gru(float *h, const float *z, int n, float (*act)(float), float (*gate)(float))
{
    for (int j = 0; j < n; j++) {
        const float g = gate(z[j]);
        h[j] = g * h[j] + (1 - g) * act(z[2 * n + j]);
    }
}
`},
	{"gru_reset", `/* r = h as far as the gate r of a GRU lets it pass. */
static void gru_reset(float *r, const float *h, const float *z, int n, float (*gate)(float))
{
    for (int j = 0; j < n; j++)
        r[j] = gate(z[n + j]) * h[j];
}
`},
	{"gru_after", `/* One step of a GRU that resets after the product. x and z have the sums of the inputs and of the states. */
static void gru_after(float *h, const float *x, const float *z, int n, float (*act)(float), float (*gate)(float))
{
    for (int j = 0; j < n; j++) {
        const float g = gate(x[j] + z[j]), r = gate(x[n + j] + z[n + j]);
        h[j] = g * h[j] + (1 - g) * act(x[2 * n + j] + r * z[2 * n + j]);
    }
}
`},
	{"matmul", `/* y = x w for each of the matrices, where w may be the same. */
static void matmul(float *y, const float *x, const float *w, int matrices, int next, int rows, int k, int n)
{
    for (int b = 0; b < matrices; b++, w += next)
        for (int r = 0; r < rows; r++, y += n, x += k) {
            for (int j = 0; j < n; j++)
                y[j] = 0;
            for (int i = 0; i < k; i++)
                for (int j = 0; j < n; j++)
                    y[j] += x[i] * w[i * n + j];
        }
}
`},
	{"affine", `/* y = x scale + shift, for channels that have so many elements side by side. */
static void affine(float *y, const float *x, const float *scale, const float *shift, int outer, int channels, int inner)
{
    for (int o = 0; o < outer; o++)
        for (int c = 0; c < channels; c++)
            for (int i = 0; i < inner; i++)
                *y++ = *x++ * scale[c] + shift[c];
}
`},
	{"layernorm", `/* Normalizes each row, about its mean or, with raw, about 0. gamma and beta may be 0. */
static void layernorm(float *y, const float *x, const float *gamma, const float *beta, int rows, int n, float epsilon, int kind)
{
    for (int r = 0; r < rows; r++, x += n, y += n) {
        float mean = 0, variance = 0;
        if (kind != 2) {
            for (int i = 0; i < n; i++)
                mean += x[i];
            mean /= (float)n;
        }
        for (int i = 0; i < n; i++)
            variance += (x[i] - mean) * (x[i] - mean);
        const float by = 1 / sqrtf(variance / (float)n + epsilon);
        for (int i = 0; i < n; i++) {
            float v = (kind == 0 ? x[i] - mean : x[i]) * by;
            if (gamma)
                v *= gamma[i];
            y[i] = beta ? v + beta[i] : v;
        }
    }
}
`},
	{"softmax", `/* Softmax, or its logarithm, along an axis of n cells. */
static void softmax(float *y, const float *x, int outer, int n, int inner, int logarithm)
{
    for (int o = 0; o < outer; o++, x += n * inner, y += n * inner)
        for (int i = 0; i < inner; i++) {
            float top = -INFINITY, sum = 0;
            for (int k = 0; k < n; k++)
                if (x[k * inner + i] > top || x[k * inner + i] != x[k * inner + i])
                    top = x[k * inner + i];
            for (int k = 0; k < n; k++)
                sum += expf(x[k * inner + i] - top);
            for (int k = 0; k < n; k++) {
                const float v = x[k * inner + i] - top;
                y[k * inner + i] = logarithm ? v - logf(sum) : expf(v) / sum;
            }
        }
}
`},
	{"apply", `/* y = f(x) */
static void apply(float *y, const float *x, int n, float (*f)(float))
{
    for (int i = 0; i < n; i++)
        y[i] = f(x[i]);
}
`},
	{"fill", `/* y = value */
static void fill(float *y, float value, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = value;
}
`},
	{"copy", `/* y = x */
static void copy(float *y, const float *x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = x[i];
}
`},
}, walks()...)

// pool is a pooling over three axes.
func pool(name, about, start, take, end string) string {
	return fmt.Sprintf(`/* Pooling over three axes: the %s. p: in, out, window, strides, cells before (3 each), channels. */
static void %s(float *y, const float *x, const int *p)
{
    const int c = p[15];
    for (int o0 = 0; o0 < p[3]; o0++)
    for (int o1 = 0; o1 < p[4]; o1++)
    for (int o2 = 0; o2 < p[5]; o2++, y += c) {
        int n = 0;
        for (int k = 0; k < c; k++)
            y[k] = %s;
        for (int t0 = 0; t0 < p[6]; t0++)
        for (int t1 = 0; t1 < p[7]; t1++)
        for (int t2 = 0; t2 < p[8]; t2++) {
            const int i0 = o0 * p[9] + t0 - p[12];
            const int i1 = o1 * p[10] + t1 - p[13];
            const int i2 = o2 * p[11] + t2 - p[14];
            if (i0 < 0 || i0 >= p[0] || i1 < 0 || i1 >= p[1] || i2 < 0 || i2 >= p[2])
                continue;
            const float *s = x + ((i0 * p[1] + i1) * p[2] + i2) * c;
            n++;
            for (int k = 0; k < c; k++)
                %s;
        }
        (void)n;%s
    }
}
`, about, name, start, take, end)
}

// rank is the number of axes of the functions that walk over cells with strides.
const rank = 6

// loops walks over the cells of six axes.
func loops(inside string) string {
	var b strings.Builder
	for i := range rank {
		fmt.Fprintf(&b, "    for (int i%d = 0; i%d < n[%d]; i%d++)\n", i, i, i, i)
	}
	return b.String() + "        " + inside + "\n"
}

// at is the offset of the cell by strides.
func at(strides string) string {
	var terms []string
	for i := range rank {
		terms = append(terms, fmt.Sprintf("i%d * %s[%d]", i, strides, i))
	}
	return strings.Join(terms, " + ")
}

// combine are the operations of two numbers, a and b.
var combine = map[graph.BinaryFunc]string{
	graph.Add: "a + b", graph.Sub: "a - b", graph.Mul: "a * b", graph.Div: "a / b", graph.Pow: "powf(a, b)",
	graph.Maximum: "a > b || a != a ? a : b", graph.Minimum: "a < b || a != a ? a : b", graph.Atan2: "atan2f(a, b)",
}

// prelu is the operation of PReLU: b is alpha.
const prelu = "a > 0 ? a : a * b"

// reductions are the operations of a cell of the result, a, and an element, b.
var reductions = map[graph.ReduceFunc]string{
	graph.ReduceSum: combine[graph.Add], graph.ReduceMean: combine[graph.Add], graph.ReduceProd: combine[graph.Mul],
	graph.ReduceMax: combine[graph.Maximum], graph.ReduceMin: combine[graph.Minimum],
}

// walks are the functions that walk over cells with strides, one for each operation.
func walks() []function {
	list := []function{{"move", "/* Copies cells between arrays whose axes have strides. */\n" +
		"static void move(float *y, const float *x, const int *n, const int *to, const int *from)\n{\n" +
		loops("y["+at("to")+"] = x["+at("from")+"];") + "}\n"}}
	operate := func(name, operation string) {
		list = append(list, function{name, "/* y = f(a, b) for each cell. */\n" +
			"static void " + name + "(float *y, const float *x, const float *z, const int *n, const int *sx, const int *sz)\n{\n" +
			loops("{\n            const float a = x["+at("sx")+"], b = z["+at("sz")+"];\n            *y++ = "+operation+";\n        }") + "}\n"})
	}
	for _, f := range graph.BinaryFuncs {
		if operation := combine[f]; operation != "" {
			operate("cells_"+string(f), operation)
		}
	}
	operate("cells_prelu", prelu)
	for _, f := range graph.ReduceFuncs {
		if operation := reductions[f]; operation != "" && f != graph.ReduceMean {
			list = append(list, function{"reduce_" + string(f), "/* Combines cells along the axes without a stride. */\n" +
				"static void reduce_" + string(f) + "(float *y, const float *x, const int *n, const int *to)\n{\n" +
				loops("{\n            const float a = y["+at("to")+"], b = *x++;\n            y["+at("to")+"] = "+operation+";\n        }") + "}\n"})
		}
	}
	return list
}

// unary are the functions of one number, as expressions of x.
var unary = map[graph.UnaryFunc]string{
	graph.Neg: "-x", graph.Abs: "fabsf(x)", graph.Sign: "x > 0 ? 1 : x < 0 ? -1 : x", graph.Square: "x * x", graph.Sqrt: "sqrtf(x)",
	graph.Rsqrt: "1 / sqrtf(x)", graph.Reciprocal: "1 / x", graph.Exp: "expf(x)", graph.Expm1: "expm1f(x)", graph.Log: "logf(x)",
	graph.Log1p: "log1pf(x)", graph.Log2: "log2f(x)", graph.Log10: "log10f(x)", graph.Sin: "sinf(x)", graph.Cos: "cosf(x)", graph.Tan: "tanf(x)",
	graph.Asin: "asinf(x)", graph.Acos: "acosf(x)", graph.Atan: "atanf(x)", graph.Sinh: "sinhf(x)", graph.Cosh: "coshf(x)",
	graph.Asinh: "asinhf(x)", graph.Acosh: "acoshf(x)", graph.Atanh: "atanhf(x)", graph.Erf: "erff(x)", graph.Floor: "floorf(x)",
	graph.Ceil: "ceilf(x)", graph.Round: "nearbyintf(x)", // to even, in the rounding mode of a program's start
}

// activation is the body of the function of an activation.
func activation(a graph.Activation) string {
	f := func(x float64) string { return number(x) }
	clip := func(x string, lo, hi float64) string {
		return fmt.Sprintf("    x = %s;\n    if (x < %s)\n        x = %s;\n    if (x > %s)\n        x = %s;\n", x, f(lo), f(lo), f(hi), f(hi))
	}
	give := func(format string, args ...any) string { return "    return " + fmt.Sprintf(format, args...) + ";\n" }
	const softplus = "(x > 0 ? x + log1pf(expf(-x)) : log1pf(expf(x)))"
	switch a.Func {
	case "":
		return give("x")
	case graph.ReLU:
		below := "0"
		if a.A != 0 {
			below = fmt.Sprintf("%s * (x - %s)", f(a.A), f(a.C))
		}
		body := fmt.Sprintf("    if (x <= %s)\n        return %s;\n", f(a.C), below)
		if a.C != 0 {
			body = fmt.Sprintf("    if (x <= %s || x != x)\n        return %s;\n", f(a.C), below)
		}
		if !math.IsInf(a.B, 1) {
			body += fmt.Sprintf("    if (x > %s)\n        return %s;\n    if (x < 0)\n        return 0;\n", f(a.B), f(a.B))
		}
		return body + give("x")
	case graph.ELU:
		return give("x > 0 ? x : %s * expm1f(x)", f(a.A))
	case graph.SELU:
		return give("x > 0 ? 1.05070098f * x : 1.75809934f * expm1f(x)")
	case graph.CELU:
		return give("x > 0 ? x : %s * expm1f(x / %s)", f(a.A), f(a.A))
	case graph.Sigmoid:
		return give("1 / (1 + expf(-x))")
	case graph.HardSigmoid:
		return clip(fmt.Sprintf("%s * x + %s", f(a.A), f(a.B)), 0, 1) + give("x")
	case graph.SiLU:
		return give("x / (1 + expf(-x))")
	case graph.HardSiLU:
		return "    const float w = x;\n" + clip("x + 3", 0, 6) + give("w * x / 6")
	case graph.GELU:
		return give("x / 2 * erfcf(x * -0.707106781f)")
	case graph.GELUTanh:
		return give("x / 2 * (1 + tanhf(0.797884561f * (x + 0.044715f * x * x * x)))")
	case graph.Tanh:
		return give("tanhf(x)")
	case graph.HardTanh:
		return clip("x", -1, 1) + give("x")
	case graph.TanhShrink:
		return give("x - tanhf(x)")
	case graph.HardShrink:
		return give("fabsf(x) > %s ? x : 0", f(a.A))
	case graph.SoftShrink:
		return give("x > %s ? x - %s : x < -%s ? x + %s : 0", f(a.A), f(a.A), f(a.A), f(a.A))
	case graph.Softplus:
		return give("%s", softplus)
	case graph.Softsign:
		return give("x / (1 + fabsf(x))")
	case graph.LogSigmoid:
		return "    x = -x;\n" + give("-%s", softplus)
	case graph.Mish:
		return give("x * tanhf(%s)", softplus)
	case graph.Squareplus:
		return give("(x + sqrtf(x * x + %s)) / 2", f(a.A))
	case graph.SparsePlus:
		return give("x <= -1 ? 0 : x < 1 ? (x + 1) * (x + 1) / 4 : x")
	case graph.SparseSigmoid:
		return clip("(x + 1) / 2", 0, 1) + give("x")
	case graph.Threshold:
		return give("x > %s ? x : %s", f(a.A), f(a.B))
	case graph.Clip:
		return clip("x", a.A, a.B) + give("x")
	case graph.Exponential:
		return give("expf(x)")
	}
	return ""
}
