#pragma once

#include <functional>
#include <initializer_list>
#include <vector>

#include "engine/tensor.h"
#include "kernels/export.h"

namespace wasserkern {

/// A tensor that a derivative will need again, with the version it had.
class WASSERKERN_API Saved {
 public:
  Saved(const Tensor& tensor) : tensor_(tensor), version_(tensor.defined() ? tensor.version() : 0) {}

 private:
  friend class Sweep;
  Tensor tensor_;
  uint64_t version_;
};

/// One op's turn in a backward sweep: takes the gradient of its output, gives those of its inputs.
class WASSERKERN_API Sweep {
 public:
  /// d(target) / d(output of the op), with the output's shape.
  const Tensor& gradient() const { return gradient_; }
  /// The op's output; only if it was taped with Keep::Output.
  Tensor output() const;
  /// A saved tensor; throws Error naming the op if it was overwritten since.
  const Tensor& get(const Saved& saved) const;
  bool wants(int input) const;
  /// Where the gradient of an input may be written at no cost: its place in the flat gradient buffer, or undefined.
  Tensor room(int input) const;
  /// Adds to the gradient of an input; an undefined gradient is an exact zero. At most once per input.
  void give(int input, Tensor gradient);

 private:
  friend class BackwardPass;
  Sweep(Node& node, Tensor gradient, std::vector<bool> wanted, bool rooms);
  Node& node_;
  Tensor gradient_;
  std::vector<bool> wanted_;
  bool rooms_;
  std::vector<Tensor> given_;
};

/// The derivative of an op, written in differentiable ops so that it can be differentiated again. Law 4.
using Derivative = std::function<void(Sweep&)>;

enum class Keep { Nothing, Output };

/// Puts an op's output on the tape, unless no input is on it or taping is off. `name` must outlive the tape.
WASSERKERN_API Tensor taped(const char* name, Tensor output, std::initializer_list<Tensor> inputs,
                            Derivative derivative, Keep keep = Keep::Nothing);

/// Throws Error: "second derivative of NAME is missing".
[[noreturn]] WASSERKERN_API void fail_missing_derivative(const char* name);

/// No op is taped while one lives.
class WASSERKERN_API TapeOff {
 public:
  TapeOff();
  ~TapeOff();
  TapeOff(const TapeOff&) = delete;
  TapeOff& operator=(const TapeOff&) = delete;

 private:
  bool before_;
};

/// Ops are taped again while one lives, for what needs a gradient wherever it is called from.
class WASSERKERN_API TapeOn {
 public:
  TapeOn();
  ~TapeOn();
  TapeOn(const TapeOn&) = delete;
  TapeOn& operator=(const TapeOn&) = delete;

 private:
  bool before_;
};

/// Whether gradients come out on the tape, to be differentiated again.
enum class Differentiable { No, Yes };

/// d(sum of all outputs) / d(inputs), in the order of inputs; undefined where it is identically zero. Inputs may be any
/// tensors on the tape. Throws Error when an input or every output is off the tape, or a saved value went stale.
WASSERKERN_API std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                                        Differentiable differentiable = Differentiable::No);
WASSERKERN_API Tensor grad(const Tensor& output, const Tensor& input,
                           Differentiable differentiable = Differentiable::No);

class Parameters;

/// d(sum of output) / d(parameters) into their flat gradient buffer, which is overwritten and returned; every
/// contribution within the call is accumulated there.
WASSERKERN_API Tensor grad(const Tensor& output, const Parameters& parameters);

}  // namespace wasserkern
