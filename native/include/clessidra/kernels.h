// The contract between Java and every device: one plain struct an operation.
//
// A launch is (kernel, one block of bytes). The C++ kernels, the CUDA kernels and the Java
// StructLayouts of dev.clessidra.kernels.Kernel all follow the structs below; a test compares each
// size and offset with what the native library reports (see CLESSIDRA_KERNELS).
//
// Results are defined to the bit: every reduction states its order, so that any device, instruction
// set and number of threads gives the same result. "Sum" below means:
//   sum(x[0..n)): cut into chunks of CLESSIDRA_SUM_CHUNK elements; in a chunk, lane l of
//   CLESSIDRA_SUM_LANES starts at +0 and adds x[l], x[l + LANES], ... in turn; the lanes are then
//   folded by strides 16, 8, 4, 2, 1 (lane[l] += lane[l + stride]); the chunk results form a new
//   array that is summed the same way until one number is left. sum of nothing is +0. A term that
//   is itself a product is rounded before it is added, except where "fma" is written.
//
// All matrices are row-major, all images [N, H, W, C]. Matrix sizes are int32, flat counts int64.
// Pointers are device pointers; a pointer marked "or null" may be 0. Every buffer is aligned to 64
// bytes at its start; operands may start anywhere inside one. Output may be the same as an input
// only where it says "in place".
#ifndef CLESSIDRA_KERNELS_H
#define CLESSIDRA_KERNELS_H

#include <stdint.h>

#define CLESSIDRA_SUM_CHUNK 4096
#define CLESSIDRA_SUM_LANES 32
// Rows that one link of a column reduction adds in sequence.
#define CLESSIDRA_COLUMN_CHUNK 32
// Points that a row of the grid of an elastic deformation has at most.
#define CLESSIDRA_GRID 16
// Factors between 1 and 2 that are multiplied before the logarithm of the product is taken.
#define CLESSIDRA_FACTORS 64

// Activations; each derivative is a function of the output y alone, so only y is kept.
enum clessidra_activation {
  CLESSIDRA_IDENTITY = 0,
  CLESSIDRA_RELU = 1,        // x < 0 ? 0 : x (NaN stays NaN); derivative y > 0 ? 1 : 0
  CLESSIDRA_LEAKY_RELU = 2,  // x > 0 ? x : slope * x; derivative y > 0 ? 1 : slope
  CLESSIDRA_SIGMOID = 3,     // derivative y * (1 - y)
  CLESSIDRA_TANH = 4,        // derivative 1 - y * y = fma(-y, y, 1)
  CLESSIDRA_SOFTPLUS = 5     // log(1 + exp(x)); derivative 1 - exp(-y)
};

// c = activation(chain + bias), chain = fma(a[k-1], b[k-1], ... fma(a[0], b[0], beta * c)):
// one sequential chain over k, seeded with +0 when beta is 0 (c is then not read).
// op(a) is m x k, op(b) is k x n, c is m x n; the leading dimensions (row strides) are in elements.
struct clessidra_gemm {
  const float* a;
  const float* b;
  const float* bias;  // n values added to every row, or null
  float* c;
  int32_t m, n, k;
  int32_t lda, ldb, ldc;
  int32_t transpose_a, transpose_b;  // 1: the operand is stored transposed
  int32_t activation;
  float slope;
  float beta;
};

// y = activation(x). In place.
struct clessidra_activation_forward {
  const float* x;
  float* y;
  int64_t count;
  int32_t activation;
  float slope;
};

// dx = beta * dx + dy * derivative(y), as fma(dy, derivative, beta * dx); just the product when
// beta is 0. In place (dx = dy) when beta is 0.
struct clessidra_activation_backward {
  const float* dy;
  const float* y;
  float* dx;
  int64_t count;
  int32_t activation;
  float slope;
  float beta;
};

// Unary: y = beta * y + f(x), rounded product then sum; just f(x) when beta is 0. In place.
enum clessidra_unary_function {
  CLESSIDRA_AFFINE = 0,      // fma(alpha, x, shift)
  CLESSIDRA_SQUARE = 1,
  CLESSIDRA_SQUARE_ROOT = 2,
  CLESSIDRA_EXP = 3,
  CLESSIDRA_LOG = 4,
  CLESSIDRA_ABSOLUTE = 5,
  CLESSIDRA_SIGN = 6,        // -1, 0 or 1; 0 for NaN
  CLESSIDRA_RECIPROCAL = 7
};
struct clessidra_unary {
  const float* x;
  float* y;
  int64_t count;
  int32_t function;
  float alpha, shift, beta;
};

// Binary: y[i] = beta * y[i] + alpha * f(a[i], b[i % b_count]): the function rounded, times alpha
// (rounded; left out when alpha is 1), then beta * y (rounded) added to it (left out when beta is
// 0). b_count = count for elementwise, the row length for a row vector, 1 for a scalar. In place.
enum clessidra_binary_function {
  CLESSIDRA_ADD = 0,
  CLESSIDRA_SUBTRACT = 1,
  CLESSIDRA_MULTIPLY = 2,
  CLESSIDRA_DIVIDE = 3
};
struct clessidra_binary {
  const float* a;
  const float* b;
  float* y;
  int64_t count, b_count;
  int32_t function;
  float alpha, beta;
};

// y[i] = value.
struct clessidra_fill {
  float* y;
  int64_t count;
  float value;
};

// y = beta * y + x over a rows x columns block of two matrices with row strides ldx and ldy
// (a plain copy when beta is 0): concatenation, slices and their gradients.
struct clessidra_copy {
  const float* x;
  float* y;
  int64_t rows;
  int32_t columns, ldx, ldy;
  float beta;
};

// Each row several times: row r of the rows * repeats rows of y is row r / repeats of x.
struct clessidra_repeat_rows {
  const float* x;  // [rows, columns]
  float* y;        // [rows * repeats, columns]
  int64_t rows;
  int32_t columns, repeats;
};
// dx = beta * dx + r (product rounded, then one add; just r when beta is 0), r being the row's repeats
// of dy added in turn, starting with the first.
struct clessidra_repeat_rows_backward {
  const float* dy;
  float* dx;
  int64_t rows;
  int32_t columns, repeats;
  float beta;
};

// Reductions. y = beta * y + scale * r (products rounded, then one add; no beta term when beta is
// 0; scale left out when it is 1). ABSOLUTE_SUM and SQUARE_SUM add |x| and x * x (rounded).
// MAXIMUM starts at -infinity and keeps the larger, NaN ignored; a maximum of zero is +0.
enum clessidra_reduction {
  CLESSIDRA_SUM = 0,
  CLESSIDRA_SQUARE_SUM = 1,
  CLESSIDRA_ABSOLUTE_SUM = 2,
  CLESSIDRA_MAXIMUM = 3
};
// All of x to one number. workspace holds ceil(count / CLESSIDRA_SUM_CHUNK) floats.
struct clessidra_reduce {
  const float* x;
  float* y;
  float* workspace;
  int64_t count;
  int32_t reduction;
  float scale, beta;
};
// Each row to one number, y[rows]; a row is summed as above.
struct clessidra_reduce_rows {
  const float* x;
  float* y;
  int64_t rows;
  int32_t columns;
  int32_t reduction;
  float scale, beta;
};
// Each column to one number, y[columns]. Column sum over n rows: cut into chunks of
// CLESSIDRA_COLUMN_CHUNK rows, each added in sequence from +0; the chunk results are summed the
// same way until one row is left. workspace: ceil(rows / CLESSIDRA_COLUMN_CHUNK) * columns floats.
struct clessidra_reduce_columns {
  const float* x;
  float* y;
  float* workspace;
  int64_t rows;
  int32_t columns;
  int32_t reduction;
  float scale, beta;
};

// Elementwise losses. loss[0] = scale * sum(term(x[i], target[i])); workspace as for reduce.
enum clessidra_loss_function {
  CLESSIDRA_SQUARED_ERROR = 0,         // d * d with d = x - t; gradient 2 * d
  CLESSIDRA_BINARY_CROSS_ENTROPY = 1,  // x is a logit: fma(-x, t, max(x, 0)) + log1p(exp(-|x|));
                                       // max(x, 0) being x > 0 ? x : 0; gradient sigmoid(x) - t
  CLESSIDRA_ABSOLUTE_VALUE = 2         // |x|, target null; gradient sign(x), 0 for NaN
};
struct clessidra_loss {
  const float* x;
  const float* target;  // or null for ABSOLUTE_VALUE
  float* loss;
  float* workspace;
  int64_t count;
  int32_t function;
  float scale;
};
// dx = beta * dx + (upstream[0] * scale) * gradient(x, target), as fma(factor, gradient, beta * dx);
// just the product when beta is 0. In place (dx = x) when beta is 0.
struct clessidra_loss_backward {
  const float* x;
  const float* target;
  const float* upstream;  // one float
  float* dx;
  int64_t count;
  int32_t function;
  float scale, beta;
};

// Rows of logits to probabilities: exp(x - max) / sum(exp(x - max)), max as MAXIMUM. In place.
struct clessidra_softmax {
  const float* x;
  float* y;
  int64_t rows;
  int32_t columns;
};
// y[row] = m + log(sum(exp(x - m))) of each row, m being its MAXIMUM, +0 where that is infinite.
struct clessidra_log_sum_exp {
  const float* x;
  float* y;
  int64_t rows;
  int32_t columns;
};
// dx = fma(upstream[row], exp(x - y[row]), beta * dx), just the product when beta is 0. In place
// (dx = x) when beta is 0.
struct clessidra_log_sum_exp_backward {
  const float* x;
  const float* y;
  const float* upstream;  // [rows]
  float* dx;
  int64_t rows;
  int32_t columns;
  float beta;
};
// loss[0] = scale * sum over rows of w * (log(sum(exp(x - max))) - (x[label] - max)); also stores the
// probabilities for the backward. Times w means: times class_weights[label] where there are any,
// then times row_weights[row] where there are any, each rounded. workspace: rows + ceil(rows /
// CLESSIDRA_SUM_CHUNK) floats, the row losses first. A label outside [0, columns) makes the row's
// loss NaN.
struct clessidra_softmax_cross_entropy {
  const float* logits;
  const int32_t* labels;
  const float* class_weights;  // [columns], or null
  const float* row_weights;    // [rows], or null
  float* probabilities;
  float* loss;
  float* workspace;
  int64_t rows;
  int32_t columns;
  float scale;
};
// dx = beta * dx + ((upstream[0] * scale) * w) * (p - onehot(label)), as fma(factor, p -
// onehot(label), beta * dx); the product when beta is 0. A label outside [0, columns) is no column's
// and has no class weight.
struct clessidra_softmax_cross_entropy_backward {
  const float* probabilities;
  const int32_t* labels;
  const float* class_weights;  // [columns], or null
  const float* row_weights;    // [rows], or null
  const float* upstream;
  float* dx;
  int64_t rows;
  int32_t columns;
  float scale, beta;
};

// Kullback-Leibler sparsity of the mean activations (Ng, CS294A lecture notes 2011):
// loss[0] = scale * sum_j (rho * log(rho / q_j) + (1 - rho) * log((1 - rho) / (1 - q_j))) with
// q_j = clamp(mean[j], 1e-6f, 1 - 1e-6f), NaN left; logs are taken of the quotients, products
// rounded. workspace as for reduce.
struct clessidra_kl_sparsity {
  const float* mean;  // [columns], mean activation of each unit over the batch
  float* loss;
  float* workspace;
  int32_t columns;
  float rho, scale;
};
// dx[i, j] = beta * dx[i, j] + g_j with g_j = (upstream[0] * scale / rows) *
// ((1 - rho) / (1 - q_j) - rho / q_j); no beta term when beta is 0.
struct clessidra_kl_sparsity_backward {
  const float* mean;
  const float* upstream;
  float* dx;
  int64_t rows;
  int32_t columns;
  float rho, scale, beta;
};

// Keeps the k largest values of each row (ties: the lower column first; NaN counts as smallest),
// sets the others to 0; mask is 1 where kept, else 0. k in [1, columns]. In place (y = x).
struct clessidra_top_k {
  const float* x;
  float* y;
  float* mask;
  int64_t rows;
  int32_t columns, k;
};

// Random numbers: Philox 4x32-10 (Salmon et al. 2011), counter words (element / 4 mod 2^32, stream,
// step low, step high), key (seed low, seed high); word element % 4 of the block belongs to the
// element. step is read from device memory, so that a replay advances it.
//   UNIFORM: low + (high - low) * u, as fma(u, high - low, low), u = (word >> 8) * 2^-24.
//   NORMAL: a = mean, b = standard deviation: Box-Muller on words (0, 1) and (2, 3):
//     u = ((word0 >> 8) + 1) * 2^-24, v = (word1 >> 8) * 2^-24, r = sqrt(-2 * log(u)),
//     element 0 is r * cos(2 pi v), element 1 is r * sin(2 pi v); then fma(z, b, a).
enum clessidra_distribution { CLESSIDRA_UNIFORM = 0, CLESSIDRA_NORMAL = 1 };
struct clessidra_random {
  float* y;
  const uint64_t* step;
  int64_t count;
  uint64_t seed;
  uint32_t stream;
  int32_t distribution;
  float a, b;
};
// y = u >= probability ? x * scale : 0, u uniform in [0, 1) as above. In place.
// scale 1 is masking noise (Vincent et al. 2010), 1 / (1 - probability) is dropout.
struct clessidra_mask_noise {
  const float* x;
  float* y;
  const uint64_t* step;
  int64_t count;
  uint64_t seed;
  uint32_t stream;
  float probability, scale;
};
// y = u < x ? 1 : 0, u uniform in [0, 1) as above: a draw of each probability x. In place.
struct clessidra_binarize {
  const float* x;
  float* y;
  const uint64_t* step;
  int64_t count;
  uint64_t seed;
  uint32_t stream;
};

// Batch rows of a resident data set: row i of the batch is position p = step * rows + i of an
// endless stream of epochs; epoch = p / source_rows. With shuffle = 1 the source row is
// shuffle(p % source_rows): a bijection of [0, source_rows) drawn from (seed, epoch), see random.h;
// else p % source_rows. UINT8 gives value / 255.
enum clessidra_element { CLESSIDRA_UINT8 = 0, CLESSIDRA_FLOAT32 = 1, CLESSIDRA_INT32 = 2 };
struct clessidra_gather_rows {
  const void* source;
  void* y;  // float for UINT8 and FLOAT32, int32 for INT32
  const uint64_t* step;
  int64_t source_rows;
  uint64_t seed;
  int32_t rows, columns;
  int32_t element;
  int32_t shuffle;
};

// A random affine distortion of each image [height, width, channels], for augmentation. Image i has
// the numbers u0 to u7 = unit_uniform of the random words of its blocks 2i and 2i + 1; it is copied
// when u0 >= probability. Else, with d(u) = fma(2, u, -1), t = rotation * d(u1) turns (1 added when
// below 0), (c, s) = cosine_and_sine_of_turns(t), sx = fma(scale, d(u2), 1),
// sy = fma(scale, d(u3), 1): pixel (row, column) is read at
//   across = column - (width - 1) / 2, down = row - (height - 1) / 2,
//   px = fma(c * sx, across, fma(fma(shear, d(u4), -(s * sy)), down, (width - 1) / 2 + shift * d(u5)))
//   py = fma(s * sx, across, fma(c * sy, down, (height - 1) / 2 + shift * d(u6)))
// between four pixels p (0 outside the image), fx = px - floor(px), fy = py - floor(py):
//   top = fma(fx, p01 - p00, p00), bottom = fma(fx, p11 - p10, p10), y = fma(fy, bottom - top, top).
// shift is in pixels.
struct clessidra_affine_warp {
  const float* x;
  float* y;
  const uint64_t* step;
  uint64_t seed;
  int32_t images, height, width, channels;
  uint32_t stream;
  float probability, rotation, scale, shear, shift;
};

// Where a random view of each image reads its pixels: field[image, i, j] = (row, column) of an image
// of source_height x source_width, in pixels, 0 being the centre of the first. Image m has the words
// w0 to w7 of its blocks b = m * (2 + ceil(grid * grid / 2)) and b + 1. With
// d(w) = fma(2, unit_uniform(w), -1), offset(w, n) = ((w >> 8) * (|n| + 1)) >> 24 with the sign of n:
//   top = offset(w0, source_height - height), left = offset(w1, source_width - width),
//   t = fma(rotation, d(w2), quarter_turns ? (w6 >> 30) * 0.25f : 0), less floor(t),
//   (c, s) = cosine_and_sine_of_turns(t), z = fma(scale, d(w3), 1),
//   h = mirror_left_right and w4 >= 2^31 ? -1 : 1, v = mirror_up_down and w5 >= 2^31 ? -1 : 1,
//   down = i - (height - 1) / 2, across = j - (width - 1) / 2,
//   row = fma(-(z * s) * h, across, fma((z * c) * v, down, top + (height - 1) / 2)),
//   column = fma((z * c) * h, across, fma((z * s) * v, down, left + (width - 1) / 2)).
//
// Where elastic is not 0, a displacement is added to row and to column (Ronneberger, Fischer, Brox
// 2015, section 3.1): grid x grid points lie evenly over the view, the first and the last of a row
// or column on its edges. Point (p, q) is moved by elastic * e down and elastic * f right, e and f
// being the NORMAL elements (see clessidra_random, a = 0 and b = 1) 4 * (b + 2) + 2 * (p * grid + q)
// and the next one. In between run cubic curves (Catmull & Rom 1974): between p1 and p2 with
// the neighbours p0 and p3,
//   m1 = 0.5f * (p2 - p0), m2 = 0.5f * (p3 - p1), g = p2 - p1, k3 = fma(-2, g, m1 + m2),
//   k2 = (g - m1) - k3, curve(t) = fma(t, fma(t, fma(t, k3, k2), m1), p1),
// first through the points of each column of the grid, then through what these give. Beyond the
// edge is the edge's point. Pixel i of n lies at i * (grid - 1) / N, N = max(1, n - 1): after point
// k, that rounded down but at most grid - 2, at t = (float)(i * (grid - 1) - k * N) / (float)N.
struct clessidra_deformation_field {
  float* field;  // [images, height, width, 2]
  const uint64_t* step;
  uint64_t seed;
  int32_t images, source_height, source_width;
  int32_t height, width;  // at most 2^23 each, as those of the source
  int32_t mirror_left_right, mirror_up_down;
  int32_t quarter_turns;
  int32_t grid;  // 2 to CLESSIDRA_GRID
  uint32_t stream;
  float rotation, scale, elastic;
};

// Images read at the places of a field, mirrored at the centres of their outermost pixels: place
// p along n pixels, n at most 2^23, is read at q, with N = n - 1:
//   a = fma(-(2 * N), floor(|p| / (2 * N)), |p|), q = min(|a|, 2 * N - |a|), then within [0, N];
//   0 where that is NaN, as for p infinite or n = 1.
// NEAREST: pixel floor(q + 0.5f); x and y are of any elements of 32 bits, moved as they are.
// BILINEAR: between the pixels floor(q) and min(floor(q) + 1, N), at the fraction q - floor(q), as
// clessidra_upsample.
struct clessidra_sample_images {
  const void* x;       // [images, height, width, channels]
  const float* field;  // [images, output_height, output_width, 2]: row, column
  void* y;             // [images, output_height, output_width, channels]
  int32_t images, height, width, channels;
  int32_t output_height, output_width;
  int32_t interpolation;
};

// Random contrast, brightness and gamma. Image i has the words w0, w1, w2 of block i; with d(w) =
// fma(2, unit_uniform(w), -1):
//   g = x > 0 ? exp(fma(gamma, d(w2), 1) * log(x)) : x, just x where gamma is 0,
//   y = fma(g - 0.5f, fma(contrast, d(w0), 1), fma(brightness, d(w1), 0.5f)). In place.
struct clessidra_random_brightness {
  const float* x;
  float* y;
  const uint64_t* step;
  int64_t size;  // elements of an image
  uint64_t seed;
  int32_t images;
  uint32_t stream;
  float contrast, brightness, gamma;
};

// What changes from step to step lives in device memory.
struct clessidra_training_state {
  uint64_t step;
  double beta1_power, beta2_power;  // beta ^ (optimizer updates so far); both 1 at the start
  float learning_rate;
  float gradient_scale;  // of the last clipping; 1 when there is none
  float gradient_norm;
  float reserved;
};
// state.step += 1.
struct clessidra_advance {
  struct clessidra_training_state* state;
};
// Learning rate of state.step, s = step as double:
//   CONSTANT: base
//   WARMUP_COSINE: s < warmup: base * (s + 1) / warmup; else floor + (base - floor) *
//     (1 + cos(pi * t)) / 2, t = min(1, (s - warmup) / max(1, total - warmup))
//   STEP_DECAY: base * factor ^ floor(s / every), multiplied one by one from the base on
// computed in double from left to right, cos(pi * t) being cosine_of_half_turns(t) of math.h, and
// rounded to float; and beta1_power *= beta1, beta2_power *= beta2.
enum clessidra_schedule_kind {
  CLESSIDRA_CONSTANT = 0,
  CLESSIDRA_WARMUP_COSINE = 1,
  CLESSIDRA_STEP_DECAY = 2
};
struct clessidra_schedule {
  struct clessidra_training_state* state;
  double base, floor, factor, beta1, beta2;
  int64_t warmup, total, every;
  int32_t kind;
};
// y[0] = step < steps ? step / steps : 1, the quotient in double, rounded to float: the weight of a
// divergence that is warmed up (Bowman et al. 2016; Sonderby et al. 2016).
struct clessidra_linear_warmup {
  const uint64_t* step;
  float* y;
  int64_t steps;
};
// norm = sqrt(sum(g * g)); state.gradient_norm = norm; state.gradient_scale =
// norm > maximum ? maximum / norm : 1 (so a NaN norm leaves 1, an infinite one gives 0).
// workspace as for reduce.
struct clessidra_clip_norm {
  const float* gradients;
  struct clessidra_training_state* state;
  float* workspace;
  int64_t count;
  float maximum;
};

// g = gradient * state.gradient_scale (rounded); g = fma(weight_decay, p, g) (left out when 0);
// v = fma(momentum, v, g); p = fma(-learning_rate, nesterov ? fma(momentum, v, g) : v, p).
struct clessidra_sgd {
  float* parameters;
  const float* gradients;
  float* velocity;
  const struct clessidra_training_state* state;
  int64_t count;
  float momentum, weight_decay;
  int32_t nesterov;
};
// Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019, decoupled = 1):
// g = gradient * state.gradient_scale;
// not decoupled: g = fma(weight_decay, p, g) (left out when weight_decay is 0);
// m = fma(1 - beta1, g - m, m); v = fma(1 - beta2, fma(g, g, -v), v);
// c1 = (float)(learning_rate / (1 - beta1_power)), c2 = (float)(1 / sqrt(1 - beta2_power)) in double;
// decoupled: p = fma(-learning_rate * weight_decay, p, p) (left out when weight_decay is 0);
// p = fma(-c1, m / fma(sqrt(v), c2, epsilon), p).
struct clessidra_adam {
  float* parameters;
  const float* gradients;
  float* first_moment;
  float* second_moment;
  const struct clessidra_training_state* state;
  int64_t count;
  float beta1, beta2, epsilon, weight_decay;
  int32_t decoupled;
};
// Exponential moving average: y = fma(1 - d, x - y, y), d = min(decay, (1 + s) / (10 + s)) with
// s = state.step, in double, rounded to float.
struct clessidra_average {
  const float* x;
  float* y;
  const struct clessidra_training_state* state;
  int64_t count;
  double decay;
};

// Sampling from a diagonal Gaussian (Kingma & Welling 2014): z = fma(exp(0.5f * log_variance), e,
// mean) with e NORMAL as in clessidra_random, a = 0 and b = 1. In place (z = mean).
struct clessidra_reparameterize {
  const float* mean;
  const float* log_variance;
  float* z;
  const uint64_t* step;
  int64_t count;
  uint64_t seed;
  uint32_t stream;
};
// dlog_variance = beta * dlog_variance + dz * g, g = 0.5f * e * exp(0.5f * log_variance) multiplied
// from left to right, as fma(dz, g, beta * dlog_variance); just the product when beta is 0. e is
// drawn again. In place (dlog_variance = dz) when beta is 0. The gradient of mean is dz itself.
struct clessidra_reparameterize_backward {
  const float* dz;
  const float* log_variance;
  float* dlog_variance;
  const uint64_t* step;
  int64_t count;
  uint64_t seed;
  uint32_t stream;
  float beta;
};
// Kullback-Leibler divergence of N(mean, exp(log_variance)) to N(0, 1), summed over a row:
// divergence[row] = 0.5f * sum over columns of ((fma(mean, mean, exp(log_variance)) - 1) -
// log_variance); loss[0] = scale * sum(divergence). workspace: ceil(rows / CLESSIDRA_SUM_CHUNK)
// floats.
struct clessidra_gaussian_kl {
  const float* mean;
  const float* log_variance;
  float* divergence;  // [rows]
  float* loss;
  float* workspace;
  int64_t rows;
  int32_t columns;
  float scale;
};
// dmean = fma(f, mean, mean_beta * dmean), dlog_variance = fma(f, 0.5f * (exp(log_variance) - 1),
// log_variance_beta * dlog_variance), just the product where beta is 0, with f = upstream[0] * scale
// or, when upstream_per_row is 1, upstream[row] * scale.
struct clessidra_gaussian_kl_backward {
  const float* mean;
  const float* log_variance;
  const float* upstream;
  float* dmean;          // or null
  float* dlog_variance;  // or null
  int64_t rows;
  int32_t columns;
  int32_t upstream_per_row;
  float scale, mean_beta, log_variance_beta;
};

// Logarithm of the probability of rows of targets in [0, 1] under independent Bernoulli variables of
// which the logits are given: row r of the rows * repeats rows of logits x belongs to row
// r / repeats of the target t. In exact numbers the sum over columns of
//   x t - max(x, 0) - log(1 + exp(-|x|)), max(x, 0) being x > 0 ? x : 0.
// The columns are cut into blocks of CLESSIDRA_FACTORS * CLESSIDRA_SUM_LANES; in a block, lane l
// starts with s = +0 and p = 1, takes elements l, l + LANES, ... in turn,
//   s = s + fma(x, t, -max(x, 0)), p = fma(p, exp(-|x|), p),
// and ends as s - log(p); the lanes are folded as in a sum; the results of the blocks are added in
// turn from +0.
struct clessidra_bernoulli_log_likelihood {
  const float* logits;    // [rows * repeats, columns]
  const float* target;    // [rows, columns]
  float* log_likelihood;  // [rows * repeats]
  int64_t rows;
  int32_t columns, repeats;
};
// dlogits = fma(upstream[r], t - sigmoid(x), beta * dlogits), just the product when beta is 0. In
// place (dlogits = logits) when beta is 0.
struct clessidra_bernoulli_log_likelihood_backward {
  const float* logits;
  const float* target;
  const float* upstream;  // [rows * repeats]
  float* dlogits;
  int64_t rows;
  int32_t columns, repeats;
  float beta;
};

// Logarithm of the density of rows under diagonal Gaussians N(mean, exp(log_variance)): row r of the
// rows * repeats rows of x belongs to row r / repeats of mean and log_variance, which are +0 where
// null. log_density[r] = -0.5f * sum over columns of fma(d * d, exp(-log_variance),
// log_variance + 1.8378770664093453f) with d = x - mean; the constant is log(2 pi).
struct clessidra_gaussian_log_density {
  const float* x;             // [rows * repeats, columns]
  const float* mean;          // [rows, columns], or null
  const float* log_variance;  // [rows, columns], or null
  float* log_density;         // [rows * repeats]
  int64_t rows;
  int32_t columns, repeats;
};
// With q = d * exp(-log_variance): dx = fma(upstream[r], -q, x_beta * dx), just the product when
// x_beta is 0. dmean: one chain of fma(upstream[r], q, chain) over the row's repeats in order, seeded
// with mean_beta * dmean, with +0 when mean_beta is 0; dlog_variance likewise from
// 0.5f * fma(d, q, -1).
struct clessidra_gaussian_log_density_backward {
  const float* x;
  const float* mean;          // or null
  const float* log_variance;  // or null
  const float* upstream;      // [rows * repeats]
  float* dx;                  // or null
  float* dmean;               // or null
  float* dlog_variance;       // or null
  int64_t rows;
  int32_t columns, repeats;
  float x_beta, mean_beta, log_variance_beta;
};

// How a convolution is computed: as sums over the taps, or, with 3 x 3 taps, stride 1 and dilation 1,
// by Winograd's algorithm F(4 x 4, 3 x 3).
enum clessidra_convolution_algorithm { CLESSIDRA_DIRECT = 0, CLESSIDRA_WINOGRAD = 1 };

// Convolutions of images [images, height, width, channels] with filters [filters, filter_height,
// filter_width, channels] to [images, output_height, output_width, filters]. Tap (r, s) of output
// pixel (p, q) lies at row p * stride_height - padding_height + r * dilation_height and column
// q * stride_width - padding_width + s * dilation_width of the image; outside it reads +0, and
// the multiply-add with it is done. The images may be two that are read as one: of their channels the
// last second_channels then lie in second_x (or second_dx), [images, height, width, second_channels],
// and only the others in x (or dx). second_channels is 0 where there is but one.
//
// y = activation(chain + bias): one sequential chain of fma(x, filter, chain) over (r, s, channel) in
// that order, seeded with beta * y, or with +0 when beta is 0.
//
// By Winograd's algorithm y is cut into tiles of 4 x 4 pixels, row by row, the first with its corner at
// that of the image, the last ones reaching beyond it. Of each tile, d being the 6 x 6 pixels that it
// reads and A, B, G the matrices of winograd.h, whose functions say how they are applied:
// products = one chain of fma(B' d B, G filter G', chain) over the channels from +0, by elements; y =
// activation(beta * y + (A' products A) + bias), the product and both sums rounded, beta * y only where
// beta is not 0, bias where there is one.
struct clessidra_conv2d {
  const float* x;
  const float* second_x;  // or null
  const float* filter;
  const float* bias;  // [filters], or null
  float* y;
  int32_t images, height, width, channels, second_channels;
  int32_t filters, filter_height, filter_width;
  int32_t output_height, output_width;
  int32_t stride_height, stride_width;
  int32_t padding_height, padding_width;
  int32_t dilation_height, dilation_width;
  int32_t algorithm;  // clessidra_convolution_algorithm
  int32_t activation;
  float slope;
  float beta;
};
// The gradient of x; with bias and activation, the transposed convolution of dy. dx = activation(
// chain + bias): one chain of fma(dy, filter, chain) over (r, s, filter) in that order, seeded with
// beta * dx (second_beta * second_dx), or with +0 when beta is 0. Of pixel (h, w) those taps count whose output position
// p = (h + padding_height - r * dilation_height) / stride_height, q likewise, is whole; where it is
// not in the output, dy reads +0, and the multiply-add with it is done.
// By Winograd's algorithm: as the forward convolution of dy with the filters turned by half a turn,
// [channels, 3, 3, filters], and paddings of 2 - padding.
struct clessidra_conv2d_backward_data {
  const float* dy;
  const float* filter;
  const float* bias;  // [channels], or null
  float* dx;
  float* second_dx;  // or null
  int32_t images, height, width, channels, second_channels;
  int32_t filters, filter_height, filter_width;
  int32_t output_height, output_width;
  int32_t stride_height, stride_width;
  int32_t padding_height, padding_width;
  int32_t dilation_height, dilation_width;
  int32_t algorithm;  // clessidra_convolution_algorithm
  int32_t activation;
  float slope;
  float beta, second_beta;
};
// The gradient of the filter. The images * output_height * output_width output pixels in row-major
// order are cut into chunks of pixels_per_chunk (see convolution.h); a chunk's result is one chain
// of fma(dy, x, chain) over its pixels from +0; the results are added in order, starting with the
// first (+0 when there is none), to r; dfilter = beta * dfilter + r, the product rounded, just r when
// beta is 0. workspace: chunks * filters * filter_height * filter_width * channels floats.
// By Winograd's algorithm: the tiles of all images are cut into chunks of tiles_per_chunk; a chunk's
// result is one chain of fma(A dy A', B' d B, chain) over its tiles from +0, by elements; the results
// are added in order as above to s, 6 x 6 for each filter and channel; r = G' s G. workspace: chunks *
// 6 * 6 * filters * channels floats.
struct clessidra_conv2d_backward_filter {
  const float* x;
  const float* second_x;  // or null
  const float* dy;
  float* dfilter;
  float* workspace;
  int32_t images, height, width, channels, second_channels;
  int32_t filters, filter_height, filter_width;
  int32_t output_height, output_width;
  int32_t stride_height, stride_width;
  int32_t padding_height, padding_width;
  int32_t dilation_height, dilation_width;
  int32_t algorithm;  // clessidra_convolution_algorithm
  float beta;
};

// The largest value of each window, channel by channel. The window of output pixel (p, q) starts at
// row p * stride_height - padding_height and column q * stride_width - padding_width; of its
// pixels inside the image, row by row, the first is taken, then each that is larger than what was
// taken or NaN. indices: row * width + column of the pixel. Every window has a pixel in the image.
struct clessidra_max_pool {
  const float* x;
  float* y;
  int32_t* indices;  // as y
  int32_t images, height, width, channels;
  int32_t window_height, window_width;
  int32_t output_height, output_width;
  int32_t stride_height, stride_width;
  int32_t padding_height, padding_width;
};
// dx = beta * dx + r (product rounded, then one add; just r when beta is 0), r being the sum from +0
// of dy over those windows that contain the pixel and took it, row by row.
struct clessidra_max_pool_backward {
  const float* dy;
  const int32_t* indices;
  float* dx;
  int32_t images, height, width, channels;
  int32_t window_height, window_width;
  int32_t output_height, output_width;
  int32_t stride_height, stride_width;
  int32_t padding_height, padding_width;
  float beta;
};

// Images of another size. NEAREST: output row i is row i * height / output_height, rounded down,
// columns likewise. BILINEAR, with the pixels' corners not aligned: output row i reads at
// n / (2 * output_height), n = max(0, (2 * i + 1) * height - output_height): between the rows
// low = n / (2 * output_height), rounded down, and high = min(low + 1, height - 1), at the fraction
// fy = (float)(n % (2 * output_height)) / (float)(2 * output_height); columns likewise, fx. Then
//   top = fma(fx, x(low, high) - x(low, low), x(low, low)), bottom likewise in row high,
//   y = fma(fy, bottom - top, top). Integers are of 64 bits.
enum clessidra_interpolation { CLESSIDRA_NEAREST = 0, CLESSIDRA_BILINEAR = 1 };
struct clessidra_upsample {
  const float* x;
  float* y;
  int32_t images, height, width, channels;
  int32_t output_height, output_width;
  int32_t interpolation;
};
// dx = beta * dx + r (product rounded, then one add; just r when beta is 0). NEAREST: r is the sum
// from +0 of dy over the output pixels that read the pixel, row by row. BILINEAR: the chain
// fma(wy * wx, dy, ...) from +0 over the output pixels for which the pixel is in row low or high and
// column low or high, row by row; wy = 1 when low = high, else 1 - fy for low and fy for high, wx
// likewise.
struct clessidra_upsample_backward {
  const float* dy;
  float* dx;
  int32_t images, height, width, channels;
  int32_t output_height, output_width;
  int32_t interpolation;
  float beta;
};

// Normalisation of x [images, rows, columns] in groups of columns / groups adjacent columns of an
// image: instance, layer and group normalisation (Wu & He 2018); batch normalisation (Ioffe &
// Szegedy 2015) takes the batch for one image and groups = columns. A group has
// m = rows * (columns / groups) elements. "Group sum" of terms: the column sum (see
// clessidra_reduce_columns) of each column over the image's rows, then the columns of the group
// added in turn, starting with the first.
//
// mean = (group sum of x) / m, variance = (group sum of d * d) / m with d = x - mean, m as float; with
// the running statistics of a batch normalisation (images = 1, groups = columns; else null)
//   running_mean = fma(momentum, mean - running_mean, running_mean),
//   running_variance = fma(momentum, variance * (m / (m - 1)) - running_variance, running_variance),
//   m and m - 1 (at least 1) being rounded to float before they are divided.
// workspace: images * max(1, ceil(rows / CLESSIDRA_COLUMN_CHUNK)) * columns floats.
struct clessidra_normalize_statistics {
  const float* x;
  float* mean;              // [images, groups]
  float* variance;          // [images, groups]
  float* running_mean;      // or null
  float* running_variance;  // or null
  float* workspace;
  int64_t rows;
  int32_t images, columns, groups;
  float momentum;
};
// y = activation(fma(n, scale, shift)), n = (x - mean) * i, i = 1 / sqrt(variance + epsilon).
// In place.
struct clessidra_normalize {
  const float* x;
  const float* mean;
  const float* variance;
  const float* scale;  // [columns]
  const float* shift;  // [columns]
  float* y;
  int64_t rows;
  int32_t images, columns, groups;
  float epsilon;
  int32_t activation;
  float slope;
};
// The gradients of scale and shift and what the gradient of x needs, from dz = dy * derivative of the
// activation at the y of clessidra_normalize (rounded). With a[image, column] the column sum of dz
// over the image's rows and b[image, column] that of dz * n (rounded):
//   dshift = shift_beta * dshift + (a of the images added in turn, starting with the first), the
//   product rounded, no beta term when shift_beta is 0; dscale likewise from b;
//   sums[image, group] = (chain of fma(scale, a, ...) over the group's columns from +0) / m,
//   sums[images * groups + ...] likewise from b.
// workspace: 2 * images * max(1, ceil(rows / CLESSIDRA_COLUMN_CHUNK)) * columns floats.
struct clessidra_normalize_backward_statistics {
  const float* x;
  const float* dy;
  const float* mean;
  const float* variance;
  const float* scale;
  const float* shift;
  float* dscale;  // or null
  float* dshift;  // or null
  float* sums;    // [2, images, groups]
  float* workspace;
  int64_t rows;
  int32_t images, columns, groups;
  float epsilon;
  int32_t activation;
  float slope, scale_beta, shift_beta;
};
// dx = fma(i, fma(-n, second, scale * dz - first), beta * dx), just the product when beta is 0, with
// first and second from the two halves of sums (of zeros where the statistics were constants).
// In place (dx = dy) when beta is 0.
struct clessidra_normalize_backward {
  const float* x;
  const float* dy;
  const float* mean;
  const float* variance;
  const float* scale;
  const float* shift;
  const float* sums;
  float* dx;
  int64_t rows;
  int32_t images, columns, groups;
  float epsilon;
  int32_t activation;
  float slope, beta;
};

// Soft Dice loss (Milletari et al. 2016, without squares) of probabilities [images, rows, columns]
// and labels [images, rows]; a label outside [0, columns) is no column's. With column sums over an
// image's rows: overlap = of the probabilities where label = column (+0 elsewhere), total = of the
// probabilities + of 1 where label = column (+0 elsewhere), kept in sums [2, images, columns];
// loss[0] = scale * sum over images and columns of (1 - (2 * overlap + smooth) / (total + smooth)).
// workspace: 3 * images * max(1, ceil(rows / CLESSIDRA_COLUMN_CHUNK)) * columns floats.
struct clessidra_dice {
  const float* probabilities;
  const int32_t* labels;
  float* sums;
  float* loss;
  float* workspace;
  int64_t rows;
  int32_t images, columns;
  float smooth, scale;
};
// dx = fma(upstream[0] * scale, g, beta * dx), just the product when beta is 0; with
// u = total + smooth: g = (2 * overlap + smooth) / u / u, less 2 / u where label = column.
struct clessidra_dice_backward {
  const int32_t* labels;
  const float* sums;
  const float* upstream;
  float* dx;
  int64_t rows;
  int32_t images, columns;
  float smooth, scale, beta;
};

// The list of kernels: id = position; kernel `name` takes one `struct clessidra_name`.
#define CLESSIDRA_KERNELS(X)                                                       \
  X(gemm)                                                                          \
  X(activation_forward)                                                            \
  X(activation_backward)                                                           \
  X(unary)                                                                         \
  X(binary)                                                                        \
  X(fill)                                                                          \
  X(copy)                                                                          \
  X(repeat_rows)                                                                   \
  X(repeat_rows_backward)                                                          \
  X(reduce)                                                                        \
  X(reduce_rows)                                                                   \
  X(reduce_columns)                                                                \
  X(loss)                                                                          \
  X(loss_backward)                                                                 \
  X(softmax)                                                                       \
  X(log_sum_exp)                                                                   \
  X(log_sum_exp_backward)                                                          \
  X(softmax_cross_entropy)                                                         \
  X(softmax_cross_entropy_backward)                                                \
  X(kl_sparsity)                                                                   \
  X(kl_sparsity_backward)                                                          \
  X(top_k)                                                                         \
  X(random)                                                                        \
  X(mask_noise)                                                                    \
  X(binarize)                                                                      \
  X(gather_rows)                                                                   \
  X(affine_warp)                                                                   \
  X(deformation_field)                                                             \
  X(sample_images)                                                                 \
  X(random_brightness)                                                             \
  X(advance)                                                                       \
  X(schedule)                                                                      \
  X(linear_warmup)                                                                 \
  X(clip_norm)                                                                     \
  X(sgd)                                                                           \
  X(adam)                                                                          \
  X(average)                                                                       \
  X(reparameterize)                                                                \
  X(reparameterize_backward)                                                       \
  X(gaussian_kl)                                                                   \
  X(gaussian_kl_backward)                                                          \
  X(bernoulli_log_likelihood)                                                      \
  X(bernoulli_log_likelihood_backward)                                             \
  X(gaussian_log_density)                                                          \
  X(gaussian_log_density_backward)                                                 \
  X(conv2d)                                                                        \
  X(conv2d_backward_data)                                                          \
  X(conv2d_backward_filter)                                                        \
  X(max_pool)                                                                      \
  X(max_pool_backward)                                                             \
  X(upsample)                                                                      \
  X(upsample_backward)                                                             \
  X(normalize_statistics)                                                          \
  X(normalize)                                                                     \
  X(normalize_backward_statistics)                                                 \
  X(normalize_backward)                                                            \
  X(dice)                                                                          \
  X(dice_backward)

#endif
