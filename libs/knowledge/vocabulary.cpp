#include "libs/knowledge/vocabulary.hpp"

#include <simdjson.h>

#include <algorithm>

#include "libs/knowledge/knowledge.hpp"

namespace swarm::knowledge {
namespace {

constexpr std::size_t kIriBytesMax = 2'000;
constexpr std::size_t kTextBytesMax = 1u << 20;
constexpr std::string_view kNeverInIri = "<>\"{}|\\^`";

constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool has_scheme(std::string_view iri) {
  const auto colon = iri.find(':');
  if (colon == iri.npos || colon == 0 || !is_letter(iri[0])) return false;
  for (const char c : iri.substr(0, colon)) {
    if (!is_letter(c) && !is_digit(c) && c != '+' && c != '-' && c != '.') return false;
  }
  return true;
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

/// For messages: what can't be printed is encoded.
std::string shown(std::string_view iri) {
  std::string out;
  for (const char c : iri.substr(0, 100)) {
    if (c > 0x20 && c < 0x7f) {
      out += c;
    } else {
      out += percent_encode({&c, 1});
    }
  }
  return out;
}

Error bad_iri(std::string_view iri, const std::string& why) { return {Code::InvalidArgument, "not an IRI, " + why + ": " + shown(iri)}; }

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::string stack_iri(std::string_view stack) { return "http://swarm.os/stack/" + percent_encode(stack); }
std::string agent_iri(std::string_view name) { return "http://swarm.os/agent/" + percent_encode(name); }

std::string role_iri(std::string_view name) { return "http://swarm.os/role/" + percent_encode(name); }

std::string percent_decode(std::string_view text) {
  const auto digit = [](char c) {
    if (is_digit(c)) return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool encoded = text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0;
    out += encoded ? static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])) : text[i];
    if (encoded) i += 2;
  }
  return out;
}

std::string name_of_iri(std::string_view iri) { return percent_decode(iri.substr(iri.find_last_of("/#") + 1)); }

Result<void> check_iri(std::string_view iri) {
  if (iri.size() > kIriBytesMax) return bad_iri(iri, "longer than 2,000 bytes");
  if (!has_scheme(iri)) return bad_iri(iri, "without a scheme");
  for (const char c : iri) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return bad_iri(iri, "with a space or control character");
    if (kNeverInIri.find(c) != kNeverInIri.npos) return bad_iri(iri, std::string("with ") + c);
  }
  if (!is_utf8(iri)) return bad_iri(iri, "without being UTF-8");
  return outcome::success();
}

Result<void> check_text(std::string_view text) {
  if (text.size() > kTextBytesMax) return Error{Code::InvalidArgument, "a text has at most 1 MiB, not " + std::to_string(text.size()) + " bytes"};
  if (text.find('\0') != text.npos) return Error{Code::InvalidArgument, "a text holds a NUL character"};
  if (!is_utf8(text)) return Error{Code::InvalidArgument, "a text is not UTF-8"};
  return outcome::success();
}

std::string storable_text(std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view replacement = "\xEF\xBF\xBD";
  const auto is_continuation = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  auto end = std::min(text.size(), bytes_max);
  if (end < text.size()) {
    while (end > 0 && is_continuation(text[end])) --end;
  }
  text = text.substr(0, end);
  if (text.find('\0') == text.npos && is_utf8(text)) return std::string(text);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    const auto part = text.substr(at, length);
    const bool good = lead != 0 && part.size() == length && is_utf8(part);
    out += good ? part : replacement;
    at += good ? length : 1;
  }
  return out;
}

Result<void> check_statements(const std::vector<Statement>& statements) {
  if (statements.size() > kStatementsPerAddMax) {
    return Error{Code::InvalidArgument, "at most 10,000 statements at once, not " + std::to_string(statements.size())};
  }
  for (const auto& s : statements) {
    BOOST_OUTCOME_TRY(check_iri(s.subject));
    BOOST_OUTCOME_TRY(check_iri(s.predicate));
    BOOST_OUTCOME_TRY(s.object_is_text ? check_text(s.object) : check_iri(s.object));
  }
  return outcome::success();
}

}  // namespace swarm::knowledge
