#pragma once

namespace wasserkern::cuda {

/// How many values, their mean and their squares about it. Chan, Golub and LeVeque 1979.
struct Moments {
  float count, mean, squares;

  __device__ __forceinline__ void join(const Moments& more) {
    const float together = count + more.count;
    if (together == 0) return;
    const float apart = more.mean - mean, share = more.count / together;
    mean += apart * share;
    squares += more.squares + apart * apart * count * share;
    count = together;
  }
};

}  // namespace wasserkern::cuda
