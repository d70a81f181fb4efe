#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace swarm::trace {

/// A position in a distributed trace (W3C Trace Context, level 1).
struct Context {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> span_id{};
  bool sampled = false;

  bool valid() const;
  /// 32 lower-case hexadecimal digits.
  std::string trace_id_text() const;
  /// The traceparent header of this position.
  std::string traceparent() const;
  /// Same trace, new span.
  Context child() const;
};

/// A new trace with random ids.
Context start();
/// Parses a traceparent header; nothing for a malformed or all-zero one, as the specification asks.
std::optional<Context> parse(std::string_view traceparent);
/// The header's context, or a new trace.
Context continue_or_start(std::string_view traceparent);

/// The context that log lines of this thread carry while the scope lives. Do not hold it over co_await.
class Scope {
 public:
  explicit Scope(const Context& context);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  Context context_;
  const Context* previous_;
};
/// Null outside any scope.
const Context* current();

}  // namespace swarm::trace
