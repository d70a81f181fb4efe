#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/telemetry/trace.hpp"

namespace swarm::trace {

/// As OpenTelemetry numbers them.
enum class SpanKind { Internal = 1, Server = 2, Client = 3 };

/// A piece of work within a trace that is over.
struct FinishedSpan {
  Context context;
  std::array<std::uint8_t, 8> parent{};  // zero: the trace begins here
  std::string name;
  SpanKind kind = SpanKind::Internal;
  WallTime begin{};
  WallTime end{};
  bool failed = false;
  std::vector<std::pair<std::string, std::string>> attributes;  // empty values are left out
};

/// Port: where finished spans go.
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  /// Thread-safe, never waits.
  virtual void take(FinishedSpan span) = 0;
};

/// Null, the default: nowhere. The sink must outlive its use; set null again before it ends.
void send_spans_to(SpanSink* sink);
bool spans_wanted();
/// To the sink, if there is one and the trace is sampled.
void finish(FinishedSpan span);

/// This thread's trace, to take along to another one.
std::optional<Context> copy_of_current();

/// A piece of work from the construction to the destruction. Not thread-safe.
class Span {
 public:
  /// Within `parent`; without one a trace begins.
  Span(std::string_view name, SpanKind kind, const std::optional<Context>& parent, const Clock& clock);
  ~Span();
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

  const Context& context() const { return span_.context; }
  void fail() { span_.failed = true; }

 private:
  FinishedSpan span_;
  const Clock& clock_;
};

}  // namespace swarm::trace
