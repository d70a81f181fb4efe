#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "libs/base/result.hpp"

namespace swarm::settings {

/// A value of the type, or one sentence that says what is expected.
template <class T>
using Parsed = Result<T, std::string>;

Parsed<bool> parse_bool(const std::string& text);
Parsed<std::int64_t> parse_integer(const std::string& text);
Parsed<double> parse_number(const std::string& text);
/// 250ms, 20s, 5m, 1h or 0.
Parsed<std::chrono::milliseconds> parse_duration(const std::string& text);
/// 4096, 64KiB, 16MiB, 2GiB.
Parsed<std::uint64_t> parse_bytes(const std::string& text);

/// The shortest text that the parser reads back as the same value.
std::string show(std::chrono::milliseconds value);
std::string show_bytes(std::uint64_t value);
std::string show(double value);

}  // namespace swarm::settings
