#include "adapters/knowledge/stack_search.hpp"

#include <map>

#include "domain/text_cut.hpp"
#include "libs/knowledge/vocabulary.hpp"
#include "libs/telemetry/logging.hpp"

namespace swarm::orchestrator::knowledge_store {
namespace {

constexpr std::size_t kTextBytes = 2'000;  // an embedding says no more about a longer one
constexpr std::size_t kNearest = 5;
constexpr std::size_t kAskedAbout = 3;
constexpr std::size_t kNameBytesMax = 100;
const std::string kStacks = knowledge::stack_iri("");

bool is_name(const std::string& text) {
  return !text.empty() && text.size() <= kNameBytesMax && first_line(text, kNameBytesMax) == text;
}

}  // namespace

void StackSearch::start() {
  thread_ = std::thread([this] { run(); });
}

void StackSearch::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  for (auto& question : std::exchange(waiting_, {})) question.done(std::vector<std::string>(question.texts.size()));
}

bool StackSearch::ask(std::vector<std::string> texts, Done done) {
  {
    std::lock_guard lock(mutex_);
    const bool busy = searching_ || !waiting_.empty();
    if (stopping_ || waiting_.size() >= options_.waiting_max || (resting_ && busy)) return false;
    waiting_.push_back({std::move(texts), std::move(done)});
  }
  wake_.notify_one();
  return true;
}

void StackSearch::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    auto question = std::move(waiting_.front());
    waiting_.pop_front();
    searching_ = true;
    lock.unlock();
    question.done(look(question.texts));
    lock.lock();
    searching_ = false;
  }
}

bool StackSearch::resting() {
  std::lock_guard lock(mutex_);
  return resting_;
}

/// One after the other, each text once, until one search fails or the time is up.
std::vector<std::string> StackSearch::look(const std::vector<std::string>& texts) {
  const auto until = std::chrono::steady_clock::now() + options_.time_max;
  std::vector<std::string> out(texts.size());
  std::map<std::string_view, std::string> known;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto it = known.find(texts[i]);
    if (it == known.end()) {
      if (i > 0 && (resting() || std::chrono::steady_clock::now() >= until)) continue;
      it = known.emplace(texts[i], look(texts[i], until)).first;
    }
    out[i] = it->second;
  }
  return out;
}

std::string StackSearch::look(const std::string& text, Until until) {
  const auto near = search_.nearest(utf8_prefix(text, kTextBytes), kNearest);
  {
    std::lock_guard lock(mutex_);
    if (!near && !resting_) log::warn("stacks of tasks can't be looked up by similarity", {{"error", near.error().message}});
    resting_ = !near;
  }
  if (!near) return {};
  std::size_t asked = 0;
  for (const auto& found : near.value()) {
    if (found.score < options_.score_min || asked == kAskedAbout || std::chrono::steady_clock::now() >= until) break;
    if (found.subject.starts_with(kStacks)) {
      const auto name = knowledge::name_of_iri(found.subject);
      if (is_name(name)) return name;
      continue;
    }
    ++asked;
    if (auto stack = stack_of(found.subject); !stack.empty()) return stack;
  }
  return {};
}

std::string StackSearch::stack_of(const std::string& subject) {
  const auto known = search_.texts_of(subject, knowledge::kHasStack);
  if (!known) return {};
  for (const auto& name : known.value()) {
    if (is_name(name)) return name;
  }
  return {};
}

}  // namespace swarm::orchestrator::knowledge_store
