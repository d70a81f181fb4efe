#include "adapters/grpc/mapping.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace swarm::gateway {
namespace {

constexpr double kUsdMax = 1e9;

Result<Money> money_of(double usd, std::string_view field) {
  if (!std::isfinite(usd) || usd < 0 || usd > kUsdMax) {
    return Error{Code::InvalidArgument, std::string(field) + " must be between 0 and 1e9 US dollars"};
  }
  return Money::from_usd(usd);
}

}  // namespace

void fill(::llm_gateway::SpendReport& report, const AccountView& view) {
  const BudgetAccount& account = view.account;
  report.set_current_spend(account.spent().usd());
  report.set_limit(account.limit.amount.usd());
  report.set_remaining(account.remaining().usd());
  report.set_scope(view.scope);
  report.set_window(std::string(name(account.limit.window)));
  report.set_reserved(account.reserved.usd());
  report.set_unlimited(account.limit.unlimited);
  const bool ends = account.span.end != WallTime::max();
  report.set_resets_unix_ms(ends ? unix_ms(account.span.end) : 0);
  report.set_state(std::string(name(view.state)));
  report.set_overshoot_max(account.limit.strict ? 0 : account.limit.overshoot_max.usd());
  report.set_strict(account.limit.strict);
  report.set_unknown_crash(account.unknown_crash.usd());
  report.set_requests(account.requests);
  report.set_override_extra(account.lift.usd());
  report.set_override_until_unix_ms(account.lift > Money{} ? unix_ms(account.lift_until) : 0);
}

Result<Limit> limit_of(const ::llm_gateway::LimitConfig& config) {
  Limit limit;
  BOOST_OUTCOME_TRY(limit.amount, money_of(config.limit(), "limit"));
  BOOST_OUTCOME_TRY(limit.overshoot_max, money_of(config.overshoot_max(), "overshoot_max"));
  limit.unlimited = config.unlimited();
  limit.strict = config.strict();
  if (config.window().empty()) {
    limit.window = config.scope().starts_with("task/") ? WindowKind::Total : WindowKind::Day;
    return limit;
  }
  const auto window = window_kind(config.window());
  if (!window) return Error{Code::InvalidArgument, "window must be hour, day, month or total"};
  limit.window = *window;
  return limit;
}

Result<void> check_said(const ::llm_gateway::LimitConfig& config) {
  if (!config.scope().empty() || config.limit() != 0 || config.unlimited()) return outcome::success();
  return Error{Code::InvalidArgument, "a limit of 0 without a scope would stop all spending: say scope \"global\" if that is meant, or the limit"};
}

Result<Limit> limit_of(const ::llm_gateway::TaskBudget& budget) {
  Limit limit;
  BOOST_OUTCOME_TRY(limit.amount, money_of(budget.limit(), "limit"));
  limit.window = WindowKind::Total;
  limit.strict = budget.strict();
  return limit;
}

std::optional<WallTime> time_of(std::int64_t unix_ms) {
  constexpr std::int64_t kMost = 4'000'000'000'000;  // the year 2096
  if (unix_ms <= 0 || unix_ms > kMost) return std::nullopt;
  return WallTime(std::chrono::milliseconds(unix_ms));
}

Result<BudgetDesk::Override> override_of(const ::llm_gateway::OverrideRequest& request) {
  BudgetDesk::Override wish;
  wish.scope = scope_or_global(request.scope());
  BOOST_OUTCOME_TRY(wish.extra, money_of(request.extra(), "extra"));
  wish.time = std::chrono::seconds(std::clamp<std::int64_t>(request.seconds(), -1, 1'000'000));
  wish.reason = request.reason();
  wish.by = request.by().substr(0, 100);
  return wish;
}

KeyDesk::Wish wish_of(const ::llm_gateway::NewKey& request) {
  KeyDesk::Wish wish;
  wish.name = request.name();
  wish.team = request.team();
  wish.models.assign(request.models().begin(), request.models().end());
  wish.limits.requests_per_minute = request.requests_per_minute();
  wish.limits.tokens_per_minute = request.tokens_per_minute();
  wish.limits.parallel = request.parallel();
  wish.limits.queue_time = std::chrono::milliseconds(request.queue_time_ms());
  if (request.queue_max() != 0) wish.limits.queue_max = request.queue_max();
  wish.priority = request.priority();
  wish.bare_tasks = request.bare_tasks();
  // A time before 1970 is in the past too, which the desk refuses.
  wish.ends = request.expires_unix_ms() < 0 ? WallTime{} : time_of(request.expires_unix_ms());
  return wish;
}

void fill(::llm_gateway::KeyInfo& info, const StoredKey& key, WallTime now) {
  const auto shown = [](WallTime t) { return t == WallTime::max() ? 0 : unix_ms(t); };
  info.set_name(key.name);
  info.set_team(key.team);
  for (const std::string& model : key.models) info.add_models(model);
  info.set_requests_per_minute(key.limits.requests_per_minute);
  info.set_tokens_per_minute(key.limits.tokens_per_minute);
  info.set_parallel(key.limits.parallel);
  info.set_queue_time_ms(key.limits.queue_time.count());
  info.set_queue_max(key.limits.queue_max);
  info.set_priority(key.priority);
  info.set_bare_tasks(key.bare_tasks);
  info.set_expires_unix_ms(shown(key.ends));
  info.set_created_unix_ms(unix_ms(key.created));
  info.set_rotated_unix_ms(unix_ms(key.rotated));
  info.set_old_until_unix_ms(key.previous_until > now ? unix_ms(key.previous_until) : 0);
  info.set_ended(key.ends <= now);
}

Result<SpendQuery> spend_query_of(const ::llm_gateway::SpendQuery& request) {
  SpendQuery query;
  query.from = time_of(request.from_unix_ms());
  query.to = time_of(request.to_unix_ms());
  for (const std::string& text : request.group_by()) {
    const auto field = spend_field(text);
    if (!field) return Error{Code::InvalidArgument, "group_by \"" + text + "\" is none of team, key, task, model, upstream, day, ending"};
    query.group_by.push_back(*field);
  }
  if (query.group_by.size() > kSpendFields) return Error{Code::InvalidArgument, "too many fields to group by"};
  if (!request.scope().empty() && !scope_level(request.scope())) return Error{Code::InvalidArgument, "not a scope's name: \"" + request.scope() + "\""};
  query.scope = request.scope();
  const std::string& token = request.page_token();
  std::uint64_t after = 0;
  if (!token.empty()) {
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), after);
    if (error != std::errc() || end != token.data() + token.size()) return Error{Code::InvalidArgument, "page_token is none of ours"};
    query.after = after;
  }
  return query;
}

void fill(::llm_gateway::SpendGroup& out, const SpendGroup& group) {
  for (const std::string& value : group.values) out.add_values(value);
  out.set_usd(group.cost.usd());
  out.set_nano_usd(group.cost.nano);
  out.set_requests(group.requests);
  out.set_input_tokens(group.input);
  out.set_output_tokens(group.output);
  out.set_cached_tokens(group.cached);
  out.set_estimated(group.estimated);
}

void fill(::llm_gateway::TrialResult& out, const DryRun& run) {
  out.set_rows(run.rows);
  out.set_whole(run.whole);
  out.set_requests(run.requests);
  out.set_refused(run.refused);
  out.set_spent(run.spent.usd());
  out.set_refused_cost(run.refused_cost.usd());
  out.set_windows(run.windows);
  out.set_windows_dry(run.windows_dry);
  out.set_first_refused_unix_ms(run.first_refused ? unix_ms(*run.first_refused) : 0);
}

void fill(::llm_gateway::Explanation& out, const Explanation& told) {
  out.set_request_id(told.request_id);
  out.set_at_unix_ms(unix_ms(told.at));
  out.set_key(told.key);
  out.set_team(told.team);
  out.set_task(told.task);
  out.set_model(told.model);
  out.set_upstream(told.upstream);
  out.set_upstream_model(told.upstream_model);
  out.set_price_source(std::string(name(told.price_source)));
  out.set_price_version(told.price_version);
  out.set_admitted(told.admitted);
  out.set_reserved(told.reserved.usd());
  out.set_ceiling(told.ceiling.usd());
  const bool refused = told.refusal.has_value();
  out.set_scope(refused ? told.refusal->scope : told.tightest.scope);
  if (!out.scope().empty()) out.set_window(std::string(name(refused ? told.refusal->window : told.tightest.window)));
  out.set_scope_limit(refused ? told.refusal->limit.usd() : told.tightest.limit.usd());
  out.set_scope_spent(refused ? told.refusal->spent.usd() : told.tightest.spent.usd());
  if (refused) out.set_reason(std::string(name(told.refusal->reason)));
  for (const Attempt& one : told.attempts) {
    auto& attempt = *out.add_attempts();
    attempt.set_upstream(one.upstream);
    attempt.set_status(one.status);
    attempt.set_fault(one.fault);
  }
  if (told.admitted) out.set_ending(std::string(name(told.ending)));
  out.set_status(told.status);
  out.set_cost(told.cost.usd());
  out.set_estimated(told.usage.estimated);
  out.set_duration_ms(told.duration_ms);
  for (const std::string& sentence : sentences(told)) out.add_sentences(sentence);
}

std::string scope_or_global(const std::string& scope) { return scope.empty() ? "global" : scope; }

}  // namespace swarm::gateway
