#include "adapters/grpc/stack_lookup.hpp"

#include <memory>

namespace swarm::orchestrator::grpc_api {
namespace {

constexpr std::size_t kTextsMax = 64;
constexpr std::size_t kBytesMax = 4u << 10;  // as much as the words in it are looked at for

}  // namespace

bool look_stacks_up(StackSource* source, SubmitTasks& submission, std::function<void(SubmitTasks)> go_on) {
  if (source == nullptr) return false;
  std::vector<std::size_t> places;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < submission.tasks.size() && places.size() < kTextsMax; ++i) {
    if (!submission.tasks[i].spec.stack.empty()) continue;
    places.push_back(i);
    texts.push_back(submission.tasks[i].texts->description.substr(0, kBytesMax));
  }
  if (places.empty()) return false;
  const auto waiting = std::make_shared<SubmitTasks>(std::move(submission));
  const bool asked = source->ask(std::move(texts), [waiting, places = std::move(places), go_on = std::move(go_on)](std::vector<std::string> stacks) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      auto& spec = waiting->tasks[places[i]].spec;
      spec.stack = std::move(stacks[i]);
      spec.stack_is_guess = !spec.stack.empty();
    }
    go_on(std::move(*waiting));
  });
  if (!asked) submission = std::move(*waiting);
  return asked;
}

}  // namespace swarm::orchestrator::grpc_api
