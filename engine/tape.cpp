#include "engine/tape.h"

#include <utility>

#include "engine/node.h"
#include "kernels/error.h"

namespace wasserkern {
namespace {

thread_local bool taping = true;

}  // namespace

TapeOff::TapeOff() : before_(std::exchange(taping, false)) {}
TapeOff::~TapeOff() { taping = before_; }

TapeOn::TapeOn() : before_(std::exchange(taping, true)) {}
TapeOn::~TapeOn() { taping = before_; }

Tensor taped(const char* name, Tensor output, std::initializer_list<Tensor> inputs, Derivative derivative, Keep keep) {
  bool wanted = false;
  for (const Tensor& input : inputs) wanted |= input.on_tape();
  if (!taping || !wanted) return output;
  if (inputs.size() > Node::kMaxInputs) throw Error(std::string("op ") + name + ": too many inputs for the tape");

  Ref<Node> node(new Node);
  node->name = name;
  node->sequence = Node::next_sequence();
  for (const Tensor& input : inputs) node->inputs[node->input_count++] = input.on_tape() ? input.node() : Ref<Node>();
  node->derivative = std::move(derivative);
  if (keep == Keep::Output) {
    node->saved_output = output.detach();
    node->saved_version = output.version();
  }
  return output.with_node(std::move(node));
}

void fail_missing_derivative(const char* name) {
  throw Error(std::string("second derivative of ") + name + " is missing: this op can be differentiated once only");
}

Sweep::Sweep(Node& node, Tensor gradient, std::vector<bool> wanted, bool rooms)
    : node_(node),
      gradient_(std::move(gradient)),
      wanted_(std::move(wanted)),
      rooms_(rooms),
      given_(node.input_count) {}

Tensor Sweep::output() const {
  if (!node_.saved_output.defined()) throw Error(std::string("op ") + node_.name + " kept no output for its backward");
  if (node_.saved_output.version() != node_.saved_version)
    throw Error(std::string("backward of ") + node_.name + ": its output was overwritten since");
  return node_.saved_output.with_node(Ref<Node>(&node_));
}

const Tensor& Sweep::get(const Saved& saved) const {
  if (saved.tensor_.defined() && saved.tensor_.version() != saved.version_)
    throw Error(std::string("backward of ") + node_.name + ": a tensor it saved was overwritten since");
  return saved.tensor_;
}

bool Sweep::wants(int input) const { return wanted_[static_cast<size_t>(input)]; }

Tensor Sweep::room(int input) const {
  return rooms_ ? node_.inputs[static_cast<size_t>(input)]->gradient_room : Tensor();
}

void Sweep::give(int input, Tensor gradient) { given_[static_cast<size_t>(input)] = std::move(gradient); }

}  // namespace wasserkern
