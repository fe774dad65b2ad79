#include "kernels/stencil.h"

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/sums.h"

namespace wasserkern {

/// The neighbours of the values in images of one shape, from those above them to those below.
struct StencilNeighbours {
  struct Neighbour {
    int64_t down;        // rows
    int64_t offset;      // values in memory
    int64_t begin, end;  // the values of a row that have it
    float weight;
  };
  int64_t count = 0;
  Neighbour list[2 * PixelGraph::kMostEdges];
  int64_t begin, end;  // the values of a row that have all
  int64_t below = 0;   // rows that they reach
};

}  // namespace wasserkern

WASSERKERN_PER_ISA(                                                                                        //
    int64_t stencil_bands(ImageView<const float> x);                                                       //
    void stencil_form_kernel(int threads, const Stencil& stencil, const StencilNeighbours& neighbours,     //
                             ImageView<const float> x, const float* g, double* parts, float* form);        //
    void stencil_product_kernel(int threads, const Stencil& stencil, const StencilNeighbours& neighbours,  //
                                ImageView<const float> x, const float* scale, const float* g, float* product);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

// Row by row, so that a cache holds the rows that edges reach and memory is read once: ahead of its use, because rows
// are too short for a processor to see where they lead. What bounds the rest are loads across cache lines.

constexpr int kStrip = 4;          // words that visit a neighbour together
constexpr int64_t kGrain = 16384;  // values that are worth a thread

/// Rows that a thread takes at a time, summed in float before a double takes over.
int64_t rows_per_band(ImageView<const float> x) {
  const int64_t rows = kChunk / (x.width * x.channels + 1);
  return rows > 1 ? rows : 1;
}

/// body(image, first band, end of bands) for what each thread has of every image.
template <class Body>
HWY_INLINE void share_bands(int threads, ImageView<const float> x, Body body) {
  const int64_t bands = stencil_bands(x);
  const int64_t grain = kGrain / (rows_per_band(x) * x.width * x.channels + 1) + 1;
  parallel_ranges(threads, x.count * bands, grain, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin / bands; n * bands < end; ++n) {
      const int64_t first = begin - n * bands, last = end - n * bands;
      body(n, first > 0 ? first : 0, last < bands ? last : bands);
    }
  });
}

/// A row of x and g, and the neighbours that it has above and below.
struct Row {
  const float *x, *g;
  int64_t size;
  const StencilNeighbours::Neighbour *first, *last;
  int64_t ahead;  // to what the next row is the first to need
};

/// Pixels' mass, of two neighbours.
struct Mass {
  Word scale, offsets;

  HWY_INLINE explicit Mass(const Stencil& stencil) : scale(stencil.mass_scale), offsets(2 * stencil.mass_offset) {}
};

/// What visit_row says, of the words from `at` on; `kInside`: all their neighbours are in the row.
template <int kWords, bool kInside, class Part, class Use>
HWY_INLINE void visit_words(const Row& row, const Mass& mass, int64_t at, Part part, Use use) {
  Word g[kWords], masses[kWords], sums[kWords];
  for (int word = 0; word < kWords; ++word) {
    const int64_t place = at + word * Word::kLanes;
    const auto load = [&](const float* from) {
      return kInside ? Word::load(from + place) : Word::load_up_to(from + place, row.size - place);
    };
    g[word] = load(row.g);
    masses[word] = multiply_add(mass.scale, load(row.x), mass.offsets);
    sums[word] = Word(0.0f);
    __builtin_prefetch(row.x + place + row.ahead);
    __builtin_prefetch(row.g + place + row.ahead);
  }
  for (const auto* to = row.first; to != row.last; ++to) {
    const Word weight(to->weight);
    for (int word = 0; word < kWords; ++word) {
      const int64_t place = at + word * Word::kLanes;
      const auto load = [&](const float* from) {
        from += place + to->offset;
        return kInside ? Word::load(from) : Word::load_between(from, to->begin - place, to->end - place);
      };
      Word difference = g[word] - load(row.g);
      if (!kInside) difference = difference.keep_between(to->begin - place, to->end - place);
      const Word both = multiply_add(mass.scale, load(row.x), masses[word]);
      sums[word] = multiply_add(weight, part(difference, both), sums[word]);
    }
  }
  for (int word = 0; word < kWords; ++word) use(at + word * Word::kLanes, g[word], sums[word]);
}

/// use(at, g, sum) for every word of a row: where it begins, and the sum over its neighbours of weight part(difference
/// of g, sum of masses).
template <class Part, class Use>
HWY_INLINE void visit_row(const StencilNeighbours& neighbours, const Row& row, const Mass& mass, Part part, Use use) {
  int64_t at = 0;
  const auto careful_until = [&](int64_t end) {
    for (; at < end; at += Word::kLanes) visit_words<1, false>(row, mass, at, part, use);
  };
  careful_until(neighbours.begin < row.size ? neighbours.begin : row.size);
  for (; at + kStrip * Word::kLanes <= neighbours.end; at += kStrip * Word::kLanes)
    visit_words<kStrip, true>(row, mass, at, part, use);
  for (; at + Word::kLanes <= neighbours.end; at += Word::kLanes) visit_words<1, true>(row, mass, at, part, use);
  careful_until(row.size);
}

/// use(place in memory, values left in the row, g, sum), as visit_row, for all words of the bands [first, end) of image
/// n.
template <class Part, class Use>
HWY_INLINE void visit_bands(const StencilNeighbours& neighbours, const Mass& mass, ImageView<const float> x,
                            const float* g, int64_t n, int64_t first, int64_t end, Part part, Use use) {
  const int64_t size = x.width * x.channels, rows = rows_per_band(x);
  for (int64_t y = first * rows; y < end * rows && y < x.height; ++y) {
    const auto *upper = neighbours.list, *lower = neighbours.list + neighbours.count;
    while (upper != lower && y + upper->down < 0) ++upper;
    while (upper != lower && y + lower[-1].down >= x.height) --lower;
    const int64_t line = (n * x.height + y) * size;
    const Row row{x.data + line, g + line, size, upper, lower, (neighbours.below + 1) * size};
    visit_row(neighbours, row, mass, part,
              [&](int64_t at, Word own, Word sum) { use(line + at, size - at, own, sum); });
  }
}

}  // namespace

int64_t stencil_bands(ImageView<const float> x) {
  const int64_t rows = rows_per_band(x);
  return (x.height + rows - 1) / rows;
}

void stencil_form_kernel(int threads, const Stencil& stencil, const StencilNeighbours& neighbours,
                         ImageView<const float> x, const float* g, double* parts, float* form) {
  const int64_t bands = stencil_bands(x);
  share_bands(threads, x, [&](int64_t n, int64_t first, int64_t last) {
    const Word identity(stencil.identity);
    for (int64_t band = first; band < last; ++band) {
      Word squares(0.0f), sum(0.0f);
      visit_bands(
          neighbours, Mass(stencil), x, g, n, band, band + 1,
          [](Word difference, Word mass) { return difference * difference * mass; },
          [&](int64_t, int64_t, Word value, Word flows) {
            squares = squares + multiply_add(identity * value, value, flows);
            sum = sum + value;
          });
      double* part = parts + 2 * (n * bands + band);
      part[0] = squares.sum();
      part[1] = sum.sum();
    }
  });
  for (int64_t n = 0; n < x.count; ++n) {
    double squares = 0, sum = 0;
    for (const double* part = parts + 2 * n * bands; part != parts + 2 * (n + 1) * bands; part += 2) {
      squares += part[0];
      sum += part[1];
    }
    form[n] = static_cast<float>(squares + stencil.total * sum * sum);
  }
}

// Every thread sums the images of which it has a part for itself: that is cheaper than to wait for the others.
void stencil_product_kernel(int threads, const Stencil& stencil, const StencilNeighbours& neighbours,
                            ImageView<const float> x, const float* scale, const float* g, float* product) {
  const int64_t size = x.height * x.width * x.channels;
  share_bands(threads, x, [&](int64_t n, int64_t first, int64_t last) {
    const double sum = stencil.total == 0 ? 0 : sum_in_chunks(g + n * size, size);
    const Word by(scale[n]), identity(stencil.identity), all(static_cast<float>(stencil.total * sum));
    visit_bands(
        neighbours, Mass(stencil), x, g, n, first, last, [](Word difference, Word mass) { return difference * mass; },
        [&](int64_t place, int64_t left, Word value, Word flows) {
          (by * (multiply_add(identity, value, flows) + all)).store_up_to(product + place, left);
        });
  });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include <algorithm>
#include <utility>

#include "kernels/contracts.h"

namespace wasserkern {
namespace {

/// Seen from the first of each edge's pixels, or from either.
StencilNeighbours neighbours_of(const PixelGraph& graph, ImageView<const float> x, bool both_ways) {
  const int64_t row = x.width * x.channels;
  StencilNeighbours all;
  all.begin = 0;
  all.end = row;
  const auto add = [&](int64_t down, int64_t right, float weight) {
    const int64_t along = right * x.channels;
    const int64_t begin = std::max<int64_t>(-along, 0), end = std::min(row - along, row);
    all.list[all.count++] = {down, down * row + along, begin, end, weight};
    all.begin = std::max(all.begin, begin);
    all.end = std::min(all.end, end);
    all.below = std::max(all.below, down);
  };
  for (const PixelEdge& edge : graph.edges()) {
    add(edge.down, edge.right, edge.weight);
    if (both_ways) add(-edge.down, -edge.right, edge.weight);
  }
  std::sort(all.list, all.list + all.count,
            [](const auto& a, const auto& b) { return std::pair(a.down, a.offset) < std::pair(b.down, b.offset); });
  return all;
}

}  // namespace

void stencil_form(CpuStream& stream, const Stencil& stencil, ImageView<const float> x, ImageView<const float> g,
                  Vector<float> form) {
  check_stencil(x, g, g, form);
  const int64_t parts = x.count * WASSERKERN_SIMD(stencil_bands)(x);
  auto* memory = static_cast<double*>(stream.workspace(static_cast<size_t>(2 * parts) * sizeof(double)));
  WASSERKERN_SIMD(stencil_form_kernel)
  (stream.threads(), stencil, neighbours_of(stencil.graph, x, false), x, g.data, memory, form.data);
}

void stencil_product(CpuStream& stream, const Stencil& stencil, ImageView<const float> x, Vector<const float> scale,
                     ImageView<const float> g, ImageView<float> product) {
  check_stencil(x, g, product, scale);
  WASSERKERN_SIMD(stencil_product_kernel)
  (stream.threads(), stencil, neighbours_of(stencil.graph, x, true), x, scale.data, g.data, product.data);
}

}  // namespace wasserkern

#endif
