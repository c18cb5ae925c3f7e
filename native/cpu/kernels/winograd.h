// Convolutions by Winograd's algorithm, which convolution.cpp hands over.
#ifndef CLESSIDRA_CPU_WINOGRAD_H
#define CLESSIDRA_CPU_WINOGRAD_H

#include "../thread_pool.h"
#include "clessidra/kernels.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

void winograd_conv2d(ThreadPool& threads, const clessidra_conv2d& c);
void winograd_conv2d_backward_data(ThreadPool& threads, const clessidra_conv2d_backward_data& c);
void winograd_conv2d_backward_filter(ThreadPool& threads, const clessidra_conv2d_backward_filter& c);

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra

#endif
