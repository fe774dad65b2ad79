#pragma once

#include "engine/array.h"
#include "engine/parameters.h"
#include "kernels/export.h"
#include "kernels/optimizer.h"

namespace wasserkern {

class Checkpoint;

/// Every parameter to [-bound, bound], in place: the constraint of Arjovsky, Chintala and Bottou 2017, algorithm 1.
/// Throws UsageError unless bound > 0.
WASSERKERN_API void clip_weights(const Parameters& parameters, float bound);

struct AdamOptions {
  float rate = 1e-3f;
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
};

/// Adam over a network's flat buffer. Rate and step live on the device, so that recordings follow them.
class WASSERKERN_API Adam {
 public:
  Adam(const Parameters& parameters, AdamOptions options);

  /// One step against `gradient`, the flat gradient of the parameters, in place.
  void descend(const Tensor& gradient);
  /// Between phases.
  void set_rate(float rate);
  /// Saves or restores moments and step under `prefix`.
  void visit(Checkpoint& checkpoint, const std::string& prefix);

 private:
  Parameters parameters_;
  AdamRule rule_;
  Tensor rate_;
  Array<double> powers_;
  Tensor first_;
  Tensor second_;
};

struct RmsPropOptions {
  float rate = 5e-5f;
  float decay = 0.99f;
  float epsilon = 1e-8f;
};

/// RMSProp over a network's flat buffer, as Adam.
class WASSERKERN_API RmsProp {
 public:
  RmsProp(const Parameters& parameters, RmsPropOptions options);
  void descend(const Tensor& gradient);
  void set_rate(float rate);
  void visit(Checkpoint& checkpoint, const std::string& prefix);

 private:
  Parameters parameters_;
  RmsPropRule rule_;
  Tensor rate_;
  Tensor square_;
};

}  // namespace wasserkern
