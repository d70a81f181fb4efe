#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "domain/analysis.hpp"
#include "libs/async/guarded.hpp"

namespace swarm::analyst::application {

/// Analyzers for whoever needs one just now: their buffers are kept, so that a call does not allocate. Thread-safe.
class Analyzers {
 public:
  explicit Analyzers(std::shared_ptr<const domain::GroupingRules> rules = nullptr) : rules_(std::move(rules)) {}

  /// Calls `use` with an analyzer that nobody else has meanwhile.
  template <class Use>
  decltype(auto) with(Use&& use) {
    Lease lease(idle_, rules_);
    return std::forward<Use>(use)(*lease.analyzer);
  }

  /// Of the operators; null: none.
  const std::shared_ptr<const domain::GroupingRules>& rules() const { return rules_; }

 private:
  using Idle = async::Guarded<std::vector<std::unique_ptr<domain::Analyzer>>>;
  struct Lease {
    Lease(Idle& from, const std::shared_ptr<const domain::GroupingRules>& rules) : idle(from) {
      idle.with([this](auto& list) {
        if (list.empty()) return;
        analyzer = std::move(list.back());
        list.pop_back();
      });
      if (!analyzer) analyzer = std::make_unique<domain::Analyzer>(rules);
    }
    ~Lease() {
      idle.with([this](auto& list) { list.push_back(std::move(analyzer)); });
    }
    Idle& idle;
    std::unique_ptr<domain::Analyzer> analyzer;
  };
  const std::shared_ptr<const domain::GroupingRules> rules_;
  Idle idle_;
};

}  // namespace swarm::analyst::application
