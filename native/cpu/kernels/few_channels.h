// Direct convolutions of images of few channels.
#ifndef CLESSIDRA_CPU_FEW_CHANNELS_H
#define CLESSIDRA_CPU_FEW_CHANNELS_H

#include "convolution_product.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

// Points [begin, end) and panels [first, last) of a product of few source channels.
void multiply_few_source_channels(const Product& g, int64_t begin, int64_t end, int64_t first,
                                  int64_t last);

// to = the filter's gradient over points [begin, end), [filters][taps of rows and columns][channels],
// for filters whose gradients lie next to each other, from dy + point * dy_stride on.
void gradient_of_few_channels(const Axis& rows, const Axis& columns, const Sources& sources,
                              int64_t begin, int64_t end, const float* dy, int64_t dy_stride,
                              int64_t filters, float* to);

// All phases of products of few target channels.
void multiply_few_target_channels(ThreadPool& threads, const Phases& phases);

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra

#endif
