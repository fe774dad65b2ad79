#pragma once

#include "kernels/cuda/lane_fold.cuh"
#include "kernels/cuda/pair_tile.cuh"
#include "kernels/cuda/warp.cuh"

namespace wasserkern::cuda {

/// Something for every column of a block's tiles, such as a minimum, joined over the threads that hold rows of it. The
/// four lanes of a warp that share columns keep a part of these each: a sweep needs few registers for them.
template <int kMicro, class State>
class ColumnFold {
  using Lanes = LaneFold<kMicro, kAcross, kWarp>;
  static constexpr int kWarps = kTileThreads / kWarp;
  static constexpr int kColumns = MicroTile<kMicro>::kColumns;

 public:
  __device__ __forceinline__ explicit ColumnFold(State nothing) {
#pragma unroll
    for (State& state : kept_) state = nothing;
  }

  /// Takes in what each thread knows of its columns of one tile; `join(a, b)` takes b into a. Called by all threads.
  template <class Join>
  __device__ __forceinline__ void take(State (&tile)[kMicro], Join join) {
    Lanes::run(tile, join);
#pragma unroll
    for (int at = 0; at < Lanes::kKept; ++at) join(kept_[at], tile[at]);
  }

  /// In the first threads, one for every column of the tile: what all threads know of it; `nothing` in the others.
  /// Called by all threads; a barrier must come before the next call.
  template <class Join>
  __device__ __forceinline__ State total(State nothing, Join join) const {
    __shared__ State of_warps[kWarps][kColumns];
    const MicroTile<kMicro> own;
    const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp;
    if (Lanes::speaks(lane))
#pragma unroll
      for (int at = 0; at < Lanes::kKept; ++at)
        of_warps[thread / kWarp][own.column(Lanes::first_kept(lane) + at)] = kept_[at];
    __syncthreads();
    State all = nothing;
    if (thread < kColumns)
      for (int warp = 0; warp < kWarps; ++warp) join(all, of_warps[warp][thread]);
    return all;
  }

 private:
  State kept_[Lanes::kKept];
};

}  // namespace wasserkern::cuda
