#include "libs/knowledge/synapse/terms.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstdint>

#include "libs/knowledge/vocabulary.hpp"

namespace swarm::knowledge::synapse {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

Error unfit(std::string_view iri, std::string_view why) {
  return {Code::InvalidArgument, "the knowledge store can't keep this IRI, " + std::string(why) + ": " +
                                     std::string(iri.substr(0, 100))};
}

/// RFC 3987 `ucschar`: what an IRI may hold beyond ASCII, outside of a query.
bool is_ucschar(char32_t c) {
  if (c < 0xA0 || (c >= 0xD800 && c < 0xF900)) return false;
  if ((c >= 0xFDD0 && c < 0xFDF0) || (c >= 0xFFF0 && c < 0x10000)) return false;
  return c < 0xE0000 && (c & 0xFFFF) < 0xFFFE;
}

char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t c = length == 1 ? lead : lead & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) c = (c << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3F);
  at += length;
  return c;
}

/// Everything behind the authority. The text is UTF-8 already.
Result<void> check_characters(std::string_view iri) {
  bool fragment = false;
  for (std::size_t i = 0; i < iri.size();) {
    const char c = iri[i];
    if (static_cast<unsigned char>(c) >= 0x80) {
      if (!is_ucschar(next_code_point(iri, i))) return unfit(iri, "with a private or unassigned character");
      continue;
    }
    if (c == '%' && (i + 2 >= iri.size() || hex_value(iri[i + 1]) < 0 || hex_value(iri[i + 2]) < 0)) {
      return unfit(iri, "with an incomplete percent-encoding");
    }
    if (c == '[' || c == ']') return unfit(iri, "with a bracket");
    if (c == '#' && fragment) return unfit(iri, "with a second #");
    fragment = fragment || c == '#';
    ++i;
  }
  return outcome::success();
}

Result<void> check_authority(std::string_view iri, std::string_view authority) {
  const auto colon = std::min(authority.find(':'), authority.size());
  const auto host = authority.substr(0, colon);
  const auto port = authority.substr(std::min(colon + 1, authority.size()));
  const auto host_char = [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~'; };
  if (host.empty() || !std::all_of(host.begin(), host.end(), host_char)) return unfit(iri, "without a plain host name");
  if (port.size() > 5 || !std::all_of(port.begin(), port.end(), is_digit)) return unfit(iri, "with a bad port");
  return outcome::success();
}

void append_utf8(std::string& out, char32_t c) {
  const auto byte = [&](char32_t b) { out += static_cast<char>(b); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xC0 | (c >> 6)), byte(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    byte(0xE0 | (c >> 12)), byte(0x80 | ((c >> 6) & 0x3F)), byte(0x80 | (c & 0x3F));
  } else {
    byte(0xF0 | (c >> 18)), byte(0x80 | ((c >> 12) & 0x3F)), byte(0x80 | ((c >> 6) & 0x3F)), byte(0x80 | (c & 0x3F));
  }
}

const Error kBadTerm{Code::DataLoss, "the knowledge store answered something that is no N-Triples term"};

/// `\uXXXX` or `\UXXXXXXXX`, with `at` on the letter; it ends on the last digit.
bool append_numeric_escape(std::string& out, std::string_view text, std::size_t& at) {
  const std::size_t digits = text[at] == 'u' ? 4 : 8;
  if (at + digits >= text.size()) return false;
  char32_t c = 0;
  for (std::size_t i = 1; i <= digits; ++i) {
    const int value = hex_value(text[at + i]);
    if (value < 0) return false;
    c = (c << 4) | static_cast<char32_t>(value);
  }
  if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return false;
  append_utf8(out, c);
  at += digits;
  return true;
}

/// Unescapes up to the closing quote; `end` is the position behind it.
Result<std::string> quoted(std::string_view text, std::size_t& end) {
  constexpr std::string_view letters = "tbnrf\"'\\";
  constexpr std::string_view meanings = "\t\b\n\r\f\"'\\";
  std::string out;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      end = i + 1;
      return out;
    }
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i >= text.size()) return kBadTerm;
    if (const auto which = letters.find(text[i]); which != letters.npos) {
      out += meanings[which];
    } else if ((text[i] != 'u' && text[i] != 'U') || !append_numeric_escape(out, text, i)) {
      return kBadTerm;
    }
  }
  return kBadTerm;
}

const Error kBadRows{Code::DataLoss, "the knowledge store answered something that is no array of rows"};

Result<Row> parse_row(simdjson::dom::object object) {
  Row row;
  for (const auto field : object) {
    std::string_view value;
    if (field.value.get_string().get(value) != simdjson::SUCCESS) return kBadRows;
    auto term = parse_term(value);
    if (!term) return term.error();
    const auto name = field.key.starts_with('?') ? field.key.substr(1) : field.key;
    row.emplace(name, std::move(term).value());
  }
  return row;
}

}  // namespace

Result<void> check_stored_iri(std::string_view iri) {
  BOOST_OUTCOME_TRY(check_iri(iri));
  BOOST_OUTCOME_TRY(check_characters(iri));
  if (iri.starts_with("urn:")) {
    const auto second = iri.find(':', 4);
    return second != iri.npos && second > 4 && second + 1 < iri.size() ? Result<void>(outcome::success()) : unfit(iri, "without a urn's two parts");
  }
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!iri.starts_with(scheme)) continue;
    const auto rest = iri.substr(scheme.size());
    return check_authority(iri, rest.substr(0, std::min(rest.find_first_of("/?#"), rest.size())));
  }
  return unfit(iri, "which is neither http nor urn");
}

Result<void> check_stored_statements(const std::vector<Statement>& statements) {
  BOOST_OUTCOME_TRY(check_statements(statements));
  for (const auto& s : statements) {
    BOOST_OUTCOME_TRY(check_stored_iri(s.subject));
    BOOST_OUTCOME_TRY(check_stored_iri(s.predicate));
    if (!s.object_is_text) {
      BOOST_OUTCOME_TRY(check_stored_iri(s.object));
    }
  }
  return outcome::success();
}

std::string wire_object(const Statement& statement) {
  return statement.object_is_text ? '"' + statement.object + '"' : statement.object;
}

Result<Term> parse_term(std::string_view text) {
  if (text.starts_with('<') && text.ends_with('>')) return Term{Term::Kind::Iri, std::string(text.substr(1, text.size() - 2)), {}, {}};
  if (text.starts_with("_:")) return Term{Term::Kind::Blank, std::string(text.substr(2)), {}, {}};
  if (!text.starts_with('"')) return kBadTerm;
  std::size_t end = 0;
  BOOST_OUTCOME_TRY(auto value, quoted(text, end));
  Term term{Term::Kind::Text, std::move(value), {}, {}};
  const auto rest = text.substr(end);
  if (rest.starts_with("^^<") && rest.ends_with('>')) {
    term.datatype = rest.substr(3, rest.size() - 4);
  } else if (rest.starts_with('@') && rest.size() > 1) {
    term.language = rest.substr(1);
  } else if (!rest.empty()) {
    return kBadTerm;
  }
  return term;
}

Result<std::vector<Row>> parse_rows(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::array array;
  if (parser.parse(json.data(), json.size()).get_array().get(array) != simdjson::SUCCESS) return kBadRows;
  std::vector<Row> rows;
  rows.reserve(array.size());
  for (const auto element : array) {
    simdjson::dom::object object;
    if (element.get_object().get(object) != simdjson::SUCCESS) return kBadRows;
    auto row = parse_row(object);
    if (!row) return row.error();
    rows.push_back(std::move(row).value());
  }
  return rows;
}

}  // namespace swarm::knowledge::synapse
