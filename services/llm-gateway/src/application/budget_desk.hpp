#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "application/books.hpp"
#include "application/spend_loop.hpp"

namespace swarm::gateway {

/// Reports and changes of budgets, for people and for the other services. Thread-safe; changes block until they are
/// durable, so not for request paths.
class BudgetDesk {
 public:
  /// Called with the scope's views whenever its limit or state changed; on the journal's thread, must not block.
  using Watcher = std::function<void(const std::vector<AccountView>&, std::uint64_t sequence)>;

  using LimitHook = std::function<Result<void>(const std::string& scope, const Limit& limit)>;

  BudgetDesk(SharedBooks& books, SpendStore& store, SpendLoop& spend, const Clock& clock)
      : books_(books), store_(store), spend_(spend), clock_(clock) {}

  /// One window of a scope: the one asked for, else its day, else the one it has. NotFound.
  Result<AccountView> current(std::string_view scope, std::optional<WindowKind> window = std::nullopt) const;
  /// Creates or changes a limit; durable when it returns, and stronger than the configuration from then on.
  Result<void> set_limit(const std::string& scope, const Limit& limit);
  /// The same for a limit that came from the swarm's common knowledge: nobody is told of it again.
  Result<void> adopt_limit(const std::string& scope, const Limit& limit);
  /// Called with each limit that was set here, before set_limit returns; its error is set_limit's. Before any thread uses the desk.
  void on_limit_set(LimitHook hook) { limit_set_ = std::move(hook); }
  /// The scope only counts from now on; durable when it returns. Nothing happens when there is none.
  Result<void> drop_limit(const std::string& scope, WindowKind window);
  /// The configuration's limits were those and are these: what changed comes into force, but for limits that were set at run
  /// time. All of it, or nothing when an error comes back.
  Result<void> reconfigure(const std::vector<StoredLimit>& before, const std::vector<StoredLimit>& now);
  struct Override {
    std::string scope;
    Money extra;
    std::chrono::seconds time{};   // 0: ends the one in force
    std::string reason;
    std::string by;
  };
  /// Lets a scope spend more than its limits for a while, in an emergency. It leaves a durable row with who and why, and an
  /// audit line in the log; durable when it returns. InvalidArgument, NotFound (no such scope, or one without a limit).
  Result<void> override_limits(const Override& wish);
  /// At the start: overrides of earlier runs that still count.
  Result<void> load_overrides();
  /// Starts the scope's current windows again at zero; durable when it returns.
  Result<void> reset(const std::string& scope);

  /// A part of all scopes, looking at no more than `scopes_max`.
  ViewPage page(std::string_view prefix, ScopeId from, std::size_t scopes_max) const;
  /// Everything as it is now, in parts.
  void show_all(std::string_view prefix, const Watcher& watcher) const;

  /// Changes from now on. The returned handle ends the watch when it is dropped.
  std::shared_ptr<void> watch(std::string prefix, Watcher watcher);
  /// For SpendLoop's hook.
  void changed(const std::vector<std::string>& scopes);

 private:
  std::vector<AccountView> view(std::string_view scope) const;

  struct Watch {
    std::string prefix;
    Watcher watcher;
  };
  SharedBooks& books_;
  SpendStore& store_;
  SpendLoop& spend_;
  const Clock& clock_;
  LimitHook limit_set_;
  std::mutex changing_;  // one change of limits at a time, so that memory and disk agree
  struct Watches {
    std::map<std::uint64_t, std::weak_ptr<Watch>> all;
    std::uint64_t last_id = 0;
    std::uint64_t sequence = 0;
  };
  async::Guarded<Watches> watches_;
};

}  // namespace swarm::gateway
