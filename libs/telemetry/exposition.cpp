#include "libs/telemetry/exposition.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace swarm::metrics {
namespace {

bool is_name(std::string_view name, std::string_view also_first) {
  const auto letter = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || also_first.find(c) != std::string_view::npos;
  };
  if (name.empty() || !letter(name.front())) return false;
  for (const char c : name) {
    if (!letter(c) && !(c >= '0' && c <= '9')) return false;
  }
  return true;
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

std::string show(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> buffer;
  return {buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr};
}

}  // namespace

bool is_metric_name(std::string_view name) { return is_name(name, "_:"); }
bool is_label_name(std::string_view name) { return is_name(name, "_") && !name.starts_with("__") && name != "le"; }

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  text_ += "# HELP ";
  text_ += name;
  text_ += ' ';
  append_escaped(text_, help, false);
  text_ += "\n# TYPE ";
  text_ += name;
  text_ += ' ';
  text_ += type;
  text_ += '\n';
}

void Exposition::begin(std::string_view name, std::string_view suffix, const Labels& labels, std::string_view le) {
  text_ += name;
  text_ += suffix;
  char separator = '{';
  const auto label = [&](std::string_view key, std::string_view value) {
    text_ += separator;
    separator = ',';
    text_ += key;
    text_ += "=\"";
    append_escaped(text_, value, true);
    text_ += '"';
  };
  for (const auto& [key, value] : labels) label(key, value);
  if (!le.empty()) label("le", le);
  text_ += separator == '{' ? " " : "} ";
}

void Exposition::sample(std::string_view name, const Labels& labels, double value) {
  begin(name, "", labels);
  text_ += show(value) + "\n";
}

void Exposition::sample(std::string_view name, const Labels& labels, std::uint64_t value) {
  begin(name, "", labels);
  text_ += std::to_string(value) + "\n";
}

void Exposition::histogram(std::string_view name, const Labels& labels, const std::vector<double>& bounds,
                           const std::vector<std::uint64_t>& counts, double sum) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    begin(name, "_bucket", labels, i < bounds.size() ? show(bounds[i]) : "+Inf");
    text_ += std::to_string(total) + "\n";
  }
  begin(name, "_sum", labels);
  text_ += show(sum) + "\n";
  begin(name, "_count", labels);
  text_ += std::to_string(total) + "\n";
}

}  // namespace swarm::metrics
