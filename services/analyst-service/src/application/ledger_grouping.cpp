// Merges and splits of the ledger.
#include <algorithm>
#include <unordered_set>

#include "application/ledger.hpp"

namespace swarm::analyst::application {

namespace {

using domain::Group;
using domain::Id;

// What the other one counted counts for this one, too; tasks and agents are known for both together.
void add(Group& sum, const Group& other) {
  sum.events += other.events;
  sum.first_ms = std::min(sum.first_ms, other.first_ms);
  sum.last_ms = std::max(sum.last_ms, other.last_ms);
  sum.returned_ms = std::max(sum.returned_ms, other.returned_ms);
  if (other.day == sum.day) {
    sum.today += other.today;
    sum.yesterday += other.yesterday;
  } else if (other.day > sum.day) {
    sum.yesterday = other.yesterday + (other.day == sum.day + 1 ? sum.today : 0);
    sum.today = other.today;
    sum.day = other.day;
  } else if (other.day + 1 == sum.day) {
    sum.yesterday += other.today;
  }
}

template <class Find>
Group together(const Id& kind, const GroupRoutes& routes, Find find) {
  const Group* own = find(kind);
  Group sum = own == nullptr ? Group{kind} : *own;
  const auto members = routes.members(kind);
  for (const auto& member : members)
    if (const auto* other = find(member)) add(sum, *other);
  if (!members.empty()) {
    sum.tasks = std::max(sum.tasks, sum.merged_tasks);
    sum.agents = std::max(sum.agents, sum.merged_agents);
  }
  return sum;
}

Error not_known(const Id& kind) { return {Code::NotFound, "no kind of failure id=" + text(kind)}; }

}  // namespace

Group Ledger::group(const Id& kind) const {
  return together(kind, routes_, [this](const Id& id) {
    const auto at = groups_.find(id);
    return at == groups_.end() ? nullptr : &at->second;
  });
}

Group Ledger::staged_group(const Id& kind) const {
  return together(kind, staged_routes(), [this](const Id& id) { return find_group(id); });
}

std::size_t Ledger::group_count() const {
  std::size_t merged = 0;
  for (const auto& route : routes_.all()) merged += route.pattern.empty() && groups_.contains(route.from) ? 1 : 0;
  return groups_.size() - merged;
}

Result<bool> Ledger::is_new_to_all(const Id& root, const Id& own, const Id& task) {
  auto kinds = staged_routes().members(root);
  kinds.push_back(root);
  for (const auto& kind : kinds) {
    if (kind == own) continue;
    BOOST_OUTCOME_TRY(const bool fresh, is_new(kind, task));
    if (!fresh) return false;
  }
  return true;
}

// `task` and `agent`: those that are new to the failure's own kind, else empty.
Result<void> Ledger::count_merged(const GroupRoutes::Way& way, const Id& task, const Id& agent, Group& own) {
  if (staged_routes().members(way.root).empty()) return outcome::success();
  const auto* known = find_group(way.root);
  Group other = known == nullptr ? Group{way.root} : *known;
  Group& root = way.root == way.own ? own : other;
  for (const bool is_task : {true, false}) {
    const Id& id = is_task ? task : agent;
    if (id.empty()) continue;
    BOOST_OUTCOME_TRY(const bool fresh, is_new_to_all(way.root, way.own, id));
    if (fresh) ++(is_task ? root.merged_tasks : root.merged_agents);
  }
  if (way.root != way.own) draft_.groups[way.root] = other;
  return outcome::success();
}

// Distinct tasks and agents over a kind and what was merged into it. Those whose rows the journal's bound took away
// count as distinct.
Result<void> Ledger::recount_merged(const Id& root) {
  auto kinds = staged_routes().members(root);
  Group group = *find_group(root);
  group.merged_tasks = group.merged_agents = 0;
  if (!kinds.empty()) {
    kinds.push_back(root);
    std::unordered_set<Id, domain::IdHash> tasks, agents;
    for (const auto& kind : kinds) {
      std::int64_t task_rows = 0, agent_rows = 0;
      BOOST_OUTCOME_TRY(store_.each_task(kind, [&](const Id& id, bool agent) {
        (agent ? agents : tasks).insert(id);
        ++(agent ? agent_rows : task_rows);
      }));
      if (const auto* one = find_group(kind)) {
        group.merged_tasks += std::max<std::int64_t>(0, one->tasks - task_rows);
        group.merged_agents += std::max<std::int64_t>(0, one->agents - agent_rows);
      }
    }
    group.merged_tasks += static_cast<std::int64_t>(tasks.size());
    group.merged_agents += static_cast<std::int64_t>(agents.size());
  }
  draft_.groups[root] = group;
  return outcome::success();
}

Result<void> Ledger::set_route(const ports::GroupRoute& route) {
  if (!draft_.routes) draft_.routes = routes_;
  BOOST_OUTCOME_TRY(draft_.routes->put(route));
  draft_.routes_new.push_back(route);
  return outcome::success();
}

void Ledger::drop_route(const ports::GroupRoute& route) {
  if (!draft_.routes) draft_.routes = routes_;
  draft_.routes_gone.push_back(route);
  draft_.routes->erase(draft_.routes_gone.back());
}

Result<void> Ledger::stage(const GroupingChange& change, std::int64_t now_ms) {
  const auto done = change_routes(change, now_ms);
  if (!done) dropped();  // nothing else was staged: half a change must not be committed
  return done;
}

Result<void> Ledger::change_routes(const GroupingChange& change, std::int64_t now_ms) {
  switch (change.action) {
    case GroupingChange::Action::Merge: return merge(change, now_ms);
    case GroupingChange::Action::Unmerge: return unmerge(change);
    case GroupingChange::Action::Split: return split(change, now_ms);
    case GroupingChange::Action::Unsplit: break;
  }
  const auto* route = staged_routes().split_of(change.kind, change.name);
  if (route == nullptr) return Error{Code::NotFound, "kind id=" + text(change.kind) + " has no split name=" + change.name};
  drop_route(*route);
  return outcome::success();
}

Result<void> Ledger::merge(const GroupingChange& change, std::int64_t now_ms) {
  for (const auto& kind : {change.kind, change.into})
    if (find_group(kind) == nullptr) return not_known(kind);
  const auto root = staged_routes().root(change.into);
  if (const auto* merged = staged_routes().merge_of(change.kind))
    return Error{Code::FailedPrecondition, "kind id=" + text(change.kind) + " is merged into " + text(merged->into) + " already; unmerge it first"};
  if (root == change.kind) return Error{Code::InvalidArgument, "a kind can't be merged into itself"};
  const auto moved = staged_group(change.kind).events;
  ports::GroupRoute route{change.kind, root, {}, {}, change.by, change.reason, now_ms};
  const auto members = staged_routes().members(change.kind);
  BOOST_OUTCOME_TRY(set_route(route));
  for (const auto& member : members) {
    auto shortened = *staged_routes().merge_of(member);
    shortened.into = root;
    BOOST_OUTCOME_TRY(set_route(shortened));
  }
  BOOST_OUTCOME_TRY(recount_merged(root));
  if (!members.empty()) {
    BOOST_OUTCOME_TRY(recount_merged(change.kind));
  }
  if (const auto* old = find_rule(change.kind); old != nullptr && old->state != domain::RuleState::Retired) {
    auto& rule = draft_.rules[change.kind] = domain::GoldenRule(*old);
    rule.version = ++draft_.totals.rule_version;
    set_state(rule, domain::RuleState::Retired, "its kind was merged into " + text(root), now_ms);
  }
  if (const auto* held = find_rule(root); held != nullptr && held->state == domain::RuleState::Active) {
    auto& rule = draft_.rules[root] = domain::GoldenRule(*held);
    rule.effect.kind_failures_before += moved;  // they were no failures in spite of it
  }
  return outcome::success();
}

Result<void> Ledger::unmerge(const GroupingChange& change) {
  const auto* merged = staged_routes().merge_of(change.kind);
  if (merged == nullptr) return Error{Code::NotFound, "kind id=" + text(change.kind) + " is not merged into another"};
  const auto root = merged->into;
  drop_route(*merged);
  BOOST_OUTCOME_TRY(recount_merged(root));
  if (const auto* held = find_rule(root); held != nullptr && held->state == domain::RuleState::Active) {
    auto& rule = draft_.rules[root] = domain::GoldenRule(*held);
    rule.effect.kind_failures_before = staged_group(root).events;  // the comparison begins anew
    rule.effect.scope_outcomes_before = staged_outcomes(rule.stack, rule.role);
  }
  return outcome::success();
}

Result<void> Ledger::split(const GroupingChange& change, std::int64_t now_ms) {
  if (find_group(change.kind) == nullptr) return not_known(change.kind);
  if (change.name.empty() || change.name.size() > 64) return Error{Code::InvalidArgument, "a split needs a name of at most 64 bytes"};
  if (change.pattern.empty()) return Error{Code::InvalidArgument, "a split needs a pattern"};
  return set_route({change.kind, split_kind(change.kind, change.name), change.pattern, change.name, change.by, change.reason, now_ms});
}

}  // namespace swarm::analyst::application
