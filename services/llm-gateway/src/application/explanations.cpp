#include "application/explanations.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "application/problems.hpp"

namespace swarm::gateway {
namespace {

constexpr std::size_t kLookedAtOnce = 256;  // so that a search holds up requests for microseconds only

std::string dollars(Money money) {
  std::array<char, 40> text{};
  const int n = std::snprintf(text.data(), text.size(), "$%.6f", money.usd());
  return std::string(text.data(), static_cast<std::size_t>(std::max(n, 0)));
}

std::string price_sentence(const Explanation& e) {
  switch (e.price_source) {
    case PriceSource::None: return "price: the model has none, so it is refused";
    case PriceSource::Free: return "price: the model is expressly free";
    case PriceSource::Fallback: return "price: the model has none and is counted at the fallback price";
    case PriceSource::Listed: return "price: version " + e.price_version;
  }
  return {};
}

std::string budget_sentence(const Explanation& e) {
  const std::string held = "budget: admitted, " + dollars(e.reserved) + " reserved, at most " + dollars(e.ceiling);
  if (e.tightest.scope.empty()) return held + "; no scope on its path has a limit";
  const std::string period = e.tightest.window == WindowKind::Total ? "in total" : "this " + std::string(name(e.tightest.window));
  return held + "; tightest was " + e.tightest.scope + ": " + dollars(e.tightest.spent) + " of " + dollars(e.tightest.limit) + " spent " + period + ", " +
         dollars(e.tightest.left) + " left for others";
}

std::string ending_sentence(const Explanation& e) {
  std::string text = "end: " + std::string(name(e.ending)) + ", status " + std::to_string(e.status) + " after " + std::to_string(e.duration_ms) +
                     " ms; " + std::to_string(e.usage.input_total()) + " tokens in, " + std::to_string(e.usage.output_total()) + " out, " +
                     dollars(e.cost) + " paid";
  if (e.usage.estimated) text += " by an estimate from the text, as the upstream did not say what was used";
  return text;
}

}  // namespace

std::vector<std::string> sentences(const Explanation& e) {
  std::vector<std::string> all;
  const std::string payer = e.key.empty() ? std::string("nobody known") : "key " + e.key + (e.team.empty() ? "" : " of team " + e.team) +
                                                                              (e.task.empty() ? "" : " for task " + e.task);
  all.push_back("caller: " + payer);
  if (!e.upstream.empty()) {
    all.push_back("route: model " + e.model + " goes to upstream " + e.upstream + (e.upstream_model.empty() ? "" : " as " + e.upstream_model));
    all.push_back(price_sentence(e));
  }
  for (const std::string& found : e.guard) all.push_back("privacy guard: " + found);
  if (e.admitted) all.push_back(budget_sentence(e));
  if (e.refusal) all.push_back("refused by " + e.refusal->scope + " (" + std::string(name(e.refusal->reason)) + "): " + problem_of(*e.refusal, e.at).message);
  else if (!e.problem.empty()) all.push_back("refused: " + e.problem);
  for (std::size_t i = 0; i < e.attempts.size(); ++i) {
    const Attempt& one = e.attempts[i];
    all.push_back("attempt " + std::to_string(i + 1) + ": " + one.upstream +
                  (one.fault.empty() ? " answered " + std::to_string(one.status) : " gave no answer: " + one.fault));
  }
  if (e.admitted) all.push_back(ending_sentence(e));
  return all;
}

void Explanations::put(Explanation explanation) {
  write([&](Explanation& place) { std::swap(place, explanation); });  // the old one is freed behind the lock
}

/// Under the lock.
Explanation& Explanations::oldest() {
  if (ring_.size() < kept_max_) return ring_.emplace_back();
  Explanation& place = ring_[next_];
  next_ = (next_ + 1) % kept_max_;
  place.refusal.reset();
  place.problem.clear();
  place.guard.clear();
  place.attempts.clear();
  return place;
}

std::optional<Explanation> Explanations::find(std::string_view request_id) const {
  std::optional<Explanation> last;  // one that went on to another model has several
  for (std::size_t from = 0;; from += kLookedAtOnce) {
    std::lock_guard lock(mutex_);
    const std::size_t end = std::min(ring_.size(), from + kLookedAtOnce);
    for (std::size_t i = from; i < end; ++i) {
      if (ring_[i].request_id == request_id && (!last || last->at <= ring_[i].at)) last = ring_[i];
    }
    if (end >= ring_.size()) return last;
  }
}

}  // namespace swarm::gateway
