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
  void chunk(std::string_view text);
  void add(std::string_view token);
  void word(std::string_view text);

  std::vector<std::string_view> tokens_;
};

bool is_log_value(std::string_view token);
/// A word, i.e. neither a value nor a separator.
bool is_log_word(std::string_view token);
/// Looks like a name in a program: dotted, with underscores or slashes, or in camel case.
bool is_log_identifier(std::string_view token);

}  // namespace swarm::log_templates
