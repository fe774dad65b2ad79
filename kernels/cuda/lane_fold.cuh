#pragma once

#include <cstdint>

// Values that several lanes of a warp know a part of, joined so that each lane keeps some of them. With a join that
// commutes all partners get the same bits.

namespace wasserkern::cuda {

/// The value of the lane whose number differs in the bits of `apart`.
template <class State>
__device__ __forceinline__ State of_lane(const State& state, int apart) {
  struct Words {
    uint32_t word[sizeof(State) / 4];
  };
  auto words = __builtin_bit_cast(Words, state);
#pragma unroll
  for (uint32_t& word : words.word) word = __shfl_xor_sync(0xFFFFFFFF, word, apart);
  return __builtin_bit_cast(State, words);
}

/// One of two values; not of two places, which would need addresses.
template <class State>
__device__ __forceinline__ State select(bool first, State a, State b) {
  return first ? a : b;
}

/// The kCount values that all lanes differing in the bits kFrom, 2 kFrom, ... below kTo have parts of: the lanes of a
/// pair give each other half, and so on.
template <int kCount, int kFrom, int kTo>
struct LaneFold {
  static constexpr int kHalf = kCount > 1 ? kCount / 2 : 1;
  using Rest = LaneFold<kHalf, 2 * kFrom, kTo>;
  /// How many a lane keeps, at the front of `values`.
  static constexpr int kKept = Rest::kKept;

  /// The first that a lane keeps.
  static __device__ __forceinline__ int first_kept(int lane) {
    return (kCount > 1 && (lane & kFrom) ? kHalf : 0) + Rest::first_kept(lane);
  }

  /// Whether no lane before keeps the same: where values are fewer than lanes, several keep one.
  static __device__ __forceinline__ bool speaks(int lane) {
    return (kCount > 1 || !(lane & kFrom)) && Rest::speaks(lane);
  }

  /// join(a, b) takes b into a. Called by all lanes.
  template <class State, int kSize, class Join>
  static __device__ __forceinline__ void run(State (&values)[kSize], Join join) {
    const bool upper = threadIdx.x & kFrom;
#pragma unroll
    for (int at = 0; at < kHalf; ++at) {
      const State low = values[at], high = values[kCount > 1 ? at + kHalf : at];
      State keep = select(upper, high, low);
      join(keep, of_lane(select(upper, low, high), kFrom));
      values[at] = keep;
    }
    Rest::run(values, join);
  }
};

template <int kCount, int kTo>
struct LaneFold<kCount, kTo, kTo> {
  static constexpr int kKept = kCount;
  static __device__ __forceinline__ int first_kept(int) { return 0; }
  static __device__ __forceinline__ bool speaks(int) { return true; }
  template <class State, int kSize, class Join>
  static __device__ __forceinline__ void run(State (&)[kSize], Join) {}
};

}  // namespace wasserkern::cuda
