#include "engine/node.h"

#include <memory>
#include <utility>
#include <vector>

namespace wasserkern {
namespace {

/// Memory of dead nodes of this thread.
struct FreeList {
  std::vector<void*> blocks;
  ~FreeList() {
    for (void* block : blocks) ::operator delete(block);
  }
};
thread_local FreeList free_list;

thread_local std::vector<Node*> dying;
thread_local bool releasing = false;

}  // namespace

uint64_t Node::next_sequence() {
  thread_local uint64_t last = 0;
  return ++last;
}

Ref<Node> Node::leaf(Tensor gradient_room) {
  Ref<Node> node(new Node);
  node->sequence = next_sequence();
  node->gradient_room = std::move(gradient_room);
  return node;
}

void retain(Node* node) { node->add_reference(); }

void release(Node* node) noexcept {
  if (!node->drop_reference()) return;
  dying.push_back(node);
  if (releasing) return;
  releasing = true;
  while (!dying.empty()) {
    Node* next = dying.back();
    dying.pop_back();
    delete next;  // its inputs arrive in `dying`
  }
  releasing = false;
}

void* Node::operator new(size_t bytes) {
  if (free_list.blocks.empty()) return ::operator new(bytes);
  void* block = free_list.blocks.back();
  free_list.blocks.pop_back();
  return block;
}

void Node::operator delete(void* memory) noexcept { free_list.blocks.push_back(memory); }

}  // namespace wasserkern
