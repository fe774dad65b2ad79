#include "kernels/stencil.h"

#include "kernels/contracts.h"
#include "kernels/cuda/chunk_sums.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/cuda/warp.cuh"

namespace wasserkern {
namespace {

// A block takes a tile of an image, and around it what the edges reach, to shared memory, gradient and mass side by
// side; every value there then visits its neighbours. Their limits are memory, 8 or 12 bytes per element, and shared
// memory, 8 bytes per neighbour.

using Pack = cuda::Pack<4>;

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / cuda::kWarp;
constexpr int kPerLane = 3;
constexpr int kAcross = kPerLane * cuda::kWarp;  // values of a tile's row: 32 pixels in colour
constexpr int kMostChannels = 8;                 // of a tile; wider images have a tile for every so many
constexpr size_t kSharedBytes = 48 << 10;

/// A pixel's value in one channel.
struct alignas(8) Site {
  float gradient, mass;

  __device__ __forceinline__ bool exists() const { return mass != kNowhere; }
  static constexpr float kNowhere = -__builtin_huge_valf();  // the mass beyond the image, where nothing flows
};

/// The neighbours of every site, by how far away they lie in a tile.
struct Neighbours {
  struct Neighbour {
    int offset;
    float weight;
  };
  int count = 0;
  Neighbour list[2 * PixelGraph::kMostEdges];
};

/// Where a tile lies.
struct Corner {
  int64_t image;
  int top, left, channel;
};

/// Values that follow each other in a row of an image, as a tile sees them.
struct Run {
  int first, begin, end;  // the place of the first one asked for, and those that exist
};

/// How images are divided into tiles.
struct Tiles {
  int64_t count;
  int height, width, channels;
  int depth;                       // channels of a tile, all or kMostChannels
  int pixels, rows;                // of a tile
  int above = 0, below = 0;        // rows that edges reach
  int before = 0, after = 0;       // values that they reach along a row, a multiple of packs
  int across = 0, down = 0, deep;  // tiles of an image

  /// Of sites that look along edges from the first of their ends, or from either.
  Tiles(ImageView<const float> x, const PixelGraph& graph, bool both_ways)
      : count(x.count),
        height(static_cast<int>(x.height)),
        width(static_cast<int>(x.width)),
        channels(static_cast<int>(x.channels)),
        depth(std::min(channels, kMostChannels)),
        pixels(kAcross / depth),
        deep(static_cast<int>(cuda::ceil_div(channels, depth))) {
    int left = 0, right = 0;
    for (const PixelEdge& edge : graph.edges()) {
      below = std::max(below, edge.down);
      left = std::max({left, -edge.right, both_ways ? edge.right : 0});
      right = std::max({right, edge.right, both_ways ? -edge.right : 0});
    }
    if (both_ways) above = below;
    before = static_cast<int>(cuda::ceil_div(left * depth, 4)) * 4;
    after = static_cast<int>(cuda::ceil_div(right * depth, 4)) * 4;
    across = static_cast<int>(cuda::ceil_div(width, pixels));
    rows = 2 * kWarps;
    down = static_cast<int>(cuda::ceil_div(height, rows));
    if (bytes() > kSharedBytes || blocks() < cuda::kEnoughBlocks) {
      rows = kWarps;
      down = static_cast<int>(cuda::ceil_div(height, rows));
    }
  }

  size_t bytes() const { return static_cast<size_t>((above + rows + below) * stride()) * sizeof(Site); }
  int64_t blocks() const { return count * per_image(); }
  __host__ __device__ int64_t per_image() const { return int64_t{down} * across * deep; }
  __host__ __device__ int stride() const { return before + kAcross + after; }
  __host__ __device__ int64_t image_size() const { return int64_t{height} * width * channels; }

  __device__ __forceinline__ Corner corner(int64_t tile) const {
    auto rest = static_cast<int>(tile % per_image());
    const int slice = rest % deep;
    rest /= deep;
    return {tile / per_image(), rest / across * rows, rest % across * pixels, slice * depth};
  }
  /// The values of a row of an image that follow the one at `place` in a row of the tile.
  __device__ __forceinline__ Run run(const Corner& corner, int place) const {
    const int apart = place - before;
    if (deep == 1) return {corner.left * channels + apart, 0, width * channels};
    const int pixel = corner.left + (apart >> 3), at = pixel * channels + corner.channel;
    const bool exists = pixel >= 0 && pixel < width;
    return {at + (apart & 7), at, exists ? min(at + depth, (pixel + 1) * channels) : at};
  }
};
static_assert(kMostChannels == 8);

/// Pixels, gradients, and pixels' mass.
struct Images {
  const float *x, *g;
  bool aligned;  // whether packs can be loaded from either
  float mass_scale, mass_offset;
};

/// Fills the shared memory of a tile.
__device__ __forceinline__ void take(const Tiles& tiles, const Corner& corner, const Images& images, Site* sites) {
  const int warp = static_cast<int>(threadIdx.x) / cuda::kWarp, lane = static_cast<int>(threadIdx.x) % cuda::kWarp;
  for (int row = warp; row < tiles.above + tiles.rows + tiles.below; row += kWarps) {
    const int y = corner.top + row - tiles.above;
    const int64_t line = corner.image * tiles.image_size() + int64_t{y} * tiles.width * tiles.channels;
    const bool inside = y >= 0 && y < tiles.height;
    for (int place = 4 * lane; place < tiles.stride(); place += 4 * cuda::kWarp) {
      const Run run = tiles.run(corner, place);
      Site four[4];
      if (inside && images.aligned && run.first % 4 == 0 && run.first >= run.begin && run.first + 4 <= run.end) {
        const Pack x = Pack::load(images.x + line + run.first), g = Pack::load(images.g + line + run.first);
        for (int i = 0; i < 4; ++i) four[i] = {g[i], images.mass_scale * x[i] + images.mass_offset};
      } else {
        for (int i = 0; i < 4; ++i) {
          const int at = run.first + i;
          four[i] = {0, Site::kNowhere};
          if (inside && at >= run.begin && at < run.end)
            four[i] = {images.g[line + at], images.mass_scale * images.x[line + at] + images.mass_offset};
        }
      }
      Site* to = sites + row * tiles.stride() + place;
      Pack{four[0].gradient, four[0].mass, four[1].gradient, four[1].mass}.store(&to[0].gradient);
      Pack{four[2].gradient, four[2].mass, four[3].gradient, four[3].mass}.store(&to[2].gradient);
    }
  }
  __syncthreads();
}

/// use(place in the images, gradient, sum over the neighbours of weight part(difference of gradients, sum of masses))
/// for every site of a tile.
template <class Part, class Use>
__device__ __forceinline__ void visit(const Tiles& tiles, const Corner& corner, const Neighbours& neighbours,
                                      const Site* sites, Part part, Use use) {
  const int warp = static_cast<int>(threadIdx.x) / cuda::kWarp, lane = static_cast<int>(threadIdx.x) % cuda::kWarp;
  for (int row = warp; row < min(tiles.rows, tiles.height - corner.top); row += kWarps) {
    const Site* at = sites + (tiles.above + row) * tiles.stride() + tiles.before + lane;
    Site own[kPerLane];
    float sums[kPerLane] = {};
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) own[i] = at[i * cuda::kWarp];
    for (int n = 0; n < neighbours.count; ++n) {
      const auto [offset, weight] = neighbours.list[n];
#pragma unroll
      for (int i = 0; i < kPerLane; ++i) {
        const Site other = at[offset + i * cuda::kWarp];
        if (other.exists()) sums[i] += weight * part(own[i].gradient - other.gradient, own[i].mass + other.mass);
      }
    }
    const int64_t line = corner.image * tiles.image_size() + int64_t{corner.top + row} * tiles.width * tiles.channels;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
      const int along = lane + i * cuda::kWarp;
      if (along < tiles.pixels * tiles.depth && own[i].exists())
        use(line + tiles.run(corner, tiles.before + along).first, own[i].gradient, sums[i]);
    }
  }
}

/// A tile's part of a form: what its edges and |g|^2 are, and the sum of g.
struct FormPart {
  float edges, sum;

  __device__ __forceinline__ void join(const FormPart& more) {
    edges += more.edges;
    sum += more.sum;
  }
  __device__ __forceinline__ FormPart of_warp() const { return {cuda::warp_sum(edges), cuda::warp_sum(sum)}; }
};

__global__ void __launch_bounds__(kThreads)
    form_kernel(Tiles tiles, Neighbours neighbours, Images images, float identity, FormPart* parts) {
  extern __shared__ __align__(16) Site sites[];
  __shared__ FormPart of_warps[kWarps];
  const Corner corner = tiles.corner(blockIdx.x);
  take(tiles, corner, images, sites);
  FormPart own = {};
  visit(
      tiles, corner, neighbours, sites, [](float difference, float mass) { return difference * difference * mass; },
      [&](int64_t, float g, float sum) {
        own.join({sum + identity * g * g, g});
      });
  own = own.of_warp();
  if (threadIdx.x % cuda::kWarp == 0) of_warps[threadIdx.x / cuda::kWarp] = own;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int warp = 1; warp < kWarps; ++warp) own.join(of_warps[warp]);
  parts[blockIdx.x] = own;
}

/// form[n] from the parts of image n; a warp each.
__global__ void __launch_bounds__(kThreads) join_form_kernel(Matrix<const FormPart> parts, float total, float* form) {
  const int64_t image = int64_t{blockIdx.x} * kWarps + threadIdx.x / cuda::kWarp;
  if (image >= parts.rows) return;
  FormPart all = {};
  for (int64_t tile = threadIdx.x % cuda::kWarp; tile < parts.columns; tile += cuda::kWarp)
    all.join(parts.data[image * parts.stride + tile]);
  all = all.of_warp();
  if (threadIdx.x % cuda::kWarp == 0) form[image] = all.edges + total * all.sum * all.sum;
}

/// `sums`: of chunks of g, with no columns where total is 0.
__global__ void __launch_bounds__(kThreads)
    product_kernel(Tiles tiles, Neighbours neighbours, Images images, float identity, float total,
                   Matrix<const float> sums, const float* scale, float* product) {
  extern __shared__ __align__(16) Site sites[];
  const Corner corner = tiles.corner(blockIdx.x);
  take(tiles, corner, images, sites);
  float everywhere = 0;
  for (int64_t chunk = threadIdx.x % cuda::kWarp; chunk < sums.columns; chunk += cuda::kWarp)
    everywhere += sums.data[corner.image * sums.stride + chunk];
  everywhere = total * cuda::warp_sum(everywhere);
  const float by = scale[corner.image];
  visit(
      tiles, corner, neighbours, sites, [](float difference, float mass) { return difference * mass; },
      [&](int64_t place, float g, float sum) { product[place] = by * (sum + identity * g + everywhere); });
}

/// Seen from the first of each edge's pixels, or from either.
Neighbours neighbours_of(const PixelGraph& graph, const Tiles& tiles, bool both_ways) {
  Neighbours all;
  for (const PixelEdge& edge : graph.edges()) {
    const int offset = edge.down * tiles.stride() + edge.right * tiles.depth;
    all.list[all.count++] = {offset, edge.weight};
    if (both_ways) all.list[all.count++] = {-offset, edge.weight};
  }
  return all;
}

Images images_of(const Stencil& stencil, ImageView<const float> x, ImageView<const float> g) {
  const bool aligned = cuda::packable(x.data, g.data) && x.width * x.channels % 4 == 0;
  return {x.data, g.data, aligned, stencil.mass_scale, stencil.mass_offset};
}

}  // namespace

void stencil_form(CudaStream& stream, const Stencil& stencil, ImageView<const float> x, ImageView<const float> g,
                  Vector<float> form) {
  check_stencil(x, g, g, form);
  if (x.count == 0) return;
  Matrix<FormPart> parts{nullptr, x.count, 0};
  if (x.size() > 0) {
    const Tiles tiles(x, stencil.graph, false);
    auto* memory = static_cast<FormPart*>(stream.workspace(static_cast<size_t>(tiles.blocks()) * sizeof(FormPart)));
    parts = {memory, x.count, tiles.per_image()};
    cuda::launch_shared(stream, form_kernel, static_cast<unsigned>(tiles.blocks()), kThreads, tiles.bytes(), tiles,
                        neighbours_of(stencil.graph, tiles, false), images_of(stencil, x, g), stencil.identity, memory);
  }
  cuda::launch(stream, join_form_kernel, static_cast<unsigned>(cuda::ceil_div(x.count, kWarps)), kThreads, parts,
               stencil.total, form.data);
}

void stencil_product(CudaStream& stream, const Stencil& stencil, ImageView<const float> x, Vector<const float> scale,
                     ImageView<const float> g, ImageView<float> product) {
  check_stencil(x, g, product, scale);
  if (x.size() == 0) return;
  const Tiles tiles(x, stencil.graph, true);
  Matrix<float> sums{nullptr, x.count, 0};
  if (stencil.total != 0) {
    const int64_t chunks = cuda::ceil_div(tiles.image_size(), cuda::kColumnsPerChunk);
    sums = {static_cast<float*>(stream.workspace(static_cast<size_t>(x.count * chunks) * sizeof(float))), x.count,
            chunks};
    cuda::sum_chunks(stream, {g.data, x.count, tiles.image_size()}, sums);
  }
  cuda::launch_shared(stream, product_kernel, static_cast<unsigned>(tiles.blocks()), kThreads, tiles.bytes(), tiles,
                      neighbours_of(stencil.graph, tiles, true), images_of(stencil, x, g), stencil.identity,
                      stencil.total, sums, scale.data, product.data);
}

}  // namespace wasserkern
