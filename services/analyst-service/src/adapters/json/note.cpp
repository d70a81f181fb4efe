#include "adapters/json/note.hpp"

#include <simdjson.h>

namespace swarm::analyst::adapters {

namespace {

constexpr int kDepthMax = 4;

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// The message inside one layer of JSON; false when the text is no JSON or holds no text.
bool unwrap(std::string_view text, std::string& message) {
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  const simdjson::padded_string padded(text.data(), text.size());
  if (parser.parse(padded).get(element)) return false;
  simdjson::dom::array list;
  if (!element.get(list)) {
    if (list.begin() == list.end()) return false;
    element = *list.begin();
  }
  for (const char* field : {"message", "error_log", "error", "note"}) {
    simdjson::dom::element inner;
    if (element.is_object() && !element[field].get(inner) && inner.is_string()) {
      element = inner;
      break;
    }
  }
  std::string_view found;
  if (element.get(found)) return false;
  message.assign(found);
  return true;
}

}  // namespace

std::string message_of_note(std::string_view note) {
  std::string message(note);
  for (int depth = 0; depth < kDepthMax; ++depth) {
    const auto text = trim(message);
    if (text.empty() || (text.front() != '"' && text.front() != '[' && text.front() != '{')) break;
    std::string inner;
    if (unwrap(text, inner)) {
      message = std::move(inner);
      continue;
    }
    // The store's literals are quoted without any escaping.
    if (text.size() < 2 || text.front() != '"' || text.back() != '"') break;
    if (!unwrap(text.substr(1, text.size() - 2), inner)) break;
    message = std::move(inner);
  }
  return message;
}

}  // namespace swarm::analyst::adapters
