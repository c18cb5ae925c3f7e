// Convolutions of 3 x 3 taps by Winograd's algorithm (clessidra/winograd.h), as 36 matrix products,
// one for each point of the transforms, of which a block makes the same part of all. Transformed
// inputs and filters are never stored (Lavin and Gray, "Fast algorithms for convolutional neural
// networks", CVPR 2016, section 4).
//
//                    rows          columns    depth              A            B
//   forward          tiles of y    filters    channels           B' x B       G filter G'
//   backward data    tiles of x    channels   filters            B' dy B      G filter G', turned
//   backward filter  filters       channels   tiles of a chunk   A dy A'      B' x B
//
//   32 rows x 32 or 16 columns of all points, one block of 12 warps: three for each of the four
//   schedulers of a multiprocessor
//     slice of both operands, 4 of the depth, in shared memory, as [point][depth][row] and
//     [point][depth][column]. Four warps load the pixels or taps of the rows, a thread those of one
//     depth of a row, four or two others those of the columns, and they transform what they loaded.
//     While a slice is multiplied the next is loaded, to registers
//       3 points, one warp; a lane has 8 x 4 or 4 x 4 chains of each
//   results of all points to shared memory, some rows at a time, where a thread finds those of its
//   tile and column, which it transforms; those of backward filter go to the workspace as they are
//
// Where the depth runs along the channels of an image, neighbouring threads load neighbouring
// channels of a tile, 16 bytes, and the next slice finds the rest of the sector in the cache; else
// they load neighbouring rows or columns. No block has channels of two operands.
#include "clessidra/convolution.h"
#include "clessidra/winograd.h"

#include "tile.cuh"

namespace clessidra::winograd {

namespace {

constexpr int kSliceDepth = 4;
constexpr int kBlockWarps = 12;
constexpr int kWarpPoints = kPoints / kBlockWarps;
// Floats from one depth of a slice to the next: 4 depths of 8 lines each, which a warp stores, then
// fall on different banks.
template <int kLines>
constexpr int kLineStride = kLines + 8;

// The products that a warp makes of one point, as a Tile (tile.cuh). Lanes 2 i and 2 i + 1 have the
// same rows, and lanes that lie 2 apart the same columns: loads of 128 bits where pairs of lanes read
// the same take half as many passes.
template <int kBlockColumns>
struct PointTile {
  static constexpr int kRows = 32;
  static constexpr int kColumns = kBlockColumns;
  static constexpr int kDepth = 1;  // the points of a warp take turns
  static constexpr int kThreads = kBlockWarps * kWarp;
  static constexpr int kThreadColumns = 4;
  static constexpr int kLanesAcross = kColumns / kThreadColumns;
  static constexpr int kLanesDown = kWarp / kLanesAcross;
  static constexpr int kThreadRows = kRows / kLanesDown;
  static constexpr int kGroupRows = 4;
  static constexpr int kGroupColumns = 4;
  static constexpr int kStrideOfA = kLineStride<kRows>;
  static constexpr int kStrideOfB = kLineStride<kColumns>;

  __device__ static int lane_down() {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    return lane / 4 / (kLanesAcross / 2) * 2 + lane / 2 % 2;
  }
  __device__ static int lane_across() {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    return lane / 4 % (kLanesAcross / 2) * 2 + lane % 2;
  }
  // Row i of the lanes that are `down`.
  __device__ static int row(int i, int down) {
    return i / kGroupRows * (kLanesDown * kGroupRows) + down * kGroupRows + i % kGroupRows;
  }
  __device__ static int row(int i) { return row(i, lane_down()); }
  __device__ static int column(int j) { return lane_across() * kThreadColumns + j; }
};

template <class Tile>
using Chains = float[kWarpPoints][Tile::kThreadRows][Tile::kThreadColumns];

// Rows whose results lie in shared memory at a time, two of each lane.
template <class Tile>
constexpr int kRoundRows = 2 * Tile::kLanesDown;

template <class Tile>
union SharedPoints {
  struct {
    alignas(16) float a[kPoints][kSliceDepth * Tile::kStrideOfA];
    alignas(16) float b[kPoints][kSliceDepth * Tile::kStrideOfB];
  } slices;
  alignas(16) float results[kPoints][kRoundRows<Tile> * Tile::kColumns];
};

// A tile: its image, and its row and column there, in pixels.
struct Corner {
  int image, row, column;
};

// What the threads of a block share where the rows are tiles. The tiles' corners would take
// registers that the largest block does not have.
template <class Tile>
struct SharedTiles {
  SharedPoints<Tile> points;
  Corner corners[Tile::kRows];
};

// Where the first pixel of a channel lies, and how far it is from there to the next one's.
struct Channel {
  const float* pixels;
  int stride;
};

// The images of a convolution, which stay in the arguments, in constant memory.
template <class Convolution>
struct ConvolvedImages {
  const Convolution& c;

  __device__ int height() const { return c.height; }
  __device__ int width() const { return c.width; }
  __device__ Channel channel(int i) const {
    const int first = c.channels - c.second_channels;
    return i < first ? Channel{c.x + i, first}
                     : Channel{c.second_x + (i - first), c.second_channels};
  }
};

// Likewise the gradient of its output.
template <class Convolution>
struct OutputGradients {
  const Convolution& c;

  __device__ int height() const { return c.output_height; }
  __device__ int width() const { return c.output_width; }
  __device__ Channel channel(int i) const { return {c.dy + i, c.filters}; }
};

// The tiles of images of height x width pixels.
struct Tiles {
  int height, width, down, across;

  __device__ Tiles(int height, int width)
      : height(height), width(width), down(tiles(height)), across(tiles(width)) {}

  __device__ int64_t count(int images) const { return int64_t{images} * down * across; }

  __device__ Corner corner(int64_t tile) const {
    const Division row = divide(tile, across);
    const Division image = divide(row.quotient, down);
    return {static_cast<int>(image.quotient), static_cast<int>(image.remainder) * kOutputs,
            static_cast<int>(row.remainder) * kOutputs};
  }

  // Goes on by some tiles.
  __device__ void advance(Corner& corner, int tiles) const {
    int64_t column = int64_t{corner.column} + tiles * kOutputs;
    while (column >= width) {
      column -= int64_t{across} * kOutputs;
      corner.row = height - corner.row > kOutputs ? corner.row + kOutputs : 0;
      if (corner.row == 0) ++corner.image;
    }
    corner.column = static_cast<int>(column);
  }

 private:
  __device__ static int tiles(int pixels) {
    return static_cast<int>((static_cast<uint32_t>(pixels) + kOutputs - 1) / kOutputs);
  }
};

// The kSize x kSize pixels of a channel whose first lies where a tile's does, less the padding; +0
// outside the image.
template <int kSize, class Source>
__device__ inline void load_patch(const Source& source, const Corner& corner, int padding_height,
                                  int padding_width, int channel, float (&patch)[kPoints]) {
  const Channel from = source.channel(channel);
  const int top = corner.row - padding_height;
  const int left = corner.column - padding_width;
  const int64_t stride = from.stride;
  const float* pixel =
      from.pixels +
      ((int64_t{corner.image} * source.height() + top) * source.width() + left) * stride;
  // Without a sign, what is before the image is as far outside as what is past it.
  const auto height = static_cast<uint32_t>(source.height());
  const auto width = static_cast<uint32_t>(source.width());
  CLESSIDRA_UNROLL
  for (int i = 0; i < kSize; ++i, pixel += (source.width() - kSize) * stride) {
    const bool in_height = static_cast<uint32_t>(top) + i < height;
    CLESSIDRA_UNROLL
    for (int j = 0; j < kSize; ++j, pixel += stride) {
      const bool inside = in_height && static_cast<uint32_t>(left) + j < width;
      patch[i * kSize + j] = inside ? *pixel : 0.0f;
    }
  }
}

// The transforms of winograd.h, as function objects.
struct Inputs {
  static constexpr int kSize = kInputs;
  __device__ void operator()(const float (&d)[kInputs], float (&v)[kInputs]) const {
    transform_inputs(d, v);
  }
};
struct Taps {
  static constexpr int kSize = kTaps;
  __device__ void operator()(const float (&g)[kTaps], float (&u)[kInputs]) const {
    transform_taps(g, u);
  }
};
struct Gradients {
  static constexpr int kSize = kOutputs;
  __device__ void operator()(const float (&dy)[kOutputs], float (&w)[kInputs]) const {
    transform_gradients(dy, w);
  }
};

// How an operand's threads, which start at kFirstThread, share a slice: a thread has one depth of
// one line, which is a row of A or a column of B. Along: neighbouring threads have neighbouring
// lines, else neighbouring depths. An operand derives from this and has
//   load(begin, raw)   fetches what this thread transforms of the slice that starts at this depth
// and no state, for which the largest block has no registers.
template <class Transform, int kLines, int kFirstThread, bool kAlong>
class TransformedSlice {
 public:
  // Whether the slice has something for this thread.
  __device__ static bool active() { return static_cast<uint32_t>(thread()) < kLines * kSliceDepth; }

  // `beyond` stands for what lies past the end of the depth.
  __device__ static void store(const float (&raw)[kPoints], int depth, float beyond,
                               float (&slice)[kPoints][kSliceDepth * kLineStride<kLines>]) {
    const int to = own_depth() * kLineStride<kLines> + line();
    if (own_depth() < depth) {
      transform_both_ways<Transform::kSize, kInputs, float>(
          Transform{}, [&](int i, int j) { return raw[i * Transform::kSize + j]; },
          [&](int i, int j, float value) { slice[i * kInputs + j][to] = value; });
    } else {
      CLESSIDRA_UNROLL
      for (int point = 0; point < kPoints; ++point) slice[point][to] = beyond;
    }
  }

  __device__ static int line() { return kAlong ? thread() % kLines : thread() / kSliceDepth; }
  __device__ static int own_depth() { return kAlong ? thread() / kLines : thread() % kSliceDepth; }

 private:
  __device__ static int thread() { return static_cast<int>(threadIdx.x) - kFirstThread; }
};

template <class Tile, class Transform, bool kAlong>
using RowsOf = TransformedSlice<Transform, Tile::kRows, 0, kAlong>;
template <class Tile, class Transform, bool kAlong>
using ColumnsOf = TransformedSlice<Transform, Tile::kColumns, Tile::kRows * kSliceDepth, kAlong>;

// Tiles as rows, of images whose channels are the depth.
template <class Tile, class Source>
class TileRows : public RowsOf<Tile, Inputs, false> {
  using Base = RowsOf<Tile, Inputs, false>;

 public:
  __device__ TileRows(const Source& source, int padding_height, int padding_width,
                      const Corner* corners)
      : source_(source),
        padding_height_(padding_height),
        padding_width_(padding_width),
        corners_(corners) {}

  __device__ void load(int begin, float (&raw)[kPoints]) const {
    load_patch<kInputs>(source_, corners_[Base::line()], padding_height_, padding_width_,
                        begin + Base::own_depth(), raw);
  }

 private:
  const Source source_;
  const int padding_height_, padding_width_;
  const Corner* const corners_;
};

// Filters [..][3][3][..] as columns: along, the columns are the last dimension and the filters are
// turned by half a turn, else the depth is.
template <class Tile, bool kAlong>
class FilterColumns : public ColumnsOf<Tile, Taps, kAlong> {
  using Base = ColumnsOf<Tile, Taps, kAlong>;

 public:
  // The columns from `first` on, `count` of them; last: the size of the last dimension.
  __device__ FilterColumns(const float* filter, int last, int first, int count)
      : filter_(filter),
        last_(last),
        // A column past the last is read as that one, and not stored.
        column_(first + smaller(Base::line(), count - 1)) {}

  __device__ void load(int begin, float (&raw)[kPoints]) const {
    const int64_t last = last_;
    const int depth = begin + Base::own_depth();
    const float* from =
        filter_ + (kAlong ? depth : column_) * (kTaps * kTaps) * last + (kAlong ? column_ : depth);
    CLESSIDRA_UNROLL
    for (int tap = 0; tap < kTaps * kTaps; ++tap, from += last) {
      raw[kAlong ? kTaps * kTaps - 1 - tap : tap] = *from;
    }
  }

 private:
  const float* const filter_;
  const int last_, column_;
};

// Channels of a source as lines; the depth are tiles, of which `corners` has those of the slice to
// be loaded.
template <class Slice, class Transform, class Source>
class ChannelLines : public Slice {
 public:
  // The channels from `first` on, `count` of them.
  __device__ ChannelLines(const Source& source, int padding_height, int padding_width, int first,
                          int count, const Corner* corners)
      : source_(source),
        padding_height_(padding_height),
        padding_width_(padding_width),
        // A channel past the last is read as that one, and not stored.
        channel_(first + smaller(Slice::line(), count - 1)),
        corners_(corners) {}

  __device__ void load(int, float (&raw)[kPoints]) const {
    load_patch<Transform::kSize>(source_, corners_[Slice::own_depth()], padding_height_,
                                 padding_width_, channel_, raw);
  }

 private:
  const Source source_;
  const int padding_height_, padding_width_, channel_;
  const Corner* const corners_;
};

// The chains of this thread: the products of two operands from +0. Before another slice is loaded
// the threads that have nothing to transform call prepare(). Ends with a barrier.
template <class Tile, class A, class B, class Prepare>
__device__ inline void multiply_points(const A& a, const B& b, int depth, const Prepare& prepare,
                                       SharedPoints<Tile>& shared, Chains<Tile>& chains) {
  CLESSIDRA_UNROLL
  for (int p = 0; p < kWarpPoints; ++p) {
    CLESSIDRA_UNROLL
    for (int i = 0; i < Tile::kThreadRows; ++i) {
      CLESSIDRA_UNROLL
      for (int j = 0; j < Tile::kThreadColumns; ++j) chains[p][i][j] = 0.0f;
    }
  }
  const int point = static_cast<int>(threadIdx.x) / kWarp * kWarpPoints;
  // One array for both operands, since a thread has something of one of them.
  float raw[kPoints];
  const auto load = [&](int left) {
    // Else what was there would live on, in registers, where nothing is loaded.
    CLESSIDRA_UNROLL
    for (float& value : raw) value = 0.0f;
    if (A::active()) {
      if (A::own_depth() < left) a.load(depth - left, raw);
    } else if (B::active()) {
      if (B::own_depth() < left) b.load(depth - left, raw);
    }
  };
  load(depth);
  __syncthreads();
#pragma unroll 1
  for (int left = depth; left > 0; left -= kSliceDepth) {
    // Past the end of the depth the product is -0 * 0 = -0, which leaves every number as it is.
    if (A::active()) {
      A::store(raw, left, -0.0f, shared.slices.a);
    } else if (B::active()) {
      B::store(raw, left, 0.0f, shared.slices.b);
    } else {
      prepare();
    }
    __syncthreads();
    load(left - kSliceDepth);
    CLESSIDRA_UNROLL
    for (int d = 0; d < kSliceDepth; ++d) {
      CLESSIDRA_UNROLL
      for (int p = 0; p < kWarpPoints; ++p) {
        multiply_slice<Tile>(shared.slices.a[point + p] + d * Tile::kStrideOfA,
                             shared.slices.b[point + p] + d * Tile::kStrideOfB, chains[p]);
      }
    }
    __syncthreads();
  }
}

// Images that get results: `columns` of their channels, the first of which is at `elements`.
struct TargetImages {
  float* elements;
  int height, width, channels, columns;
  const float* bias;  // of the first column, or null
  int32_t activation;
  float slope, beta;
};

// A' products A, bias and activation, and the results to memory.
template <class Tile>
__device__ inline void finish_tiles(const TargetImages& target, const Chains<Tile>& chains,
                                    SharedTiles<Tile>& shared) {
  constexpr int kColumns = Tile::kColumns;
  constexpr int kRows = kRoundRows<Tile>;
  static_assert(kRows * kColumns <= Tile::kThreads);
  // In every second row the halves of 32 columns change places: the lanes that store at a time have
  // 16 columns of two rows, which then fall on different banks.
  const auto place = [](int row, int column) {
    return row * kColumns + (column ^ (kColumns == 32 ? row % 2 * 16 : 0));
  };
  const int point = static_cast<int>(threadIdx.x) / kWarp * kWarpPoints;
  const int row = static_cast<int>(threadIdx.x) / kColumns;
  const int column = static_cast<int>(threadIdx.x) % kColumns;
  const bool rectify = target.activation == CLESSIDRA_RELU;
  const bool leak = target.activation == CLESSIDRA_LEAKY_RELU;
  const float shift =
      target.bias != nullptr && column < target.columns ? target.bias[column] : -0.0f;
#pragma unroll 1
  for (int round = 0; round < Tile::kThreadRows / 2; ++round) {
    CLESSIDRA_UNROLL
    for (int p = 0; p < kWarpPoints; ++p) {
      CLESSIDRA_UNROLL
      for (int i = 0; i < Tile::kThreadRows; ++i) {
        if (i / 2 == round) {
          const int to = place(i % 2 * Tile::kLanesDown + Tile::lane_down(), Tile::column(0));
          store_group<4>(shared.points.results[point + p] + to, chains[p][i]);
        }
      }
    }
    __syncthreads();
    const int i = 2 * round + row / Tile::kLanesDown;
    if (row < kRows && column < target.columns) {
      const Corner corner = shared.corners[Tile::row(i, row % Tile::kLanesDown)];
      const int height = target.height - corner.row;
      const int width = target.width - corner.column;
      const int64_t stride = target.channels;
      const int64_t row_stride = target.width * stride;
      float* const to =
          target.elements + column +
          ((int64_t{corner.image} * target.height + corner.row) * target.width + corner.column) *
              stride;
      transform_both_ways<kInputs, kOutputs, float>(
          [](const float(&m)[kInputs], float(&y)[kOutputs]) { transform_products(m, y); },
          [&](int i, int j) { return shared.points.results[i * kInputs + j][place(row, column)]; },
          [&](int i, int j, float y) {
            if (i >= height || j >= width) return;
            float* const element = to + i * row_stride + j * stride;
            if (target.beta != 0.0f) y = target.beta * *element + y;
            y += shift;
            *element = rectify ? (y < 0.0f ? 0.0f : y) : leak && !(y > 0.0f) ? target.slope * y : y;
          });
      // As in finish_chains (tile.cuh), the other activations are not there 16 times.
      if (target.activation > CLESSIDRA_LEAKY_RELU) {
#pragma unroll 1
        for (int i = 0; i < smaller(height, kOutputs); ++i) {
#pragma unroll 1
          for (int j = 0; j < smaller(width, kOutputs); ++j) {
            float* const element = to + i * row_stride + j * stride;
            *element = activate(target.activation, Pack<1>{{*element}}, target.slope).v[0];
          }
        }
      }
    }
    __syncthreads();
  }
}

template <class Tile>
__device__ inline uint32_t blocks_across(int columns) {
  return (static_cast<uint32_t>(columns) + Tile::kColumns - 1) / Tile::kColumns;
}

// Finds the corners of the block's tiles. Ends with a barrier.
template <class Tile>
__device__ inline void find_tiles(const Tiles& tiles, int images, int64_t first,
                                  Corner (&corners)[Tile::kRows]) {
  if (threadIdx.x < Tile::kRows) {
    const int64_t tile = first + threadIdx.x;
    // A tile past the last lies below an image: of what is read there nothing is stored.
    corners[threadIdx.x] =
        tile < tiles.count(images) ? tiles.corner(tile) : Corner{0, tiles.height, 0};
  }
  __syncthreads();
}

template <class Tile>
__device__ inline void convolve(const clessidra_conv2d& c) {
  __shared__ SharedTiles<Tile> shared;
  const uint32_t across = blocks_across<Tile>(c.filters);
  const int column = static_cast<int>(blockIdx.x % across) * Tile::kColumns;
  find_tiles<Tile>({c.output_height, c.output_width}, c.images,
                   int64_t{blockIdx.x / across} * Tile::kRows, shared.corners);
  const TileRows<Tile, ConvolvedImages<clessidra_conv2d>> a({c}, c.padding_height, c.padding_width,
                                                            shared.corners);
  const FilterColumns<Tile, false> b(c.filter, c.channels, column, c.filters - column);
  Chains<Tile> chains;
  multiply_points<Tile>(a, b, c.channels, [] {}, shared.points, chains);
  finish_tiles<Tile>({c.y + column, c.output_height, c.output_width, c.filters, c.filters - column,
                      c.bias == nullptr ? nullptr : c.bias + column, c.activation, c.slope, c.beta},
                     chains, shared);
}

template <class Tile>
__device__ inline void convolve_back(const clessidra_conv2d_backward_data& c) {
  __shared__ SharedTiles<Tile> shared;
  const int first_channels = c.channels - c.second_channels;
  const uint32_t first_across = blocks_across<Tile>(first_channels);
  const uint32_t across = first_across + blocks_across<Tile>(c.second_channels);
  const uint32_t place = blockIdx.x % across;
  // The block's columns among the channels that it stores, which of all channels start at `start`.
  const bool second = place >= first_across;
  const int start = second ? first_channels : 0;
  const int channels = second ? c.second_channels : first_channels;
  const int column = static_cast<int>(second ? place - first_across : place) * Tile::kColumns;
  find_tiles<Tile>({c.height, c.width}, c.images, int64_t{blockIdx.x / across} * Tile::kRows,
                   shared.corners);
  const TileRows<Tile, OutputGradients<clessidra_conv2d_backward_data>> a(
      {c}, kTaps - 1 - c.padding_height, kTaps - 1 - c.padding_width, shared.corners);
  const FilterColumns<Tile, true> b(c.filter, c.channels, start + column, channels - column);
  Chains<Tile> chains;
  multiply_points<Tile>(a, b, c.filters, [] {}, shared.points, chains);
  finish_tiles<Tile>({(second ? c.second_dx : c.dx) + column, c.height, c.width, channels,
                      channels - column, c.bias == nullptr ? nullptr : c.bias + start + column,
                      c.activation, c.slope, second ? c.second_beta : c.beta},
                     chains, shared);
}

// Chunks of tiles lie along the grid's y.
template <class Tile>
__device__ inline void make_chunk(const clessidra_conv2d_backward_filter& c) {
  __shared__ SharedPoints<Tile> shared;
  __shared__ Corner corners[kSliceDepth];
  const uint32_t across = blocks_across<Tile>(c.channels);
  const int row = static_cast<int>(blockIdx.x / across) * Tile::kRows;
  const int column = static_cast<int>(blockIdx.x % across) * Tile::kColumns;
  const Tiles tiles(c.output_height, c.output_width);
  const int64_t count = tiles.count(c.images);
  const int64_t pairs = int64_t{c.filters} * c.channels;
  const int64_t chunk = tiles_per_chunk(count, pairs);
  const int64_t first = blockIdx.y * chunk;
  const auto depth = static_cast<int>(first + chunk < count ? chunk : count - first);
  if (threadIdx.x < kSliceDepth) corners[threadIdx.x] = tiles.corner(first + threadIdx.x);
  __syncthreads();
  const auto next_tiles = [&] {
    const auto i = static_cast<int>(threadIdx.x) - (Tile::kThreads - kSliceDepth);
    if (i >= 0) Tiles(c.output_height, c.output_width).advance(corners[i], kSliceDepth);
  };
  using Source = OutputGradients<clessidra_conv2d_backward_filter>;
  const ChannelLines<RowsOf<Tile, Gradients, true>, Gradients, Source> a({c}, 0, 0, row,
                                                                        c.filters - row, corners);
  using Images = ConvolvedImages<clessidra_conv2d_backward_filter>;
  const ChannelLines<ColumnsOf<Tile, Inputs, true>, Inputs, Images> b(
      {c}, c.padding_height, c.padding_width, column, c.channels - column, corners);
  Chains<Tile> chains;
  multiply_points<Tile>(a, b, depth, next_tiles, shared, chains);
  const int point = static_cast<int>(threadIdx.x) / kWarp * kWarpPoints;
  float* const results = c.workspace + (int64_t{blockIdx.y} * kPoints + point) * pairs +
                         int64_t{row} * c.channels + column;
  CLESSIDRA_UNROLL
  for (int p = 0; p < kWarpPoints; ++p) {
    float* const result = results + p * pairs;
    const Target target{
        [=](int i) { return i < c.filters - row ? result + int64_t{i} * c.channels : nullptr; },
        c.channels - column, aligned(c.workspace) && c.channels % 4 == 0};
    finish_chains<Tile>(target, nullptr, CLESSIDRA_IDENTITY, 0.0f, chains[p]);
  }
}

// Pairs of a filter and a channel of which a block adds the results, 32 bytes of each point.
constexpr int kFinishPairs = 8;

// The results of the chunks added in their order, a thread those of one point of a pair; then
// G' sums G.
__device__ inline void finish_chunks(const clessidra_conv2d_backward_filter& c) {
  // From one pair to the next: odd, so that the points of the pairs fall on different banks.
  __shared__ float sums[kFinishPairs][kPoints + 1];
  const int64_t pairs = int64_t{c.filters} * c.channels;
  const int64_t count = Tiles(c.output_height, c.output_width).count(c.images);
  const int64_t chunk = tiles_per_chunk(count, pairs);
  const auto chunks = static_cast<int>((count + chunk - 1) / chunk);
  const int point = static_cast<int>(threadIdx.x) / kFinishPairs;
  const int own = static_cast<int>(threadIdx.x) % kFinishPairs;
  for (int64_t first = int64_t{blockIdx.x} * kFinishPairs; first < pairs;
       first += int64_t{gridDim.x} * kFinishPairs) {
    const int64_t pair = first + own;
    if (pair < pairs) {
      const auto result = [&](int i) {
        return c.workspace[(int64_t{i} * kPoints + point) * pairs + pair];
      };
      // Loads that are on their way at a time.
      constexpr int kLoads = 8;
      float sum = chunks > 0 ? result(0) : 0.0f;
      int i = 1;
      for (; i + kLoads <= chunks; i += kLoads) {
        float results[kLoads];
        CLESSIDRA_UNROLL
        for (int e = 0; e < kLoads; ++e) results[e] = result(i + e);
        CLESSIDRA_UNROLL
        for (int e = 0; e < kLoads; ++e) sum += results[e];
      }
      for (; i < chunks; ++i) sum += result(i);
      sums[own][point] = sum;
    }
    __syncthreads();
    if (point == 0 && pair < pairs) {
      const Division filter = divide(pair, c.channels);
      float* const to =
          c.dfilter + filter.quotient * (kTaps * kTaps) * c.channels + filter.remainder;
      transform_both_ways<kInputs, kTaps, float>(
          [](const float(&du)[kInputs], float(&dg)[kTaps]) { transform_tap_gradients(du, dg); },
          [&](int i, int j) { return sums[own][i * kInputs + j]; },
          [&](int i, int j, float value) {
            store_sum(to + int64_t{i * kTaps + j} * c.channels, Pack<1>{{value}}, c.beta);
          });
    }
    __syncthreads();
  }
}

using Tile32x32 = PointTile<32>;
using Tile32x16 = PointTile<16>;

}  // namespace

// The kernel function<tile>. One block fills most of the registers of a multiprocessor.
#define CLESSIDRA_WINOGRAD_CONVOLUTION(name, tile, function, arguments_type) \
  extern "C" __global__ void __launch_bounds__(tile::kThreads, 1)           \
      name(const __grid_constant__ arguments_type arguments) {               \
    function<tile>(arguments);                                               \
  }

CLESSIDRA_WINOGRAD_CONVOLUTION(conv2d_winograd_32x32, Tile32x32, convolve, clessidra_conv2d)
EMULATOR_KERNEL(conv2d_winograd_32x32)
CLESSIDRA_WINOGRAD_CONVOLUTION(conv2d_winograd_32x16, Tile32x16, convolve, clessidra_conv2d)
EMULATOR_KERNEL(conv2d_winograd_32x16)

CLESSIDRA_WINOGRAD_CONVOLUTION(conv2d_backward_data_winograd_32x32, Tile32x32, convolve_back,
                               clessidra_conv2d_backward_data)
EMULATOR_KERNEL(conv2d_backward_data_winograd_32x32)
CLESSIDRA_WINOGRAD_CONVOLUTION(conv2d_backward_data_winograd_32x16, Tile32x16, convolve_back,
                               clessidra_conv2d_backward_data)
EMULATOR_KERNEL(conv2d_backward_data_winograd_32x16)

CLESSIDRA_WINOGRAD_CONVOLUTION(conv2d_backward_filter_winograd_32x32, Tile32x32, make_chunk,
                               clessidra_conv2d_backward_filter)
EMULATOR_KERNEL(conv2d_backward_filter_winograd_32x32)
CLESSIDRA_WINOGRAD_CONVOLUTION(conv2d_backward_filter_winograd_32x16, Tile32x16, make_chunk,
                               clessidra_conv2d_backward_filter)
EMULATOR_KERNEL(conv2d_backward_filter_winograd_32x16)

#undef CLESSIDRA_WINOGRAD_CONVOLUTION

extern "C" __global__ void __launch_bounds__(kFinishPairs* kPoints)
    conv2d_backward_filter_winograd_finish(
        const __grid_constant__ clessidra_conv2d_backward_filter arguments) {
  finish_chunks(arguments);
}
EMULATOR_KERNEL(conv2d_backward_filter_winograd_finish)

}  // namespace clessidra::winograd
