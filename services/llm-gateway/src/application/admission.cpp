#include "application/admission.hpp"

#include <algorithm>
#include <array>

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

/// What a request will count for against its key's tokens a minute until its answer tells.
std::int64_t expected_tokens(const Admission::Wish& wish) {
  const std::uint64_t output = std::min<std::uint64_t>(wish.size.output_tokens_max, 1'000) * wish.size.choices;
  return static_cast<std::int64_t>(wish.size.text_bytes * 2 / 7 + wish.size.flat_tokens + output);
}

Refusal rate_refusal(const Admission::Wish& wish, const RateGauge::Verdict& verdict, RateGauge& gauge, bool of_model) {
  Refusal refusal;
  refusal.reason = RefusalReason::Rate;
  refusal.scope = "key/" + wish.who->name;
  if (of_model) refusal.scope += " on model " + wish.model->name;
  refusal.rate = verdict.reason;
  refusal.rate_wait = verdict.wait;
  refusal.may_wait = gauge.enter_queue(verdict);
  refusal.queue_time = gauge.limits().queue_time;
  refusal.rate_of_model = of_model;
  return refusal;
}

}  // namespace

Result<Admission::Admitted, Refusal> Admission::admit(const Wish& wish) {
  const WallTime now = clock_.wall_now();
  const BootTime boot_now = clock_.boot_now();
  const Price* price = wish.free || !wish.model->price ? nullptr : &*wish.model->price;
  const std::uint64_t known_max = wish.model->output_tokens_max;
  Ask ask;
  ask.priority = wish.who->priority;
  ask.ceiling_known = known_max > 0 || wish.size.output_tokens_max > 0 || wish.size.choices == 0;
  const std::uint64_t output_max = known_max > 0 ? known_max : options_.assumed_output_tokens;
  if (price != nullptr) ask.ceiling = ceiling_cost(*price, wish.size, output_max);
  return books_.with([&](Books& books) -> Result<Admitted, Refusal> {
    std::array<ScopeId, 4> path;
    auto end = std::copy_n(wish.who->scopes.begin(), wish.who->scope_count, path.begin());
    if (!wish.task.empty()) {
      BOOST_OUTCOME_TRY(*end, task_scope(books.ledger, wish.task, now));
      ++end;
    }
    if (price != nullptr) {
      ask.reservation = std::min(ask.ceiling, books.learnt.expected(wish.who->id, wish.model->learnt_id, *price, wish.size, output_max));
    }
    Admitted admitted;
    RateGauge& gauge = books.rates[wish.who->id];
    RateGauge* of_model = books.model_gauge(wish.who->id, wish.model->learnt_id, wish.model->limits);
    admitted.limited = gauge.any();
    admitted.model_limited = of_model != nullptr;
    if (admitted.limited || admitted.model_limited) admitted.tokens = expected_tokens(wish);
    for (RateGauge* limit : {admitted.limited ? &gauge : nullptr, of_model}) {
      if (limit == nullptr) continue;
      const auto verdict = limit->look(boot_now, admitted.tokens);
      if (verdict.reason != RateReason::None) return rate_refusal(wish, verdict, *limit, limit == of_model);
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
    for (RateGauge* limit : {of_model, admitted.limited ? &gauge : nullptr}) {
      if (limit == nullptr) continue;
      limit->begin(boot_now, admitted.tokens);
      admitted.rate = limit->view(boot_now);
    }
    return admitted;
  });
}

void Admission::leave_queue(const Wish& wish, const Refusal& refusal) {
  books_.with([&](Books& books) {
    if (!refusal.rate_of_model) books.rates[wish.who->id].leave_queue();
    else if (RateGauge* gauge = books.model_gauge(wish.who->id, wish.model->learnt_id, wish.model->limits)) gauge->leave_queue();
  });
}

void Admission::top_up(ReservationId id, Money more) {
  books_.with([&](Books& books) { books.ledger.top_up(id, more); });
}

std::optional<Settlement> Admission::settle(const Admitted& admitted, Money cost, const Wish& wish, const Usage& usage) {
  return books_.with([&](Books& books) {
    if (!wish.free && usage.output_total() > 0) books.learnt.learn(wish.who->id, wish.model->learnt_id, wish.size, usage);
    auto settlement = books.ledger.settle(admitted.id, cost);
    // Also of a reservation that was swept: this caller came back after all, and is one less at work.
    const auto used = static_cast<std::int64_t>(usage.input_total() + usage.output_total());
    if (admitted.limited) books.rates[wish.who->id].end(admitted.tokens, used);
    if (admitted.model_limited) {
      if (RateGauge* gauge = books.model_gauge(wish.who->id, wish.model->learnt_id, wish.model->limits)) gauge->end(admitted.tokens, used);
    }
    return settlement;
  });
}

}  // namespace swarm::gateway
