#include "application/admission.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace swarm::gateway {
namespace {

Result<ScopeId, Refusal> task_scope(BudgetLedger& ledger, std::string_view task, WallTime now) {
  // Task ids are short (the front door sees to it), so that the name needs no allocation.
  std::array<char, 160> name;
  static constexpr std::string_view kPrefix = "task/";
  task = task.substr(0, name.size() - kPrefix.size());
  auto* end = std::copy(kPrefix.begin(), kPrefix.end(), name.begin());
  end = std::copy(task.begin(), task.end(), end);
  const auto id = ledger.scope(std::string_view(name.data(), static_cast<std::size_t>(end - name.begin())), now);
  if (id) return id.value();
  Refusal refusal;
  refusal.reason = RefusalReason::TooMany;
  refusal.scope = "task";
  return refusal;
}

/// The most that the provider makes of the request's prompt, as far as something bounds it; otherwise as is assumed.
RequestSize bounded(const Admission::Wish& wish, std::uint64_t assumed_input_tokens) {
  RequestSize size = wish.size;
  if (size.bound == PromptBound::Text) return size;
  size.unseen_tokens += wish.model->input_tokens_max > 0 ? wish.model->input_tokens_max : assumed_input_tokens;
  return size;
}

bool is_bounded(const Admission::Wish& wish) {
  const bool output = wish.model->output_tokens_max > 0 || wish.size.output_tokens_max > 0 || wish.size.choices == 0;
  const bool input = wish.size.bound == PromptBound::Text || (wish.size.bound == PromptBound::Context && wish.model->input_tokens_max > 0);
  return output && input;
}

/// What a request will count for against its key's tokens a minute until its answer tells.
std::int64_t expected_tokens(const Admission::Wish& wish) {
  const std::uint64_t output = std::min<std::uint64_t>(wish.size.output_tokens_max, 1'000) * wish.size.choices;
  return static_cast<std::int64_t>(wish.size.text_bytes * 2 / 7 + wish.size.flat_tokens + output);
}

Refusal refused_by(RateGauge& gauge, const Admission::Wish& wish, const RateGauge::Verdict& verdict, BootTime now, bool of_model) {
  Refusal refusal;
  refusal.reason = RefusalReason::Rate;
  refusal.scope = "key/" + wish.who->name;
  if (of_model) refusal.scope += " on model " + wish.model->name;
  refusal.rate = verdict.reason;
  refusal.rate_wait = verdict.wait;
  refusal.rate_view = gauge.view(now);
  refusal.queue_time = gauge.limits().queue_time;
  refusal.queue_ahead = verdict.ahead;
  return refusal;
}

}  // namespace

/// What limits a request: null where nothing does.
struct Admission::Limits {
  RateGauge* of_key = nullptr;
  RateGauge* of_model = nullptr;

  bool any() const { return of_key != nullptr || of_model != nullptr; }
  /// Who is next in each queue now.
  std::array<Turn, 2> first() const { return {of_key != nullptr ? of_key->first() : 0, of_model != nullptr ? of_model->first() : 0}; }
};

Admission::Limits Admission::limits_of(Books& books, const Wish& wish) {
  RateGauge& of_key = books.rates[wish.who->id];
  return {of_key.any() ? &of_key : nullptr, books.model_gauge(wish.who->id, wish.model->learnt_id, wish.model->limits)};
}

/// Who is next in the queues that it leaves.
std::array<Turn, 2> Admission::take_out(Books& books, const Wish& wish, Places& places) {
  // A key may have lost its limits meanwhile, and may get others later: its gauge stays.
  RateGauge& of_key = books.rates[wish.who->id];
  of_key.leave_queue(places.of_key);
  RateGauge* of_model = books.model_gauge(wish.who->id, wish.model->learnt_id, wish.model->limits);
  if (of_model != nullptr) of_model->leave_queue(places.of_model);
  places = Places{};
  return {of_key.first(), of_model != nullptr ? of_model->first() : 0};
}

std::optional<Refusal> Admission::rate_refusal(Books& books, const Limits& limits, const Wish& wish, BootTime now, std::int64_t tokens, Places& places) {
  const std::pair<RateGauge*, Turn*> all[] = {{limits.of_key, &places.of_key}, {limits.of_model, &places.of_model}};
  for (const auto& [gauge, turn] : all) {
    if (gauge == nullptr) continue;
    const auto verdict = gauge->look(now, tokens, *turn);
    if (verdict.reason == RateReason::None) continue;
    const bool of_model = gauge == limits.of_model;
    // What the key would let through now must not keep others of the key from passing while it waits for its model.
    if (of_model && places.of_key != 0) limits.of_key->leave_queue(std::exchange(places.of_key, 0));
    Refusal refusal = refused_by(*gauge, wish, verdict, now, of_model);
    if (*turn == 0 && gauge->enter_queue(verdict, tokens, books.last_turn + 1)) *turn = ++books.last_turn;
    refusal.may_wait = *turn != 0;
    return refusal;
  }
  return std::nullopt;
}

Result<Admission::Admitted, Refusal> Admission::admit(const Wish& wish, Places& places) {
  const WallTime now = clock_.wall_now();
  const BootTime boot_now = clock_.boot_now();
  const Price* price = wish.free || !wish.model->price ? nullptr : &*wish.model->price;
  const std::uint64_t known_max = wish.model->output_tokens_max;
  Ask ask;
  ask.priority = wish.who->priority;
  const RequestSize size = bounded(wish, options_.assumed_input_tokens);
  ask.ceiling_known = is_bounded(wish);
  const std::uint64_t output_max = known_max > 0 ? known_max : options_.assumed_output_tokens;
  if (price != nullptr) ask.ceiling = ceiling_cost(*price, size, output_max);
  std::array<Turn, 2> next{};
  auto result = books_.with([&](Books& books) -> Result<Admitted, Refusal> {
    std::array<ScopeId, 4> path;
    auto end = std::copy_n(wish.who->scopes.begin(), wish.who->scope_count, path.begin());
    if (!wish.task.empty()) {
      BOOST_OUTCOME_TRY(*end, task_scope(books.ledger, wish.task, now));
      ++end;
    }
    if (price != nullptr) {
      ask.reservation = std::min(ask.ceiling, books.learnt.expected(wish.who->id, wish.model->learnt_id, *price, size, output_max));
    }
    Admitted admitted;
    const Limits limits = limits_of(books, wish);
    admitted.limited = limits.of_key != nullptr;
    admitted.model_limited = limits.of_model != nullptr;
    if (limits.any()) {
      admitted.tokens = expected_tokens(wish);
      const Turn held = places.of_key;
      auto refusal = rate_refusal(books, limits, wish, boot_now, admitted.tokens, places);
      if (held != 0 && places.of_key == 0) next = limits.first();
      if (refusal) return std::move(*refusal);
    }
    const std::span<const ScopeId> scopes(path.begin(), end);
    BOOST_OUTCOME_TRY(admitted.id, books.ledger.reserve(scopes, ask, now, boot_now + options_.reservation_time));
    admitted.reserved = ask.reservation;
    admitted.ceiling = ask.ceiling;
    if (explanations_.wanted()) {
      if (auto least = books.ledger.tightest(admitted.id)) {
        const BudgetAccount& account = least->account;
        admitted.tightest = {std::move(least->scope), account.limit.window, account.allowed(), account.spent(), account.remaining()};
      }
    }
    for (RateGauge* limit : {limits.of_model, limits.of_key}) {
      if (limit == nullptr) continue;
      limit->begin(boot_now, admitted.tokens);
      admitted.rate = limit->view(boot_now);
    }
    if (places.next() != 0) next = take_out(books, wish, places);
    return admitted;
  });
  for (const Turn turn : next) bell_.ring(turn);
  return result;
}

void Admission::leave(const Wish& wish, Places& places) {
  if (places.next() == 0) return;
  const auto next = books_.with([&](Books& books) { return take_out(books, wish, places); });
  for (const Turn turn : next) bell_.ring(turn);
}

void Admission::top_up(ReservationId id, Money more) {
  books_.with([&](Books& books) { books.ledger.top_up(id, more); });
}

std::optional<Settlement> Admission::settle(const Admitted& admitted, Money cost, const Wish& wish, const Usage& usage) {
  std::array<Turn, 2> next{};
  auto settled = books_.with([&](Books& books) {
    if (!wish.free && usage.output_total() > 0) books.learnt.learn(wish.who->id, wish.model->learnt_id, wish.size, usage);
    auto settlement = books.ledger.settle(admitted.id, cost);
    // Also of a reservation that was swept: this caller came back after all, and is one less at work.
    const auto used = static_cast<std::int64_t>(usage.input_total() + usage.output_total());
    if (admitted.limited) {
      RateGauge& gauge = books.rates[wish.who->id];
      gauge.end(admitted.tokens, used);
      next[0] = gauge.first();
    }
    if (admitted.model_limited) {
      if (RateGauge* gauge = books.model_gauge(wish.who->id, wish.model->learnt_id, wish.model->limits)) {
        gauge->end(admitted.tokens, used);
        next[1] = gauge->first();
      }
    }
    return settlement;
  });
  for (const Turn turn : next) bell_.ring(turn);
  return settled;
}

}  // namespace swarm::gateway
