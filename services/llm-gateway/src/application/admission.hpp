#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "application/books.hpp"
#include "application/explanations.hpp"
#include "application/key_ring.hpp"
#include "application/spend_loop.hpp"
#include "application/turn_bell.hpp"
#include "domain/catalog.hpp"
#include "libs/base/clock.hpp"

namespace swarm::gateway {

/// Tells requests apart before they cost anything: asks the budgets, waits for a refill of the durable debit where it
/// must, and writes the row when the request has ended. Thread-safe.
class Admission {
 public:
  struct Options {
    std::uint64_t assumed_output_tokens = 32'768;  // ceiling where neither request nor model says
    std::uint64_t assumed_input_tokens = 200'000;  // ceiling of a prompt that the provider completes, where the model does not say
    std::chrono::milliseconds reservation_time = std::chrono::hours(2);
    std::size_t explained_max = 10'000;  // requests whose explanation is kept; 0: none
  };
  struct Wish {
    const Principal* who = nullptr;
    std::string_view task;  // empty: none
    const Model* model = nullptr;
    RequestSize size;
    bool free = false;      // costs nothing, but a dry budget refuses it all the same
  };
  struct Admitted {
    ReservationId id;
    Money reserved;
    Money ceiling;
    std::int64_t tokens = 0;   // that the key's limit was charged with
    bool limited = false;      // the key has limits: `rate` says how far they are used
    bool model_limited = false;  // so has the model, for each key
    RateView rate;             // of the key, or else of the model
    Tightest tightest;
  };

  Admission(SharedBooks& books, SpendLoop& spend, const Clock& clock, Options options)
      : books_(books), spend_(spend), clock_(clock), options_(options), explanations_(options.explained_max) {}

  /// Where a request stands in the queues of its key and of its model; it keeps its places while it asks again.
  struct Places {
    Turn of_key = 0;
    Turn of_model = 0;
    /// In the queue that it waits for first.
    Turn next() const { return of_key != 0 ? of_key : of_model; }
  };

  /// Never waits. NotDurable: co_await spend().refilled() and ask again. Rate with may_wait: the request has a place now; wait
  /// for bell() or for a while and ask again, or leave().
  Result<Admitted, Refusal> admit(const Wish& wish, Places& places);
  /// The request comes out of the queues without having been admitted.
  void leave(const Wish& wish, Places& places);
  TurnBell& bell() { return bell_; }
  void top_up(ReservationId id, Money more);
  /// Ends the reservation and learns from it; nothing if it had ended.
  std::optional<Settlement> settle(const Admitted& admitted, Money cost, const Wish& wish, const Usage& usage);
  SpendLoop& spend() { return spend_; }
  Explanations& explanations() { return explanations_; }
  const Clock& clock() const { return clock_; }

 private:
  struct Limits;
  static Limits limits_of(Books& books, const Wish& wish);
  static std::array<Turn, 2> take_out(Books& books, const Wish& wish, Places& places);
  static std::optional<Refusal> rate_refusal(Books& books, const Limits& limits, const Wish& wish, BootTime now, std::int64_t tokens, Places& places);

  SharedBooks& books_;
  SpendLoop& spend_;
  const Clock& clock_;
  Options options_;
  Explanations explanations_;
  TurnBell bell_;
};

}  // namespace swarm::gateway
