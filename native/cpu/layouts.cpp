#include "layouts.h"

#include <cstddef>
#include <span>

#include "clessidra/kernels.h"

// The fields of each struct in their order; the check below finds one that was left out.
#define FIELDS_gemm(F)                                                                     \
  F(a) F(b) F(bias) F(c) F(m) F(n) F(k) F(lda) F(ldb) F(ldc) F(transpose_a) F(transpose_b) \
  F(activation) F(slope) F(beta)
#define FIELDS_activation_forward(F) F(x) F(y) F(count) F(activation) F(slope)
#define FIELDS_activation_backward(F) F(dy) F(y) F(dx) F(count) F(activation) F(slope) F(beta)
#define FIELDS_unary(F) F(x) F(y) F(count) F(function) F(alpha) F(shift) F(beta)
#define FIELDS_binary(F) F(a) F(b) F(y) F(count) F(b_count) F(function) F(alpha) F(beta)
#define FIELDS_fill(F) F(y) F(count) F(value)
#define FIELDS_copy(F) F(x) F(y) F(rows) F(columns) F(ldx) F(ldy) F(beta)
#define FIELDS_repeat_rows(F) F(x) F(y) F(rows) F(columns) F(repeats)
#define FIELDS_repeat_rows_backward(F) F(dy) F(dx) F(rows) F(columns) F(repeats) F(beta)
#define FIELDS_reduce(F) F(x) F(y) F(workspace) F(count) F(reduction) F(scale) F(beta)
#define FIELDS_reduce_rows(F) F(x) F(y) F(rows) F(columns) F(reduction) F(scale) F(beta)
#define FIELDS_reduce_columns(F) \
  F(x) F(y) F(workspace) F(rows) F(columns) F(reduction) F(scale) F(beta)
#define FIELDS_loss(F) F(x) F(target) F(loss) F(workspace) F(count) F(function) F(scale)
#define FIELDS_loss_backward(F) \
  F(x) F(target) F(upstream) F(dx) F(count) F(function) F(scale) F(beta)
#define FIELDS_softmax(F) F(x) F(y) F(rows) F(columns)
#define FIELDS_log_sum_exp(F) F(x) F(y) F(rows) F(columns)
#define FIELDS_log_sum_exp_backward(F) F(x) F(y) F(upstream) F(dx) F(rows) F(columns) F(beta)
#define FIELDS_softmax_cross_entropy(F)                                                     \
  F(logits) F(labels) F(class_weights) F(row_weights) F(probabilities) F(loss) F(workspace) \
  F(rows) F(columns) F(scale)
#define FIELDS_softmax_cross_entropy_backward(F)                                         \
  F(probabilities) F(labels) F(class_weights) F(row_weights) F(upstream) F(dx) F(rows) \
  F(columns) F(scale) F(beta)
#define FIELDS_kl_sparsity(F) F(mean) F(loss) F(workspace) F(columns) F(rho) F(scale)
#define FIELDS_kl_sparsity_backward(F) \
  F(mean) F(upstream) F(dx) F(rows) F(columns) F(rho) F(scale) F(beta)
#define FIELDS_top_k(F) F(x) F(y) F(mask) F(rows) F(columns) F(k)
#define FIELDS_random(F) F(y) F(step) F(count) F(seed) F(stream) F(distribution) F(a) F(b)
#define FIELDS_mask_noise(F) \
  F(x) F(y) F(step) F(count) F(seed) F(stream) F(probability) F(scale)
#define FIELDS_binarize(F) F(x) F(y) F(step) F(count) F(seed) F(stream)
#define FIELDS_gather_rows(F) \
  F(source) F(y) F(step) F(source_rows) F(seed) F(rows) F(columns) F(element) F(shuffle)
#define FIELDS_affine_warp(F)                                                            \
  F(x) F(y) F(step) F(seed) F(images) F(height) F(width) F(channels) F(stream) F(probability) \
  F(rotation) F(scale) F(shear) F(shift)
#define FIELDS_deformation_field(F)                                                    \
  F(field) F(step) F(seed) F(images) F(source_height) F(source_width) F(height) F(width) \
  F(mirror_left_right) F(mirror_up_down) F(quarter_turns) F(grid) F(stream) F(rotation) \
  F(scale) F(elastic)
#define FIELDS_sample_images(F)                                                     \
  F(x) F(field) F(y) F(images) F(height) F(width) F(channels) F(output_height)      \
  F(output_width) F(interpolation)
#define FIELDS_random_brightness(F) \
  F(x) F(y) F(step) F(size) F(seed) F(images) F(stream) F(contrast) F(brightness) F(gamma)
#define FIELDS_advance(F) F(state)
#define FIELDS_schedule(F) \
  F(state) F(base) F(floor) F(factor) F(beta1) F(beta2) F(warmup) F(total) F(every) F(kind)
#define FIELDS_linear_warmup(F) F(step) F(y) F(steps)
#define FIELDS_clip_norm(F) F(gradients) F(state) F(workspace) F(count) F(maximum)
#define FIELDS_sgd(F) \
  F(parameters) F(gradients) F(velocity) F(state) F(count) F(momentum) F(weight_decay) F(nesterov)
#define FIELDS_adam(F)                                                                   \
  F(parameters) F(gradients) F(first_moment) F(second_moment) F(state) F(count) F(beta1) \
  F(beta2) F(epsilon) F(weight_decay) F(decoupled)
#define FIELDS_average(F) F(x) F(y) F(state) F(count) F(decay)
#define FIELDS_reparameterize(F) F(mean) F(log_variance) F(z) F(step) F(count) F(seed) F(stream)
#define FIELDS_reparameterize_backward(F) \
  F(dz) F(log_variance) F(dlog_variance) F(step) F(count) F(seed) F(stream) F(beta)
#define FIELDS_gaussian_kl(F) \
  F(mean) F(log_variance) F(divergence) F(loss) F(workspace) F(rows) F(columns) F(scale)
#define FIELDS_gaussian_kl_backward(F)                                             \
  F(mean) F(log_variance) F(upstream) F(dmean) F(dlog_variance) F(rows) F(columns) \
  F(upstream_per_row) F(scale) F(mean_beta) F(log_variance_beta)
#define FIELDS_bernoulli_log_likelihood(F) \
  F(logits) F(target) F(log_likelihood) F(rows) F(columns) F(repeats)
#define FIELDS_bernoulli_log_likelihood_backward(F) \
  F(logits) F(target) F(upstream) F(dlogits) F(rows) F(columns) F(repeats) F(beta)
#define FIELDS_gaussian_log_density(F) \
  F(x) F(mean) F(log_variance) F(log_density) F(rows) F(columns) F(repeats)
#define FIELDS_gaussian_log_density_backward(F)                                                \
  F(x) F(mean) F(log_variance) F(upstream) F(dx) F(dmean) F(dlog_variance) F(rows) F(columns) \
  F(repeats) F(x_beta) F(mean_beta) F(log_variance_beta)
#define FIELDS_conv2d(F)                                                              \
  F(x) F(second_x) F(filter) F(bias) F(y) F(images) F(height) F(width) F(channels)    \
  F(second_channels) F(filters) F(filter_height) F(filter_width) F(output_height)     \
  F(output_width) F(stride_height) F(stride_width) F(padding_height) F(padding_width) \
  F(dilation_height) F(dilation_width) F(algorithm) F(activation) F(slope) F(beta)
#define FIELDS_conv2d_backward_data(F)                                                \
  F(dy) F(filter) F(bias) F(dx) F(second_dx) F(images) F(height) F(width) F(channels) \
  F(second_channels) F(filters) F(filter_height) F(filter_width) F(output_height)     \
  F(output_width) F(stride_height) F(stride_width) F(padding_height) F(padding_width) \
  F(dilation_height) F(dilation_width) F(algorithm) F(activation) F(slope) F(beta) F(second_beta)
#define FIELDS_conv2d_backward_filter(F)                                                  \
  F(x) F(second_x) F(dy) F(dfilter) F(workspace) F(images) F(height) F(width) F(channels) \
  F(second_channels) F(filters) F(filter_height) F(filter_width) F(output_height)         \
  F(output_width) F(stride_height) F(stride_width) F(padding_height) F(padding_width)     \
  F(dilation_height) F(dilation_width) F(algorithm) F(beta)
#define FIELDS_max_pool(F)                                                                       \
  F(x) F(y) F(indices) F(images) F(height) F(width) F(channels) F(window_height) F(window_width) \
  F(output_height) F(output_width) F(stride_height) F(stride_width) F(padding_height)            \
  F(padding_width)
#define FIELDS_max_pool_backward(F)                                                 \
  F(dy) F(indices) F(dx) F(images) F(height) F(width) F(channels) F(window_height)  \
  F(window_width) F(output_height) F(output_width) F(stride_height) F(stride_width) \
  F(padding_height) F(padding_width) F(beta)
#define FIELDS_upsample(F)                                                            \
  F(x) F(y) F(images) F(height) F(width) F(channels) F(output_height) F(output_width) \
  F(interpolation)
#define FIELDS_upsample_backward(F)                                                     \
  F(dy) F(dx) F(images) F(height) F(width) F(channels) F(output_height) F(output_width) \
  F(interpolation) F(beta)
#define FIELDS_normalize_statistics(F)                                                        \
  F(x) F(mean) F(variance) F(running_mean) F(running_variance) F(workspace) F(rows) F(images) \
  F(columns) F(groups) F(momentum)
#define FIELDS_normalize(F)                                                              \
  F(x) F(mean) F(variance) F(scale) F(shift) F(y) F(rows) F(images) F(columns) F(groups) \
  F(epsilon) F(activation) F(slope)
#define FIELDS_normalize_backward_statistics(F)                                             \
  F(x) F(dy) F(mean) F(variance) F(scale) F(shift) F(dscale) F(dshift) F(sums) F(workspace) \
  F(rows) F(images) F(columns) F(groups) F(epsilon) F(activation) F(slope) F(scale_beta)    \
  F(shift_beta)
#define FIELDS_normalize_backward(F)                                                          \
  F(x) F(dy) F(mean) F(variance) F(scale) F(shift) F(sums) F(dx) F(rows) F(images) F(columns) \
  F(groups) F(epsilon) F(activation) F(slope) F(beta)
#define FIELDS_dice(F)                                                                           \
  F(probabilities) F(labels) F(sums) F(loss) F(workspace) F(rows) F(images) F(columns) F(smooth) \
  F(scale)
#define FIELDS_dice_backward(F) \
  F(labels) F(sums) F(upstream) F(dx) F(rows) F(images) F(columns) F(smooth) F(scale) F(beta)

namespace clessidra {

namespace {

struct Field {
  const char* name;
  size_t offset, size, alignment;
};

template <size_t kCount>
constexpr bool is_whole(const Field (&fields)[kCount], size_t size, size_t alignment) {
  size_t end = 0;
  for (const Field& field : fields) {
    if (field.offset != (end + field.alignment - 1) / field.alignment * field.alignment) return false;
    end = field.offset + field.size;
  }
  return size == (end + alignment - 1) / alignment * alignment;
}

void describe(std::string& text, const char* name, size_t size, std::span<const Field> fields) {
  text += name;
  text += ' ';
  text += std::to_string(size);
  for (const Field& field : fields) {
    text += ' ';
    text += field.name;
    text += ':' + std::to_string(field.offset) + ':' + std::to_string(field.size);
  }
  text += '\n';
}

}  // namespace

std::string describe_layouts() {
  std::string text;
#define FIELD(name) \
  {#name, offsetof(Struct, name), sizeof(Struct::name), alignof(decltype(Struct::name))},
#define DESCRIBE(name)                                                \
  {                                                                   \
    using Struct = clessidra_##name;                                  \
    static constexpr Field fields[] = {FIELDS_##name(FIELD)};         \
    static_assert(is_whole(fields, sizeof(Struct), alignof(Struct))); \
    describe(text, #name, sizeof(Struct), fields);                    \
  }
  CLESSIDRA_KERNELS(DESCRIBE)
#undef DESCRIBE
#undef FIELD
  return text;
}

}  // namespace clessidra
