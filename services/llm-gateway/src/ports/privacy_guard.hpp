#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::gateway {

/// What is done with a text that a rule finds.
enum class GuardAction : std::uint8_t { Report, Mask, Refuse };
enum class GuardDirection : std::uint8_t { Request, Answer };
std::string_view name(GuardAction action);

/// What a guard found, rule by rule; never the text itself.
struct GuardFinding {
  std::string rule;
  GuardAction action = GuardAction::Report;
  std::uint64_t count = 0;
};
using GuardFindings = std::vector<GuardFinding>;
/// The rule because of which the whole is refused; empty: none.
std::string_view refused_by(const GuardFindings& findings);

/// One stream of events on its way to a caller. What it lets through is whole events, each as it came but for what was masked
/// in its texts; it holds back a bounded end of the text, so that what is split over events is found too. Not thread-safe.
class StreamGuard {
 public:
  virtual ~StreamGuard() = default;
  /// Takes whole events, appends those that may go on to `out`. False: a rule refuses the answer, nothing more may go on.
  virtual bool pass(std::string_view events, std::string& out) = 0;
  /// The stream is over: appends what was held back. False as above.
  virtual bool finish(std::string& out) = 0;
  virtual const GuardFindings& findings() const = 0;
};

/// Port: looks for secrets and personal data by rule. It counts what it finds in metrics. Thread-safe; never waits.
class PrivacyGuard {
 public:
  virtual ~PrivacyGuard() = default;
  virtual const std::string& name() const = 0;
  virtual bool looks_at(GuardDirection direction) const = 0;
  /// Every text in a JSON document. `masked` is the document with what was found masked, byte for byte the same elsewhere;
  /// empty: nothing was to be masked. What is no JSON is left alone.
  virtual GuardFindings check(GuardDirection direction, std::string_view json, std::string& masked) const = 0;
  /// The guard must outlive it.
  virtual std::unique_ptr<StreamGuard> stream() const = 0;
};

}  // namespace swarm::gateway
