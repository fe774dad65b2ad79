#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "engine/node.h"
#include "engine/ops/elementwise.h"
#include "engine/parameters.h"
#include "engine/stream.h"
#include "engine/tape.h"
#include "kernels/elementwise.h"
#include "kernels/error.h"

namespace wasserkern {

/// One call of grad: visits the nodes between outputs and inputs, latest first.
class BackwardPass {
 public:
  BackwardPass(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs, bool differentiable, bool rooms)
      : differentiable_(differentiable), rooms_(rooms) {
    for (const Tensor& output : outputs)
      if (output.on_tape()) discover(output.node().get());
    if (nodes_.empty()) throw Error("grad: no output depends on a tensor that requires a gradient");
    for (const Tensor& input : inputs) {
      if (!input.on_tape()) throw Error("grad: an input of shape " + input.shape().text() + " is not on the tape");
      places_[input.node().get()].useful = true;
    }
    std::sort(nodes_.begin(), nodes_.end(), [](Node* a, Node* b) { return a->sequence > b->sequence; });
    // Inputs of a node come before it, so one walk from the earliest finds what leads to an input of grad.
    for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node)
      for (size_t i = 0; i < (*node)->input_count; ++i)
        if ((*node)->inputs[i] && places_[(*node)->inputs[i].get()].useful) places_[*node].useful = true;
    for (const Tensor& output : outputs)
      if (output.on_tape() && places_[output.node().get()].useful)
        accumulate_into(*output.node(), Tensor::full(output.device(), output.shape(), 1));
  }

  void run() {
    std::optional<TapeOff> off;
    if (!differentiable_) off.emplace();
    for (Node* node : nodes_) {
      Place& place = places_[node];
      if (!place.useful || !place.gradient.defined() || !node->derivative) continue;
      propagate(*node, place.gradient);
    }
  }

  Tensor gradient(const Tensor& input) { return places_[input.node().get()].gradient; }

 private:
  struct Place {
    bool useful = false;
    Tensor gradient;
  };

  void discover(Node* output) {
    std::vector<Node*> open{output};
    while (!open.empty()) {
      Node* node = open.back();
      open.pop_back();
      if (!places_.try_emplace(node).second) continue;
      nodes_.push_back(node);
      for (size_t i = 0; i < node->input_count; ++i)
        if (node->inputs[i]) open.push_back(node->inputs[i].get());
    }
  }

  void propagate(Node& node, const Tensor& gradient) {
    std::vector<bool> wanted(node.input_count);
    for (size_t i = 0; i < node.input_count; ++i) wanted[i] = node.inputs[i] && places_[node.inputs[i].get()].useful;
    Sweep sweep(node, gradient, wanted, rooms_ && contributes_first(node));
    node.derivative(sweep);
    for (size_t i = 0; i < node.input_count; ++i)
      if (wanted[i] && sweep.given_[i].defined()) accumulate_into(*node.inputs[i], std::move(sweep.given_[i]));
  }

  /// Whether no input has a gradient yet, or is there twice: only then may gradients be written in place.
  bool contributes_first(const Node& node) {
    for (size_t i = 0; i < node.input_count; ++i) {
      if (node.inputs[i] && places_[node.inputs[i].get()].gradient.defined()) return false;
      for (size_t j = 0; j < i; ++j)
        if (node.inputs[i] && node.inputs[i].get() == node.inputs[j].get()) return false;
    }
    return true;
  }

  void accumulate_into(Node& node, Tensor gradient) {
    Place& place = places_[&node];
    if (place.gradient.defined())
      place.gradient = add(place.gradient, gradient);
    else
      place.gradient = std::move(gradient);
  }

  bool differentiable_;
  bool rooms_;
  std::vector<Node*> nodes_;
  std::unordered_map<Node*, Place> places_;
};

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         Differentiable differentiable) {
  BackwardPass pass(outputs, inputs, differentiable == Differentiable::Yes, false);
  pass.run();
  std::vector<Tensor> gradients;
  gradients.reserve(inputs.size());
  for (const Tensor& input : inputs) gradients.push_back(pass.gradient(input));
  return gradients;
}

Tensor grad(const Tensor& output, const Tensor& input, Differentiable differentiable) {
  return grad(std::vector{output}, std::vector{input}, differentiable).front();
}

Tensor grad(const Tensor& output, const Parameters& parameters) {
  std::vector<Tensor> inputs;
  for (const auto& named : parameters.named()) inputs.push_back(named.tensor);
  BackwardPass pass({output}, inputs, false, true);
  pass.run();
  for (const Tensor& input : inputs) {
    const Tensor room = input.node()->gradient_room;
    const Tensor gradient = pass.gradient(input);
    if (!gradient.defined())
      submit(room.device(), [out = room.vector()](auto& stream) { fill(stream, 0, out); });
    else if (gradient.data() != room.data())
      submit(room.device(), [from = gradient.vector(), out = room.vector()](auto& stream) { copy(stream, from, out); });
  }
  parameters.flat_gradient().bump_version();
  return parameters.flat_gradient();
}

}  // namespace wasserkern
