#pragma once

#include <concepts>
#include <memory>
#include <utility>

#include "engine/parameters.h"
#include "engine/tensor.h"

namespace wasserkern::models {

/// Training drops units and normalises by the batch's statistics, which the running ones follow; Evaluation drops none
/// and normalises by the running ones.
enum class Mode { Training, Evaluation };

/// Whatever maps batches [n, ...] by parameters, and maybe by statistics that are not trained.
template <class T>
concept Mapping = requires(const T& map, const Tensor& x, Mode mode) {
  { map(x, mode) } -> std::same_as<Tensor>;
  { map.parameters() } -> std::same_as<const Parameters&>;
  { map.statistics() } -> std::same_as<const Parameters&>;
};

/// Any of them. Copies share their parameters.
class Model {
 public:
  template <Mapping T>
  Model(T map) : map_(std::make_shared<Holder<T>>(std::move(map))) {}

  Tensor operator()(const Tensor& x, Mode mode = Mode::Training) const { return map_->apply(x, mode); }
  const Parameters& parameters() const { return map_->parameters(); }
  /// Empty where there are none.
  const Parameters& statistics() const { return map_->statistics(); }

 private:
  struct Held {
    virtual ~Held() = default;
    virtual Tensor apply(const Tensor& x, Mode mode) const = 0;
    virtual const Parameters& parameters() const = 0;
    virtual const Parameters& statistics() const = 0;
  };

  template <class T>
  struct Holder final : Held {
    explicit Holder(T held) : map(std::move(held)) {}
    Tensor apply(const Tensor& x, Mode mode) const override { return map(x, mode); }
    const Parameters& parameters() const override { return map.parameters(); }
    const Parameters& statistics() const override { return map.statistics(); }
    T map;
  };

  std::shared_ptr<const Held> map_;
};

}  // namespace wasserkern::models
