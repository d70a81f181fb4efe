#pragma once

#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <vector>

#include "ports/failure_store.hpp"

namespace re2 {
class RE2;
}

namespace swarm::analyst::application {

/// Which group counts a failure when people have merged and split groups. A split comes first: it sends the failures of
/// one kind whose cause line it matches to a kind of their own. Then a merge sends all of a kind to another one, which
/// is never merged itself: chains are shortened when they come to be. A value, cheap to copy; not thread-safe.
class GroupRoutes {
 public:
  static constexpr std::size_t kRoutesMax = 1000;
  static constexpr std::size_t kSplitsMax = 20;  // of one kind
  static constexpr std::size_t kPatternMax = 500;

  struct Way {
    domain::Id own;                             // the kind that the failure is one of
    domain::Id root;                            // the kind that it counts for
    const ports::GroupRoute* split = nullptr;   // valid as long as the routes are not changed
    const ports::GroupRoute* merge = nullptr;
  };
  Way find(const domain::Id& kind, std::string_view cause_line) const;
  domain::Id root(const domain::Id& kind) const;
  /// The kinds that were merged into this one.
  std::vector<domain::Id> members(const domain::Id& root) const;
  bool involves(const domain::Id& kind) const;
  const ports::GroupRoute* merge_of(const domain::Id& kind) const;
  const ports::GroupRoute* split_of(const domain::Id& kind, std::string_view name) const;

  /// InvalidArgument: the pattern is of no use, or there are too many.
  Result<void> put(const ports::GroupRoute& route);
  void erase(const ports::GroupRoute& route);
  /// By kind, splits in the order of their making.
  std::vector<ports::GroupRoute> all() const;

 private:
  struct Entry {
    ports::GroupRoute route;
    std::shared_ptr<const re2::RE2> pattern;  // null: a merge
  };
  std::map<domain::Id, std::vector<Entry>> by_kind_;
  std::map<domain::Id, std::set<domain::Id>> members_;
  std::size_t size_ = 0;
};

/// The kind of what a split sends away; the same whenever a split of that name is made again.
domain::Id split_kind(const domain::Id& from, std::string_view name);

}  // namespace swarm::analyst::application
