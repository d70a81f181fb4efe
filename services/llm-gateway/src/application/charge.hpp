#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "application/admission.hpp"
#include "application/probe.hpp"

namespace swarm::gateway {

/// One admitted request's debt. Settled exactly once in every ending: by settle(), or by the destructor, which charges
/// what is known of a request whose caller left or whose work was cancelled. Belongs to one thread.
class Charge {
 public:
  struct Names {
    std::string request_id;
    std::string task;
    std::string upstream;
    std::string prompt;                  // as much of it as the usage row is to hold
    std::vector<std::string> findings;   // of the privacy guard
  };
  Charge(Admission& admission, Probe& probe, Admission::Wish wish, Admission::Admitted admitted, Names names);
  ~Charge();
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;

  /// Another upstream is asked in place of the one before, which has cost nothing.
  void moved_to(std::string_view upstream) { names_.upstream = upstream; }
  /// For the explanation: what the privacy guard found so far.
  void found(std::vector<std::string> findings) { names_.findings = std::move(findings); }
  /// For the explanation: one more try.
  void attempted(const std::string& upstream, int status, std::string_view fault);
  /// The upstream has taken the request: from now on it may cost.
  void sent() { sent_ = true; }
  /// Text that was generated so far, for streams: raises the reservation as needed, and the estimate of an early end.
  void generated(std::uint64_t text_bytes, std::uint64_t text_events);
  /// What the request cost by `usage`, or by an estimate when there is none and something was sent.
  Money settle(Ending ending, int status, std::optional<Usage> usage);
  bool settled() const { return settled_; }
  const Admission::Admitted& admitted() const { return admitted_; }
  /// What was settled.
  const Usage& usage() const { return usage_; }
  Money cost() const { return cost_; }

 private:
  Usage estimate() const;
  void explain(const UsageRow& row);

  Admission& admission_;
  Probe& probe_;
  Admission::Wish wish_;
  Admission::Admitted admitted_;
  Names names_;
  BootTime begin_;
  std::vector<Attempt> attempts_;
  std::uint64_t output_bytes_ = 0;
  Money reserved_;
  Usage usage_;
  Money cost_;
  bool sent_ = false;
  bool settled_ = false;
};

}  // namespace swarm::gateway
