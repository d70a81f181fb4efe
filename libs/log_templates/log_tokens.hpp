#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace swarm::log_templates {

/// Cuts a log line into words, values (`<*>`) and what separates them, in order. Numbers, dates, paths, addresses,
/// values of key=value pairs and names of users are values; runs of values are one.
class LogTokens {
 public:
  static constexpr std::size_t kTokensMax = 256;
  const std::vector<std::string_view>& cut(std::string_view line);

 private:
  // Each takes what begins at `at` and gives where it ends.
  std::size_t separators(std::size_t at);
  std::size_t word(std::size_t at);
  bool compares(std::string_view piece, std::size_t end) const;
  bool closes_repeated_value(std::size_t at);
  std::size_t brackets_end(std::size_t at) const;
  std::size_t hex_groups(std::size_t at) const;
  bool is_host(std::string_view text, std::size_t end) const;
  void add(std::string_view token);

  std::string_view line_;
  std::vector<std::string_view> tokens_;
};

bool is_log_value(std::string_view token);
/// A word, i.e. neither a value nor a separator.
bool is_log_word(std::string_view token);
/// Looks like a name in a program: dotted, with underscores or slashes, or in camel case.
bool is_log_identifier(std::string_view token);

}  // namespace swarm::log_templates
