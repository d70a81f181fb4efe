#include "application/group_routes.hpp"

#include <re2/re2.h>

#include <algorithm>

#include "domain/grouping_rules.hpp"

namespace swarm::analyst::application {

domain::Id split_kind(const domain::Id& from, std::string_view name) {
  return domain::Digest().add("split").add(from.high).add(from.low).add(name).id();
}

GroupRoutes::Way GroupRoutes::find(const domain::Id& kind, std::string_view cause_line) const {
  Way way{kind, kind};
  if (by_kind_.empty()) return way;
  if (const auto at = by_kind_.find(kind); at != by_kind_.end()) {
    for (const auto& entry : at->second) {
      if (!entry.pattern || !RE2::PartialMatch(re2::StringPiece(cause_line.data(), cause_line.size()), *entry.pattern)) continue;
      way.own = way.root = entry.route.into;
      way.split = &entry.route;
      break;
    }
  }
  way.merge = merge_of(way.own);
  if (way.merge != nullptr) way.root = way.merge->into;
  return way;
}

domain::Id GroupRoutes::root(const domain::Id& kind) const {
  const auto* merge = merge_of(kind);
  return merge == nullptr ? kind : merge->into;
}

std::vector<domain::Id> GroupRoutes::members(const domain::Id& root) const {
  const auto at = members_.find(root);
  return at == members_.end() ? std::vector<domain::Id>() : std::vector<domain::Id>(at->second.begin(), at->second.end());
}

bool GroupRoutes::involves(const domain::Id& kind) const { return by_kind_.contains(kind) || members_.contains(kind); }

const ports::GroupRoute* GroupRoutes::merge_of(const domain::Id& kind) const {
  const auto at = by_kind_.find(kind);
  if (at == by_kind_.end()) return nullptr;
  for (const auto& entry : at->second)
    if (!entry.pattern) return &entry.route;
  return nullptr;
}

const ports::GroupRoute* GroupRoutes::split_of(const domain::Id& kind, std::string_view name) const {
  const auto at = by_kind_.find(kind);
  if (at == by_kind_.end()) return nullptr;
  for (const auto& entry : at->second)
    if (entry.pattern && entry.route.name == name) return &entry.route;
  return nullptr;
}

Result<void> GroupRoutes::put(const ports::GroupRoute& route) {
  std::shared_ptr<const RE2> pattern;
  if (!route.pattern.empty()) {
    BOOST_OUTCOME_TRY(pattern, domain::compile_pattern(route.pattern, kPatternMax));
  }
  erase(route);
  auto& list = by_kind_[route.from];
  const auto splits = std::count_if(list.begin(), list.end(), [](const Entry& entry) { return entry.pattern != nullptr; });
  const auto fault = size_ >= kRoutesMax ? "there are " + std::to_string(kRoutesMax) + " merges and splits already"
                     : pattern && splits >= static_cast<std::ptrdiff_t>(kSplitsMax) ? "the kind has " + std::to_string(kSplitsMax) + " splits already" : std::string();
  if (!fault.empty()) {
    if (list.empty()) by_kind_.erase(route.from);
    return Error{Code::ResourceExhausted, fault};
  }
  list.push_back({route, pattern});
  std::stable_sort(list.begin(), list.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.route.at_ms, a.route.name) < std::tie(b.route.at_ms, b.route.name);
  });
  ++size_;
  if (!pattern) members_[route.into].insert(route.from);
  return outcome::success();
}

void GroupRoutes::erase(const ports::GroupRoute& route) {
  const auto at = by_kind_.find(route.from);
  if (at == by_kind_.end()) return;
  const auto same = [&](const Entry& entry) { return entry.route.name == route.name && entry.route.pattern.empty() == route.pattern.empty(); };
  const auto gone = std::find_if(at->second.begin(), at->second.end(), same);
  if (gone == at->second.end()) return;
  if (!gone->pattern) {
    auto& members = members_[gone->route.into];
    members.erase(route.from);
    if (members.empty()) members_.erase(gone->route.into);
  }
  at->second.erase(gone);
  --size_;
  if (at->second.empty()) by_kind_.erase(at);
}

std::vector<ports::GroupRoute> GroupRoutes::all() const {
  std::vector<ports::GroupRoute> routes;
  for (const auto& [kind, list] : by_kind_)
    for (const auto& entry : list) routes.push_back(entry.route);
  return routes;
}

}  // namespace swarm::analyst::application
