#include "kernels/instance_norm.h"

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/simd.h"

WASSERKERN_PER_ISA(                                                                                              //
    void instance_norm_kernel(int threads, float epsilon, float slope, ImageView<const float> x,                 //
                              const PixelAdditions& added, Matrix<const float> gain, Matrix<const float> shift,  //
                              float* y, Matrix<float> mean, Matrix<float> inverse_deviation);                    //
    void instance_norm_gradient_kernel(int threads, float slope, ImageView<const float> x,                       //
                                       const PixelAdditions& added, Matrix<const float> gain,                    //
                                       Matrix<const float> mean, Matrix<const float> inverse_deviation,          //
                                       const float* gradient, const InstanceNormGradients& to, double* of_bias,  //
                                       double* of_strength);)

namespace wasserkern::WASSERKERN_ISA {
namespace {

// One thread takes some channels of an image from the first sum to the last value: all passes but the first find them
// in a cache. Nothing depends on how many threads there are.

constexpr int64_t kPixelsPerChunk = 256;  // summed in float lanes before doubles take over
constexpr int64_t kGrain = 16384;
constexpr int kWide = 64 / Word::kLanes;  // words of a strip where images are small
constexpr int64_t kWidePixels = 1024;     // so many at most: larger strips would not stay in a cache
constexpr int kLine = Word::kLanes < 16 ? 16 / Word::kLanes : 1;  // of one where they are not: a cache line

/// So many words of the channels of an image, from `channel` on; only a single word may be partial, of `left` channels.
template <int kWords>
struct Strip {
  static constexpr int kLanes = kWords * Word::kLanes;

  int64_t image, channel, left;

  HWY_INLINE Word load(const float* from, int word) const {
    return kWords > 1 ? Word::load(from + word * Word::kLanes) : Word::load_up_to(from, left);
  }
  HWY_INLINE void store(Word value, float* to, int word) const {
    kWords > 1 ? value.store(to + word * Word::kLanes) : value.store_up_to(to, left);
  }
  /// Those of one value per channel of every image.
  template <class T>
  HWY_INLINE T* of(Matrix<T> values) const {
    return values.data + image * values.stride + channel;
  }
};

/// Calls body(strip) for all of the images' channels.
template <class Body>
HWY_INLINE void for_each_strip(int threads, ImageView<const float> x, Body body) {
  const int64_t pixels = x.height * x.width, wide = (pixels <= kWidePixels ? kWide : kLine) * Word::kLanes;
  const int64_t strips = (x.channels + wide - 1) / wide;
  parallel_ranges(threads, x.count * strips, kGrain / (pixels * wide) + 1, [=](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t image = item / strips, last = item % strips * wide + wide;
      const int64_t channels = last < x.channels ? last : x.channels;
      int64_t j = last - wide;
      for (; j + kWide * Word::kLanes <= channels; j += kWide * Word::kLanes) body(Strip<kWide>{image, j, x.channels});
      if (kLine > 1 && kLine < kWide)
        for (; j + kLine * Word::kLanes <= channels; j += kLine * Word::kLanes)
          body(Strip<kLine>{image, j, x.channels});
      for (; j < channels; j += Word::kLanes) body(Strip<1>{image, j, channels - j});
    }
  });
}

/// An image's values before and after the activation, in a strip.
template <int kWords>
struct Inputs {
  Strip<kWords> strip;
  const float *x, *noise;
  int64_t stride;
  float slope;
  Word bias[kWords], strength[kWords];

  HWY_INLINE Inputs(const Strip<kWords>& strip, ImageView<const float> of, const PixelAdditions& added, float slope)
      : strip(strip),
        x(of.data + strip.image * of.height * of.width * of.channels + strip.channel),
        noise(added.noise.data ? added.noise.data + (added.noise.rows > 1 ? strip.image * added.noise.stride : 0)
                               : nullptr),
        stride(of.channels),
        slope(slope) {
    for (int word = 0; word < kWords; ++word) {
      bias[word] = added.bias.data ? strip.load(added.bias.data + strip.channel, word) : Word(0.0f);
      strength[word] = noise ? strip.load(added.strength.data + strip.channel, word) : Word(0.0f);
    }
  }
  HWY_INLINE Word noise_at(int64_t pixel) const { return Word(noise ? noise[pixel] : 0.0f); }
  HWY_INLINE Word before(int64_t pixel, int word) const {
    const Word biased = strip.load(x + pixel * stride, word) + bias[word];
    return noise ? multiply_add(strength[word], Word(noise[pixel]), biased) : biased;
  }
  HWY_INLINE Word activated(Word value) const { return select_greater(value, Word(0.0f), value, Word(slope) * value); }
  HWY_INLINE Word operator()(int64_t pixel, int word) const { return activated(before(pixel, word)); }
};

/// Several sums over an image's pixels, one for each channel of a strip.
template <int kCount, int kWords>
struct PixelSums {
  double value[kCount][Strip<kWords>::kLanes] = {};

  /// add(pixel, word, sums) adds a pixel's word to each.
  template <class Add>
  HWY_INLINE PixelSums(int64_t pixels, Add add) {
    for (int64_t begin = 0; begin < pixels; begin += kPixelsPerChunk) {
      const int64_t end = begin + kPixelsPerChunk < pixels ? begin + kPixelsPerChunk : pixels;
      Word sums[kWords][kCount];
      for (int word = 0; word < kWords; ++word)
        for (int k = 0; k < kCount; ++k) sums[word][k] = Word(0.0f);
      for (int64_t pixel = begin; pixel < end; ++pixel)
        for (int word = 0; word < kWords; ++word) add(pixel, word, sums[word]);
      for (int k = 0; k < kCount; ++k) {
        float lanes[Strip<kWords>::kLanes];
        for (int word = 0; word < kWords; ++word) sums[word][k].store(lanes + word * Word::kLanes);
        for (int lane = 0; lane < Strip<kWords>::kLanes; ++lane) value[k][lane] += lanes[lane];
      }
    }
  }
};

/// One value for each channel of a strip, written by lanes and read by words.
template <int kWords>
struct Lanes {
  float value[Strip<kWords>::kLanes];

  HWY_INLINE Word word(int i) const { return Word::load(value + i * Word::kLanes); }
  HWY_INLINE void store(const Strip<kWords>& strip, float* to) const {
    for (int i = 0; i < kWords; ++i) strip.store(word(i), to, i);
  }
};

template <int kWords>
HWY_INLINE void normalise(const Strip<kWords>& strip, float epsilon, const Inputs<kWords>& a, int64_t pixels,
                          Matrix<const float> gain, Matrix<const float> shift, float* y, Matrix<float> mean,
                          Matrix<float> inverse_deviation) {
  constexpr int kLanes = Strip<kWords>::kLanes;
  const auto size = static_cast<double>(pixels);
  // About the first pixel, so that a large mean costs no digits.
  Word about[kWords], middle[kWords], by[kWords], to[kWords];
  for (int word = 0; word < kWords; ++word) about[word] = a(0, word);
  Lanes<kWords> lanes;
  for (int word = 0; word < kWords; ++word) about[word].store(lanes.value + word * Word::kLanes);
  const PixelSums<1, kWords> totals(
      pixels, [&](int64_t pixel, int word, Word* sums) { sums[0] = sums[0] + (a(pixel, word) - about[word]); });
  for (int lane = 0; lane < kLanes; ++lane)
    lanes.value[lane] = static_cast<float>(lanes.value[lane] + totals.value[0][lane] / size);
  lanes.store(strip, strip.of(mean));
  for (int word = 0; word < kWords; ++word) middle[word] = lanes.word(word);
  const PixelSums<1, kWords> squares(pixels, [&](int64_t pixel, int word, Word* sums) {
    const Word apart = a(pixel, word) - middle[word];
    sums[0] = multiply_add(apart, apart, sums[0]);
  });
  for (int lane = 0; lane < kLanes; ++lane)
    lanes.value[lane] = static_cast<float>(1 / __builtin_sqrt(squares.value[0][lane] / size + epsilon));
  lanes.store(strip, strip.of(inverse_deviation));
  for (int word = 0; word < kWords; ++word) {
    by[word] = lanes.word(word) * strip.load(strip.of(gain), word);
    to[word] = strip.load(strip.of(shift), word);
  }
  for (int64_t pixel = 0; pixel < pixels; ++pixel, y += a.stride)
    for (int word = 0; word < kWords; ++word)
      strip.store(multiply_add(a(pixel, word) - middle[word], by[word], to[word]), y, word);
}

/// `of_bias` and `of_strength` are this image's part of their gradients.
template <int kWords>
HWY_INLINE void gradient_of(const Strip<kWords>& strip, const Inputs<kWords>& a, int64_t pixels,
                            Matrix<const float> gain, Matrix<const float> mean, Matrix<const float> inverse_deviation,
                            const float* gradient, const InstanceNormGradients& to, float* x_gradient, double* of_bias,
                            double* of_strength) {
  constexpr int kLanes = Strip<kWords>::kLanes;
  Word middle[kWords], by[kWords], along[kWords], offset[kWords];
  Lanes<kWords> inverse, scale, lanes;
  for (int word = 0; word < kWords; ++word) {
    middle[word] = strip.load(strip.of(mean), word);
    const Word inverses = strip.load(strip.of(inverse_deviation), word);
    by[word] = inverses * strip.load(strip.of(gain), word);
    inverses.store(inverse.value + word * Word::kLanes);
    by[word].store(scale.value + word * Word::kLanes);
  }
  const auto above = [&](int64_t pixel, int word) { return strip.load(gradient + pixel * a.stride, word); };
  const PixelSums<2, kWords> sums(pixels, [&](int64_t pixel, int word, Word* sums) {
    const Word g = above(pixel, word);
    sums[0] = sums[0] + g;
    sums[1] = multiply_add(g, a(pixel, word) - middle[word], sums[1]);
  });
  for (int lane = 0; lane < kLanes; ++lane) lanes.value[lane] = static_cast<float>(sums.value[0][lane]);
  lanes.store(strip, strip.of(to.shift));
  for (int lane = 0; lane < kLanes; ++lane)
    lanes.value[lane] = static_cast<float>(sums.value[1][lane] * inverse.value[lane]);
  lanes.store(strip, strip.of(to.gain));
  const double share = 1 / static_cast<double>(pixels);
  for (int lane = 0; lane < kLanes; ++lane)
    lanes.value[lane] = static_cast<float>(-share * scale.value[lane] * sums.value[0][lane]);
  for (int word = 0; word < kWords; ++word) offset[word] = lanes.word(word);
  for (int lane = 0; lane < kLanes; ++lane)
    lanes.value[lane] = static_cast<float>(-share * scale.value[lane] * inverse.value[lane] * inverse.value[lane] *
                                           sums.value[1][lane]);
  for (int word = 0; word < kWords; ++word) along[word] = lanes.word(word);
  const PixelSums<2, kWords> inputs(pixels, [&](int64_t pixel, int word, Word* sums) {
    const Word before = a.before(pixel, word);
    const Word d = multiply_add(by[word], above(pixel, word),
                                multiply_add(along[word], a.activated(before) - middle[word], offset[word]));
    const Word through = select_greater(before, Word(0.0f), d, Word(a.slope) * d);
    strip.store(through, x_gradient + pixel * a.stride, word);
    sums[0] = sums[0] + through;
    sums[1] = multiply_add(through, a.noise_at(pixel), sums[1]);
  });
  for (int lane = 0; lane < kLanes && lane < strip.left; ++lane) {
    of_bias[lane] = inputs.value[0][lane];
    of_strength[lane] = inputs.value[1][lane];
  }
}

}  // namespace

void instance_norm_kernel(int threads, float epsilon, float slope, ImageView<const float> x,
                          const PixelAdditions& added, Matrix<const float> gain, Matrix<const float> shift, float* y,
                          Matrix<float> mean, Matrix<float> inverse_deviation) {
  const int64_t pixels = x.height * x.width;
  for_each_strip(threads, x, [&]<int kWords>(const Strip<kWords>& strip) {
    const Inputs<kWords> a(strip, x, added, slope);
    normalise(strip, epsilon, a, pixels, gain, shift, y + (a.x - x.data), mean, inverse_deviation);
  });
}

void instance_norm_gradient_kernel(int threads, float slope, ImageView<const float> x, const PixelAdditions& added,
                                   Matrix<const float> gain, Matrix<const float> mean,
                                   Matrix<const float> inverse_deviation, const float* gradient,
                                   const InstanceNormGradients& to, double* of_bias, double* of_strength) {
  const int64_t pixels = x.height * x.width;
  for_each_strip(threads, x, [&]<int kWords>(const Strip<kWords>& strip) {
    const Inputs<kWords> a(strip, x, added, slope);
    const int64_t at = a.x - x.data, place = strip.image * x.channels + strip.channel;
    gradient_of(strip, a, pixels, gain, mean, inverse_deviation, gradient + at, to, to.x.data + at, of_bias + place,
                of_strength + place);
  });
}

}  // namespace wasserkern::WASSERKERN_ISA

#ifdef WASSERKERN_ONCE

#include "kernels/norm_contracts.h"

namespace wasserkern {
namespace {

/// The sum over the images, in their order; nothing where nobody asks.
void sum_images(const double* parts, int64_t images, Vector<float> out) {
  for (int64_t j = 0; j < out.size; ++j) {
    double total = 0;
    for (int64_t image = 0; image < images; ++image) total += parts[image * out.size + j];
    out.data[j] = static_cast<float>(total);
  }
}

}  // namespace

void instance_norm(CpuStream& stream, const InstanceNorm& rule, ImageView<const float> x, const PixelAdditions& added,
                   Matrix<const float> gain, Matrix<const float> shift, ImageView<float> y, Matrix<float> mean,
                   Matrix<float> inverse_deviation) {
  check_instance_norm(rule, x, added, gain, shift, mean, inverse_deviation, y);
  WASSERKERN_SIMD(instance_norm_kernel)
  (stream.threads(), rule.epsilon, slope_of(rule), x, added, gain, shift, y.data, mean, inverse_deviation);
}

void instance_norm_gradient(CpuStream& stream, const InstanceNorm& rule, ImageView<const float> x,
                            const PixelAdditions& added, Matrix<const float> gain, Matrix<const float> mean,
                            Matrix<const float> inverse_deviation, ImageView<const float> gradient,
                            const InstanceNormGradients& to) {
  check_instance_norm_gradient(rule, x, added, gain, mean, inverse_deviation, gradient, to);
  const int64_t per_image = x.count * x.channels;
  auto* of_bias = static_cast<double*>(stream.workspace(static_cast<size_t>(2 * per_image) * sizeof(double)));
  double* of_strength = of_bias + per_image;
  WASSERKERN_SIMD(instance_norm_gradient_kernel)
  (stream.threads(), slope_of(rule), x, added, gain, mean, inverse_deviation, gradient.data, to, of_bias, of_strength);
  sum_images(of_bias, x.count, to.bias);
  sum_images(of_strength, x.count, to.strength);
}

}  // namespace wasserkern

#endif
