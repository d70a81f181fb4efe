#include "adapters/codec/record.hpp"

namespace swarm::orchestrator::codec {
namespace {

constexpr std::uint64_t kVersion = 1;
constexpr std::uint64_t kSpecWithTerms = 2;  // as version 1, followed by what few tasks ask for
constexpr std::uint64_t kInputWithConstraints = 2;  // as version 1, followed by them

template <class T>
std::optional<T> checked(const Reader& in, T&& value) {
  if (!in.ok()) return std::nullopt;
  return std::move(value);
}

constexpr std::uint64_t kStateWithCancel = 2;
constexpr std::uint64_t kStateWithArtifacts = 3;  // as version 1, then whether there is a wish to cancel, it, and the artefacts
constexpr std::uint64_t kRuleWithChecks = 2;

void encode(Writer& out, const CancelWish& wish) {
  out.time(wish.by);
  out.text(wish.reason);
}

std::shared_ptr<const CancelWish> decode_wish(Reader& in) {
  CancelWish wish;
  wish.by = in.time();
  wish.reason = in.text();
  return std::make_shared<CancelWish>(std::move(wish));
}

/// False for a version that this program does not know.
bool read_version(Reader& in) { return in.u64() == kVersion && in.ok(); }

}  // namespace

void encode(Writer& out, const TaskSpec& spec) {
  out.u64(spec.terms ? kSpecWithTerms : kVersion);
  out.bits(spec.id);
  out.u64(spec.number);
  out.bits(spec.parent);
  out.text(spec.stack);
  out.u64((spec.stack_is_guess ? 1u : 0u) | (spec.requires_approval ? 2u : 0u));
  out.text(spec.role);
  out.text(spec.first_state);
  out.text(spec.until_state);
  out.text(spec.tenant);
  out.texts(spec.capabilities);
  out.texts(spec.permissions);
  out.u64(spec.depends_on.size());
  for (const TaskId id : spec.depends_on) out.bits(id);
  out.u64(spec.labels.size());
  for (const auto& [key, value] : spec.labels) {
    out.text(key);
    out.text(value);
  }
  out.i64(spec.priority);
  out.i64(spec.max_attempts);
  out.time(spec.created);
  out.time(spec.not_before);
  out.time(spec.deadline);
  out.bits(spec.key);
  out.fixed(spec.content_digest);
  if (!spec.terms) return;
  out.i64(spec.terms->budget_nanos);
  for (const auto time : {spec.terms->schedule_to_start, spec.terms->start_to_close, spec.terms->heartbeat}) out.i64(time.count());
  out.text(spec.terms->concurrency_key);
  out.i64(spec.terms->concurrency_max);
}

std::optional<TaskSpec> decode_spec(std::string_view bytes) {
  Reader in(bytes);
  const std::uint64_t version = in.u64();
  if (version != kVersion && version != kSpecWithTerms) return std::nullopt;
  TaskSpec spec;
  spec.id = in.bits<TaskId>();
  spec.number = in.u64();
  spec.parent = in.bits<TaskId>();
  spec.stack = in.text();
  const std::uint64_t flags = in.u64();
  spec.stack_is_guess = (flags & 1) != 0;
  spec.requires_approval = (flags & 2) != 0;
  spec.role = in.text();
  spec.first_state = in.text();
  spec.until_state = in.text();
  spec.tenant = in.text();
  spec.capabilities = in.texts();
  spec.permissions = in.texts();
  spec.depends_on.resize(in.count());
  for (auto& id : spec.depends_on) id = in.bits<TaskId>();
  for (std::size_t n = in.count(); n > 0; --n) {
    auto key = in.text();
    spec.labels.emplace(std::move(key), in.text());
  }
  spec.priority = in.small();
  spec.max_attempts = in.small();
  spec.created = in.time();
  spec.not_before = in.time();
  spec.deadline = in.time();
  spec.key = in.bits<KeyHash>();
  spec.content_digest = in.fixed();
  if (version == kSpecWithTerms) {
    TaskTerms terms;
    terms.budget_nanos = in.i64();
    for (auto* time : {&terms.schedule_to_start, &terms.start_to_close, &terms.heartbeat}) *time = std::chrono::milliseconds(in.i64());
    terms.concurrency_key = in.text();
    terms.concurrency_max = in.small();
    spec.terms = std::make_shared<TaskTerms>(terms);
  }
  return checked(in, std::move(spec));
}

void encode(Writer& out, const Artifact& artifact) {
  out.text(artifact.name);
  out.text(artifact.sha256);
  out.u64(artifact.bytes);
  out.i64(artifact.attempt);
  out.text(artifact.agent);
  out.time(artifact.at);
  out.u64(artifact.accepted ? 1 : 0);
  out.texts(artifact.breaches);
  out.texts(artifact.fulfils);
}

Artifact read_artifact(Reader& in) {
  Artifact out;
  out.name = in.text();
  out.sha256 = in.text();
  out.bytes = in.u64();
  out.attempt = in.small();
  out.agent = in.text();
  out.at = in.time();
  out.accepted = in.u64() != 0;
  out.breaches = in.texts();
  out.fulfils = in.texts();
  return out;
}

void encode(Writer& out, const TaskState& state) {
  out.u64(state.artifacts ? kStateWithArtifacts : state.cancel ? kStateWithCancel : kVersion);
  out.u64(static_cast<std::uint64_t>(state.status));
  out.u64(static_cast<std::uint64_t>(state.blocked));
  out.u64(state.approved ? 1 : 0);
  out.text(state.workflow_state);
  out.text(state.role);
  out.text(state.reason);
  out.i64(state.attempts_counted);
  out.i64(state.attempt);
  out.i64(state.attempts_in_state);
  out.u64(state.leases_granted);
  out.text(state.lease.agent);
  out.bits(state.lease.token);
  out.texts(state.lease.rules_given);
  out.texts(state.lease.rules_held_out);
  out.u64(state.results.size());
  for (const auto& result : state.results) {
    out.bits(result.token);
    out.fixed(result.digest);
    out.u64(static_cast<std::uint64_t>(result.status_after));
  }
  out.u64(state.rounds.size());
  for (const auto& edge : state.rounds) {
    out.text(edge.from);
    out.text(edge.to);
    out.i64(edge.taken);
  }
  out.u64(state.feedback_count);
  out.u64(state.history_count);
  out.time(state.updated);
  out.time(state.not_before);
  out.u64(state.version);
  if (state.artifacts) out.u64(state.cancel ? 1 : 0);
  if (state.cancel) encode(out, *state.cancel);
  if (!state.artifacts) return;
  out.u64(state.artifacts->size());
  for (const auto& artifact : *state.artifacts) encode(out, artifact);
}

std::optional<TaskState> decode_state(std::string_view bytes) {
  Reader in(bytes);
  const std::uint64_t version = in.u64();
  if (version < kVersion || version > kStateWithArtifacts) return std::nullopt;
  TaskState state;
  state.status = static_cast<TaskStatus>(in.u64());
  state.blocked = static_cast<Blocked>(in.u64());
  state.approved = in.u64() != 0;
  state.workflow_state = in.text();
  state.role = in.text();
  state.reason = in.text();
  state.attempts_counted = in.small();
  state.attempt = in.small();
  state.attempts_in_state = in.small();
  state.leases_granted = static_cast<std::uint32_t>(in.u64());
  state.lease.agent = in.text();
  state.lease.token = in.bits<LeaseToken>();
  state.lease.rules_given = in.texts();
  state.lease.rules_held_out = in.texts();
  state.results.resize(in.count());
  for (auto& result : state.results) {
    result.token = in.bits<LeaseToken>();
    result.digest = in.fixed();
    result.status_after = static_cast<TaskStatus>(in.u64());
  }
  state.rounds.resize(in.count());
  for (auto& edge : state.rounds) {
    edge.from = in.text();
    edge.to = in.text();
    edge.taken = in.small();
  }
  state.feedback_count = static_cast<std::uint32_t>(in.u64());
  state.history_count = static_cast<std::uint32_t>(in.u64());
  state.updated = in.time();
  state.not_before = in.time();
  state.version = in.u64();
  const bool with_wish = version == kStateWithCancel || (version == kStateWithArtifacts && in.u64() != 0);
  if (with_wish) state.cancel = decode_wish(in);
  if (version == kStateWithArtifacts) {
    Artifacts artifacts(in.count());
    for (auto& artifact : artifacts) artifact = read_artifact(in);
    state.artifacts = std::make_shared<const Artifacts>(std::move(artifacts));
  }
  const bool known = state.status >= TaskStatus::Blocked && state.status <= TaskStatus::Dead &&
                     state.blocked <= Blocked::Concurrency;
  if (!known) return std::nullopt;
  return checked(in, std::move(state));
}

void encode(Writer& out, const InputTexts& texts) {
  out.u64(texts.constraints.empty() ? kVersion : kInputWithConstraints);
  out.text(texts.description);
  out.text(texts.context);
  if (!texts.constraints.empty()) out.texts(texts.constraints);
}

std::optional<InputTexts> decode_input(std::string_view bytes) {
  Reader in(bytes);
  const auto version = in.u64();
  if (version != kVersion && version != kInputWithConstraints) return std::nullopt;
  InputTexts texts;
  texts.description = in.text();
  texts.context = in.text();
  if (version == kInputWithConstraints) texts.constraints = in.texts();
  return checked(in, std::move(texts));
}

void encode(Writer& out, const Feedback& entry) {
  out.u64(kVersion);
  out.i64(entry.attempt);
  out.text(entry.role);
  out.text(entry.status);
  out.text(entry.text);
}

std::optional<Feedback> decode_feedback(std::string_view bytes) {
  Reader in(bytes);
  if (!read_version(in)) return std::nullopt;
  Feedback entry;
  entry.attempt = in.small();
  entry.role = in.text();
  entry.status = in.text();
  entry.text = in.text();
  return checked(in, std::move(entry));
}

void encode(Writer& out, const Transition& entry) {
  out.u64(kVersion);
  out.time(entry.at);
  out.u64(static_cast<std::uint64_t>(entry.from));
  out.u64(static_cast<std::uint64_t>(entry.to));
  out.i64(entry.attempt);
  out.text(entry.actor);
  out.text(entry.reason);
  out.text(entry.workflow_state);
}

std::optional<Transition> decode_transition(std::string_view bytes) {
  Reader in(bytes);
  if (!read_version(in)) return std::nullopt;
  Transition entry;
  entry.at = in.time();
  entry.from = static_cast<TaskStatus>(in.u64());
  entry.to = static_cast<TaskStatus>(in.u64());
  entry.attempt = in.small();
  entry.actor = in.text();
  entry.reason = in.text();
  entry.workflow_state = in.text();
  return checked(in, std::move(entry));
}

void encode(Writer& out, const GoldenRule& rule) {
  const bool checks = !rule.must_not_match.empty() || !rule.must_match.empty();
  out.u64(checks ? kRuleWithChecks : kVersion);
  out.text(rule.id);
  out.text(rule.stack);
  out.text(rule.role);
  out.text(rule.text);
  out.u64(rule.active ? 1 : 0);
  out.i64(rule.effect_ppm);
  out.u64(rule.version);
  if (!checks) return;
  out.text(rule.must_not_match);
  out.text(rule.must_match);
}

std::optional<GoldenRule> decode_rule(std::string_view bytes) {
  Reader in(bytes);
  const auto version = in.u64();
  if (version != kVersion && version != kRuleWithChecks) return std::nullopt;
  GoldenRule rule;
  rule.id = in.text();
  rule.stack = in.text();
  rule.role = in.text();
  rule.text = in.text();
  rule.active = in.u64() != 0;
  rule.effect_ppm = in.i64();
  rule.version = in.u64();
  if (version == kRuleWithChecks) {
    rule.must_not_match = in.text();
    rule.must_match = in.text();
  }
  return checked(in, std::move(rule));
}

void encode(Writer& out, const Outcome& outcome) {
  out.u64(kVersion);
  out.u64(outcome.sequence);
  out.bits(outcome.task);
  out.i64(outcome.attempt);
  out.text(outcome.stack);
  out.text(outcome.role);
  out.texts(outcome.rules_given);
  out.texts(outcome.rules_held_out);
  out.u64(outcome.success ? 1 : 0);
  out.time(outcome.at);
}

std::optional<Outcome> decode_outcome(std::string_view bytes) {
  Reader in(bytes);
  if (!read_version(in)) return std::nullopt;
  Outcome outcome;
  outcome.sequence = in.u64();
  outcome.task = in.bits<TaskId>();
  outcome.attempt = in.small();
  outcome.stack = in.text();
  outcome.role = in.text();
  outcome.rules_given = in.texts();
  outcome.rules_held_out = in.texts();
  outcome.success = in.u64() != 0;
  outcome.at = in.time();
  return checked(in, std::move(outcome));
}

void encode(Writer& out, const DispatchState& state) {
  out.u64(kVersion);
  out.u64(state.halted ? 1 : 0);
  out.text(state.reason);
  out.text(state.by);
  out.time(state.since);
}

std::optional<DispatchState> decode_dispatch(std::string_view bytes) {
  Reader in(bytes);
  if (!read_version(in)) return std::nullopt;
  DispatchState state;
  state.halted = in.u64() != 0;
  state.reason = in.text();
  state.by = in.text();
  state.since = in.time();
  return checked(in, std::move(state));
}

void encode(Writer& out, const Hold& hold) {
  out.u64(kVersion);
  out.u64(static_cast<std::uint64_t>(hold.kind));
  out.text(hold.name);
  out.text(hold.reason);
  out.text(hold.by);
  out.time(hold.since);
}

std::optional<Hold> decode_hold(std::string_view bytes) {
  Reader in(bytes);
  if (!read_version(in)) return std::nullopt;
  Hold hold;
  hold.kind = static_cast<HoldKind>(in.u64());
  hold.name = in.text();
  hold.reason = in.text();
  hold.by = in.text();
  hold.since = in.time();
  if (hold.kind < HoldKind::Agent || hold.kind > HoldKind::Tenant) return std::nullopt;
  return checked(in, std::move(hold));
}

}  // namespace swarm::orchestrator::codec
