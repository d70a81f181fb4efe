#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "libs/base/result.hpp"

namespace swarm::log {

enum class Level { Debug, Info, Warn, Error };

/// One field of a log line. Never a prompt, a secret or a whole log text.
struct Field {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;

  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  Field(std::string_view k, bool v) : key(k), value(v) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
  template <std::signed_integral I>
  Field(std::string_view k, I v) : key(k), value(static_cast<std::int64_t>(v)) {}
  template <std::unsigned_integral I>
  Field(std::string_view k, I v) : key(k), value(static_cast<std::uint64_t>(v)) {}
};
using Fields = std::initializer_list<Field>;

/// Sets up the process's log: JSON lines on stderr {"ts","level","service","msg",…fields,"trace_id"}, written by one
/// background thread from a bounded queue; when it is full the oldest lines go and a counter says how many.
/// Call once, before any thread. `level` is debug, info, warn or error.
Result<void> start(std::string_view service, std::string_view level);
/// Writes out what is queued. Call last.
void stop();
/// Changes the level at run time.
Result<void> set_level(std::string_view level);
bool enabled(Level level);
/// Lines lost to a full queue so far.
std::uint64_t dropped();

/// Thread-safe, never blocks on the disk. The current trace id (see trace.hpp) is added by itself.
void write(Level level, std::string_view message, Fields fields = {});
inline void debug(std::string_view m, Fields f = {}) { if (enabled(Level::Debug)) write(Level::Debug, m, f); }
inline void info(std::string_view m, Fields f = {}) { if (enabled(Level::Info)) write(Level::Info, m, f); }
inline void warn(std::string_view m, Fields f = {}) { if (enabled(Level::Warn)) write(Level::Warn, m, f); }
inline void error(std::string_view m, Fields f = {}) { if (enabled(Level::Error)) write(Level::Error, m, f); }

}  // namespace swarm::log
