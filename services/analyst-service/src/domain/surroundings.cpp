#include "domain/surroundings.hpp"

#include <algorithm>

#include "domain/text_class.hpp"

namespace swarm::analyst::domain {

namespace {

std::size_t digits(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && is_digit(text[end])) ++end;
  return end - at;
}

// `12:34:56`, with fractions and zone. Returns where it ends, 0 if it isn't one.
std::size_t time_end(std::string_view text, std::size_t at) {
  for (int part = 0; part < 3; ++part) {
    if (digits(text, at) != 2) return 0;
    at += 2;
    if (part == 2) break;
    if (at >= text.size() || text[at] != ':') return 0;
    ++at;
  }
  if (at < text.size() && (text[at] == '.' || text[at] == ',')) at += 1 + digits(text, at + 1);
  if (at < text.size() && text[at] == 'Z') return at + 1;
  if (at + 5 < text.size() && (text[at] == '+' || text[at] == '-') && digits(text, at + 1) >= 2) {
    ++at;
    while (at < text.size() && (is_digit(text[at]) || text[at] == ':')) ++at;
  }
  return at;
}

std::size_t stamp_end(std::string_view text) {
  std::size_t at = 0;
  if (digits(text, 0) == 4) {
    if (text.size() < 19 || (text[4] != '-' && text[4] != '/')) return 0;
    if (digits(text, 5) != 2 || text[7] != text[4] || digits(text, 8) != 2) return 0;
    if (text[10] != 'T' && text[10] != ' ') return 0;
    at = 11;
  }
  return time_end(text, at);
}

bool is_level(std::string_view word) {
  for (const std::string_view level : {"ERROR", "error", "WARN", "warn", "WARNING", "warning", "INFO", "info", "DEBUG", "debug", "FATAL", "fatal", "TRACE", "trace"})
    if (word == level) return true;
  return false;
}

}  // namespace

std::string_view without_stamp(std::string_view line) {
  // Exactly one blank belongs to the stamp; more is the tool's own indentation.
  if (line.size() < 8) return line;
  if (is_digit(line.front())) {
    const std::size_t end = stamp_end(line);
    if (end == 0 || (end < line.size() && !is_blank(line[end]))) return line;
    return line.substr(std::min(end + 1, line.size()));
  }
  if (line.front() != '[' || !is_digit(line[1])) return line;
  const std::size_t end = stamp_end(line.substr(1));
  if (end == 0 || end + 1 >= line.size() || line[end + 1] != ']') return line;
  const std::size_t rest = end + 2;
  return line.substr(rest < line.size() && line[rest] == ' ' ? rest + 1 : rest);
}

bool is_runner_line(std::string_view line) {
  switch (line.front()) {
    case '$': return line.starts_with("$ ");
    case 'H': return line.starts_with("HEAD is now at ");
    case '<': return line.ends_with('>') && contains(line, " object at 0x");
    case 'e': return line.starts_with("exit status ") || line.starts_with("exit code ") || line.starts_with("exited with ");
    case 'P': return line.starts_with("Process exited with ") || line.starts_with("Process finished with exit code");
    case '[': return line.starts_with("[exit") || line.starts_with("[Process exited");
    case '#':
      if (!line.starts_with("##[")) return false;
      return !line.starts_with("##[error]") || line.starts_with("##[error]Process completed with exit code");
    case '`': return line.starts_with("```") && line.find_first_of(" `", 3) == std::string_view::npos;
    case 'C': return line.starts_with("Command exited with ") || line.starts_with("Command failed with exit code");
    case 'S': return line == "STDERR:" || line == "STDOUT:";
    case 's': return line == "stderr:" || line == "stdout:";
    case '(': return line.starts_with("(pid ") && line.ends_with(')');
    case 'T': return line.starts_with("The command failed") || line.starts_with("The command exited");
    default: return false;
  }
}

std::string_view without_channel(std::string_view line) {
  for (const std::string_view channel : {"##[error]", "stderr: ", "STDERR: "})
    if (line.starts_with(channel)) return line.substr(channel.size());
  return line;
}

std::size_t label_size(std::string_view line) {
  constexpr std::size_t kLabelMax = 64;
  const bool boxed = line.starts_with('[');
  std::size_t at = boxed ? 1 : 0;
  const std::size_t begin = at;
  bool letter = false;
  for (; at < line.size() && at < kLabelMax && (is_word(line[at]) || line[at] == '-' || line[at] == '.' || line[at] == '/' || line[at] == '@'); ++at)
    letter = letter || is_letter(line[at]);
  if (at == begin || !letter || at >= line.size()) return 0;
  if (boxed) return line[at] == ']' && !is_level(line.substr(begin, at - begin)) ? at + 1 : 0;
  const std::size_t end = at;
  while (at < line.size() && line[at] == ' ') ++at;
  return at > end && at < line.size() && line[at] == '|' ? at + 1 : 0;
}

bool continues(std::string_view line) {
  const auto text = trim_left(line);
  return text.size() < line.size() && (text.starts_with("at ") || text.starts_with("File \""));
}

bool is_log_line(std::string_view line) {
  constexpr std::size_t kLevelWithin = 48;
  if (names_a_run(line)) return true;
  const auto head = line.substr(0, kLevelWithin);
  for (std::size_t at = 0; at < head.size();) {
    std::size_t end = at;
    while (end < head.size() && is_letter(head[end])) ++end;
    if (end > at && head[at] >= 'A' && head[at] <= 'Z' && is_level(head.substr(at, end - at))) return true;
    at = end + 1;
  }
  return false;
}

bool names_a_run(std::string_view line) {
  for (const std::string_view word : {" task ", " job ", " attempt ", " step ", " run "})
    if (contains(line, word)) return true;
  return false;
}

}  // namespace swarm::analyst::domain
