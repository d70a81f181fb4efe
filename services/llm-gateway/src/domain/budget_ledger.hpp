#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "domain/budget_account.hpp"
#include "domain/rate_limit.hpp"
#include "libs/base/result.hpp"

namespace swarm::gateway {

/// Scopes nest: a request is paid from global, from its key's team, from its key and from its task, all at once.
enum class ScopeLevel : std::uint8_t { Global, Team, Key, Task };
inline constexpr int kScopeLevels = 4;
inline constexpr std::size_t kAccountsMax = kScopeLevels * kWindowKinds;

inline constexpr std::size_t kScopeBytesMax = 160;
/// "global", "team/<name>", "key/<name>" or "task/<id>"; nothing for anything else, or with control characters.
std::optional<ScopeLevel> scope_level(std::string_view scope);

using ScopeId = std::uint32_t;

struct ReservationId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;  // 0: none
};

struct Refusal {
  RefusalReason reason = RefusalReason::Exhausted;
  std::string scope;
  WindowKind window = WindowKind::Day;
  Money limit;
  Money spent;
  WallTime resets{};
  RateReason rate = RateReason::None;
  std::chrono::nanoseconds rate_wait{};
  RateView rate_view;                 // of the limit
  bool may_wait = false;              // the limit has a queue, in which the request now stands
  std::chrono::milliseconds queue_time{};
  std::size_t queue_ahead = 0;        // requests that stand there before it
};

/// One account, wherever it lies; stale after its scope was dropped.
struct AccountRef {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
};

/// Bit of an account in a settlement's mask.
std::uint16_t mask_bit(ScopeLevel level, WindowKind window);

/// What a reservation became: the row that the journal writes, as far as the ledger knows it.
struct Settlement {
  Money cost;
  WallTime reserved_at{};
  std::uint16_t mask = 0;  // mask_bit of each account that was charged
  std::uint8_t count = 0;
  std::array<AccountRef, kAccountsMax> accounts{};
};

/// A look at one account for reports.
struct AccountView {
  std::string scope;
  BudgetAccount account;
  SpendState state;
};

/// A reservation whose caller never came back, charged its ceiling: nobody knows what it really cost, and a ledger may
/// count too much but never too little.
struct Abandoned {
  Settlement settlement;
  std::string team;  // empty: none, likewise key and task
  std::string key;
  std::string task;
};

/// A part of all scopes.
struct ViewPage {
  std::vector<AccountView> views;
  std::optional<ScopeId> next;  // nothing: that was all
};

/// What a refill of one account's durable debit should become.
struct AllotmentPlan {
  AccountRef account;
  std::string scope;
  WindowKind window;
  Money allotment;
};

/// Of several plans for one account only the last: what could not be written so far and what is planned since.
void keep_newest(std::vector<AllotmentPlan>& plans);

/// The tree of budgets: reserve → (top up) → settle, in every scope and window in one step, without I/O and (once warm)
/// without allocation. Pure and single-threaded: its owner holds one lock around each call.
class BudgetLedger {
 public:
  struct Bounds {
    std::size_t reservations_max = 65'536;
    std::size_t scopes_max = 100'000;
  };
  BudgetLedger() : BudgetLedger(Bounds{}) {}
  explicit BudgetLedger(Bounds bounds);

  /// The scope of that name. A new one has an unlimited window of its level's kind (a task: total, others: day).
  /// When scopes_max is reached, the task scopes without a limit that were idle longest are dropped first.
  /// Errors: InvalidArgument (not a scope's name), ResourceExhausted.
  Result<ScopeId> scope(std::string_view name, WallTime now);
  std::optional<ScopeId> find(std::string_view name) const;
  /// Creates or changes the window of that kind; what was spent in it stays.
  void set_limit(ScopeId scope, const Limit& limit, WallTime now);

  /// No limit of that kind any more: the scope only counts, and may be dropped when idle.
  void drop_limit(ScopeId scope, WindowKind window);
  /// Adds `lift` to every limit of the scope until then; nothing ends it early. False when the scope has no limit.
  bool set_override(ScopeId scope, Money lift, WallTime until, WallTime now);
  /// Enters windows and ends overrides whose time has come, so that watchers hear of a scope that opens again though nobody
  /// asks it. Costs nothing unless something is due.
  void tick(WallTime now);

  /// Takes the ask from every account of the path or from none of them.
  Result<ReservationId, Refusal> reserve(std::span<const ScopeId> path, const Ask& ask, WallTime now,
                                         BootTime deadline);
  /// A stream outgrew its reservation: moves up to `more` from its slack to what it reserves.
  void top_up(ReservationId id, Money more);
  /// Ends the reservation with what it really cost; nothing if it had ended already.
  std::optional<Settlement> settle(ReservationId id, Money cost);
  /// Settles reservations whose deadline has passed. Looks at the next `looked_max` slots only, so that the lock is
  /// short; call it again and again.
  std::vector<Abandoned> sweep(BootTime now, std::size_t looked_max, std::size_t settled_max);
  Money ceiling(ReservationId id) const;
  /// The account of the reservation with the least left above it; the one that would have refused first.
  std::optional<AccountView> tightest(ReservationId id) const;

  /// The settlement's row is on disk.
  void journaled(const Settlement& settlement);
  /// Accounts whose durable debit should change: raised at once when over half used, lowered by halves when idle.
  /// `idle_tick`: true about once a second. An account that is to be lowered has the lower one from now on.
  std::vector<AllotmentPlan> plan_allotments(bool idle_tick);
  void allotted(const AllotmentPlan& plan);
  /// While true, scopes with fail_open are not held to their allotment.
  void set_journal_failing(bool failing) { journal_failing_ = failing; }

  /// After a start: what the disk knows of a window that may still be current.
  void restore(ScopeId scope, WindowKind window, WallTime window_start, Money settled, Money unknown_crash,
               Money forgiven, std::uint64_t requests, WallTime now);

  /// Starts the scope's current windows again at zero; returns what was forgiven in each.
  struct Reset {
    AccountRef account;
    WindowKind window;
  };
  std::vector<std::pair<Reset, Money>> reset(ScopeId scope, WallTime now);

  std::vector<AccountView> view(std::string_view prefix, WallTime now) const;
  /// The windows of one scope.
  std::vector<AccountView> view_scope(ScopeId scope, WallTime now) const;
  /// The windows of the next scopes whose name begins so, looking at no more than `scopes_max` from `from` on.
  ViewPage view_page(std::string_view prefix, ScopeId from, std::size_t scopes_max, WallTime now) const;
  /// Names of scopes whose limit or state changed or that were reset, since the last call.
  std::vector<std::string> take_changed();
  std::size_t in_flight() const { return in_flight_; }
  std::size_t scopes() const { return names_.size(); }
  const Bounds& bounds() const { return bounds_; }
  /// Recounts everything; true when every account's sums fit its open reservations.
  bool consistent() const;

 private:
  struct Slot {
    std::uint32_t generation = 1;
    bool open = false;
    std::uint8_t count = 0;
    Money ceiling;
    WallTime reserved_at{};
    BootTime deadline{};
    struct Part {
      std::uint32_t account;
      WallTime window_start;
      Money amount;
    };
    std::array<Part, kAccountsMax> parts;
  };
  struct Scope {
    std::string name;
    ScopeLevel level = ScopeLevel::Global;
    std::uint64_t last_used = 0;
    std::array<std::int32_t, kWindowKinds> accounts{-1, -1, -1, -1};
    bool live = false;
    bool changed = false;
    bool kept = false;  // has or had a limit: never dropped
  };
  struct Cell {
    BudgetAccount account;
    ScopeId scope;
    std::uint32_t generation;
    SpendState reported = SpendState::Ok;
    bool planned = false;  // waits in to_plan_
  };

  std::uint32_t add_account(ScopeId scope, const Limit& limit, WallTime now);
  void note_state(Cell& cell);
  void mark_changed(ScopeId scope);
  void want_plan(std::uint32_t index);
  bool drop_idle_task();
  void free_scope(ScopeId scope);
  void append_views(const Scope& scope, WallTime now, std::vector<AccountView>& views) const;
  Refusal refused(const Cell& cell, RefusalReason reason) const;
  const Slot* slot(ReservationId id) const;
  std::uint32_t take_slot();

  Bounds bounds_;
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };

  std::unordered_map<std::string, ScopeId, NameHash, std::equal_to<>> names_;
  std::deque<Scope> scopes_;
  std::deque<Cell> cells_;
  std::deque<Slot> slots_;
  std::vector<ScopeId> free_scopes_;
  std::vector<std::uint32_t> free_cells_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<std::uint32_t> to_plan_;
  std::vector<AllotmentPlan> dropped_;  // debits of dropped scopes, to be given back
  std::vector<ScopeId> changed_;
  std::uint64_t use_count_ = 0;
  std::size_t in_flight_ = 0;
  std::size_t sweep_at_ = 0;
  WallTime next_due_ = WallTime::max();  // of tick()
  bool journal_failing_ = false;
};

}  // namespace swarm::gateway
