// Batches of a resident data set.
#include <cstring>

#include "clessidra/random.h"
#include "kernel_table.h"

namespace clessidra {
namespace CLESSIDRA_ISA {

void gather_rows(ThreadPool& threads, const clessidra_gather_rows& arguments) {
  const int64_t columns = arguments.columns;
  const uint64_t source_rows = static_cast<uint64_t>(arguments.source_rows);
  // Shuffling a row index costs as much as some 500 elements.
  const int64_t grain = grain_rows(columns + (arguments.shuffle ? 500 : 0));
  threads.for_ranges(arguments.rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const uint64_t position =
          *arguments.step * static_cast<uint64_t>(arguments.rows) + static_cast<uint64_t>(row);
      uint64_t source_row = position % source_rows;
      if (arguments.shuffle) {
        source_row = shuffled(source_row, source_rows, position / source_rows, arguments.seed);
      }
      const int64_t from = static_cast<int64_t>(source_row) * columns;
      const int64_t to = row * columns;
      if (arguments.element == CLESSIDRA_UINT8) {
        const uint8_t* const x = static_cast<const uint8_t*>(arguments.source) + from;
        float* const y = static_cast<float*>(arguments.y) + to;
        for (int64_t i = 0; i < columns; ++i) y[i] = static_cast<float>(x[i]) / 255.0f;
      } else {
        // FLOAT32 and INT32 move as they are.
        std::memcpy(static_cast<char*>(arguments.y) + to * 4,
                    static_cast<const char*>(arguments.source) + from * 4,
                    static_cast<size_t>(columns) * 4);
      }
    }
  });
}

}  // namespace CLESSIDRA_ISA
}  // namespace clessidra
