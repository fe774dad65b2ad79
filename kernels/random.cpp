#include "kernels/random.h"

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/parallel.h"
#include "kernels/philox.h"

WASSERKERN_PER_ISA(                                                                                          //
    void words_kernel(int threads, uint64_t seed, uint64_t step, uint32_t op, uint32_t* out, int64_t size);  //
    void uniform_kernel(int threads, uint64_t seed, uint64_t step, uint32_t op, float* out, int64_t size);   //
    void normal_kernel(int threads, uint64_t seed, uint64_t step, uint32_t op, float* out, int64_t size);    //
    void dropout_kernel(int threads, uint64_t seed, uint64_t step, uint32_t op, float rate, const float* x,  //
                        float* y, int64_t size);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

constexpr int64_t kCounters = 64;  // counters whose words are computed side by side
constexpr int64_t kElements = 4 * kCounters;
constexpr int64_t kGrain = 16 * kElements;

/// Word k of counter `first + c` at w[k][c].
struct Block {
  uint32_t w[4][kCounters];
};

inline __attribute__((always_inline)) void draw_block(const philox::Source& source, int64_t first, Block& block) {
  for (int64_t c = 0; c < kCounters; ++c) {
    const philox::Words words = philox::words(source, static_cast<uint32_t>(first + c));
    block.w[0][c] = words.w0;
    block.w[1][c] = words.w1;
    block.w[2][c] = words.w2;
    block.w[3][c] = words.w3;
  }
}

/// Calls `use(block, begin, count)` for the words of elements [begin, begin + count), a block at a time.
template <class Use>
inline __attribute__((always_inline)) void for_each_block(int threads, const philox::Source& source, int64_t size,
                                                          Use use) {
  parallel_ranges(threads, size, kGrain, [=](int64_t begin, int64_t end) {
    Block block;
    for (int64_t i = begin; i < end; i += kElements) {
      draw_block(source, i / 4, block);
      use(block, i, end - i < kElements ? end - i : kElements);
    }
  });
}

/// Overwrites out with what `value(block, element)` makes of a block's first `count` elements.
template <class T, class Value>
inline __attribute__((always_inline)) void store_block(const Block& block, int64_t count, T* out, Value value) {
  if (count == kElements) {
    for (int64_t c = 0; c < kCounters; ++c)
      for (int64_t k = 0; k < 4; ++k) out[4 * c + k] = value(block.w[k][c], 4 * c + k);
    return;
  }
  for (int64_t i = 0; i < count; ++i) out[i] = value(block.w[i % 4][i / 4], i);
}

}  // namespace

void words_kernel(int threads, uint64_t seed, uint64_t step, uint32_t op, uint32_t* out, int64_t size) {
  for_each_block(threads, {seed, step, op}, size, [=](const Block& block, int64_t begin, int64_t count) {
    store_block(block, count, out + begin, [](uint32_t word, int64_t) { return word; });
  });
}

void uniform_kernel(int threads, uint64_t seed, uint64_t step, uint32_t op, float* out, int64_t size) {
  for_each_block(threads, {seed, step, op}, size, [=](const Block& block, int64_t begin, int64_t count) {
    store_block(block, count, out + begin, [](uint32_t word, int64_t) { return philox::uniform(word); });
  });
}

void normal_kernel(int threads, uint64_t seed, uint64_t step, uint32_t op, float* out, int64_t size) {
  for_each_block(threads, {seed, step, op}, size, [=](const Block& block, int64_t begin, int64_t count) {
    float values[4][kCounters];
    for (int64_t pair = 0; pair < 4; pair += 2)
      for (int64_t c = 0; c < kCounters; ++c) {
        const philox::Normals both = philox::normals(block.w[pair][c], block.w[pair + 1][c]);
        values[pair][c] = both.cosine;
        values[pair + 1][c] = both.sine;
      }
    for (int64_t i = 0; i < count; ++i) out[begin + i] = values[i % 4][i / 4];
  });
}

void dropout_kernel(int threads, uint64_t seed, uint64_t step, uint32_t op, float rate, const float* x, float* y,
                    int64_t size) {
  const float scale = 1 / (1 - rate);
  for_each_block(threads, {seed, step, op}, size, [=](const Block& block, int64_t begin, int64_t count) {
    // By way of arrays of its own: x and y may be the same, which would keep a loop over both from becoming vector
    // code.
    float uniforms[kElements], kept[kElements];
    store_block(block, count, uniforms, [](uint32_t word, int64_t) { return philox::uniform(word); });
    for (int64_t i = 0; i < count; ++i) {
      const float scaled = x[begin + i] * scale;
      kept[i] = uniforms[i] >= rate ? scaled : 0.0f;
    }
    for (int64_t i = 0; i < count; ++i) y[begin + i] = kept[i];
  });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/contracts.h"

namespace wasserkern {

void random_words(CpuStream& stream, Draw draw, Vector<uint32_t> out) {
  WASSERKERN_SIMD(words_kernel)(stream.threads(), draw.seed, *draw.step, draw.op, out.data, out.size);
}

void uniform(CpuStream& stream, Draw draw, Vector<float> out) {
  WASSERKERN_SIMD(uniform_kernel)(stream.threads(), draw.seed, *draw.step, draw.op, out.data, out.size);
}

void normal(CpuStream& stream, Draw draw, Vector<float> out) {
  WASSERKERN_SIMD(normal_kernel)(stream.threads(), draw.seed, *draw.step, draw.op, out.data, out.size);
}

void dropout(CpuStream& stream, Draw draw, float rate, Vector<const float> x, Vector<float> y) {
  check_dropout(rate, x, y);
  WASSERKERN_SIMD(dropout_kernel)
  (stream.threads(), draw.seed, *draw.step, draw.op, rate, x.data, y.data, x.size);
}

}  // namespace wasserkern

#endif
