#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "domain/money.hpp"
#include "domain/window.hpp"

namespace swarm::gateway {

/// What one scope may spend in one kind of window.
struct Limit {
  WindowKind window = WindowKind::Day;
  bool unlimited = false;
  Money amount;
  Money overshoot_max;     // most that may ever be spent beyond `amount`; nothing when strict
  bool strict = false;     // reserve the most that a request can cost, so that nothing is ever overspent
  bool fail_open = false;  // go on when spend can't be made durable, instead of refusing
  friend bool operator==(const Limit&, const Limit&) = default;
};

/// One per cent of the limit: what overshoot_max is when nobody chose it.
Money default_overshoot(Money limit);

/// How far a window is used up, by what was spent (not reserved): 80 % warns, 95 % serves only keys with priority.
enum class SpendState : std::uint8_t { Ok, Warned, Protected, Blocked };
std::string_view name(SpendState state);

/// What a request asks of a budget.
struct Ask {
  Money reservation;          // what it is expected to cost
  Money ceiling;              // the most that it can cost; never less than the reservation
  bool ceiling_known = true;  // false: the ceiling is a guess, which strict scopes do not accept
  bool priority = false;
};

enum class RefusalReason : std::uint8_t {
  Exhausted,   // does not fit into what is left of the window
  Protected,   // the rest of the window is for keys with priority
  Busy,        // would fit if requests in flight end below what they hold
  NoCeiling,   // strict, and nothing bounds the cost
  NotDurable,  // would exceed what has been debited durably in advance: wait for a refill
  TooMany,     // no room for another reservation or scope
  Rate,        // the key's own limit of requests, tokens or parallel requests
};
std::string_view name(RefusalReason reason);

/// One scope in one kind of window: the arithmetic of the admission rule. Pure, single-threaded.
///
/// The invariant: spent + reserved + slack <= limit + overshoot_max, where slack is the sum of (ceiling - reserved) in
/// flight. Admission keeps each half of it, and no ending can raise the sum, because a request costs at most its
/// ceiling. When the slack is used up a request reserves more than it expects, up to its ceiling, instead of being
/// refused.
struct BudgetAccount {
  Limit limit;
  WindowSpan span;
  Money settled;        // rows of this window
  Money unknown_crash;  // debited after a crash, not yet reconciled
  Money forgiven;       // by resets
  Money reserved;
  Money slack;
  std::uint64_t requests = 0;  // settled in this window

  // Durability, whatever the window: `exposure` is what a crash now could lose (ceilings in flight and settled rows
  // that are not on disk yet), `allotment` what has been debited for it on disk.
  Money exposure;
  Money exposure_peak;  // since the allotment was last planned
  Money starved;        // ceilings of requests that wait for a refill
  Money allotment;
  Money last_ceiling;

  Money lift;              // of an emergency override: on top of the limit
  WallTime lift_until{};

  BudgetAccount(Limit l, WallTime now) : limit(l), span(window_at(l.window, now)) {}

  Money spent() const { return settled + unknown_crash - forgiven; }
  /// The limit, with what an override in force adds.
  Money allowed() const { return limit.amount + lift; }
  Money remaining() const;
  SpendState state() const;

  /// Enters the next window when `now` lies beyond this one, and ends an override whose time is over. A wall clock that
  /// went back changes nothing.
  void roll(WallTime now);
  /// What the ask would have to reserve here, or why it can't.
  std::optional<RefusalReason> refusal(const Ask& ask, Money& amount) const;
  void hold(Money amount, Money ceiling);
  /// Gives back what hold() took. `same_window`: false when the window has changed since.
  void release(Money amount, Money ceiling, bool same_window);
};

}  // namespace swarm::gateway
