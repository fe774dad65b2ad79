#include "losses/objectives/critic.h"

#include "engine/ops/view.h"

namespace wasserkern::losses {

CriticValues apart(const Critic& critic, const Tensor& x, const Tensor& y) {
  return {critic(x.detach()), critic(y.detach())};
}

CriticValues together(const Critic& critic, const Tensor& x, const Tensor& y) {
  const int64_t real = x.shape().rows(), all = real + y.shape().rows();
  const Tensor both = critic(concatenate_rows(x.detach(), y.detach()));
  return {slice_rows(both, 0, real), slice_rows(both, real, all)};
}

}  // namespace wasserkern::losses
