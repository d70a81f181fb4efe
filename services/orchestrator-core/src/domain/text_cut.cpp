#include "domain/text_cut.hpp"

#include <algorithm>

namespace swarm::orchestrator {
namespace {

bool inside_character(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
}

}  // namespace

std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && inside_character(text, bytes_max)) --bytes_max;
  return text.substr(0, bytes_max);
}

std::string middle_cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  const auto head = utf8_prefix(text, bytes_max / 4);
  std::size_t tail = text.size() - (bytes_max - bytes_max / 4);
  while (inside_character(text, tail)) ++tail;
  return std::string(head) + "\n[…]\n" + std::string(text.substr(tail));
}

std::string first_line(std::string_view text, std::size_t bytes_max) {
  std::string line(utf8_prefix(text.substr(0, text.find('\n')), bytes_max));
  std::replace_if(line.begin(), line.end(), [](char c) { return c >= 0 && c < ' '; }, ' ');
  return line;
}

}  // namespace swarm::orchestrator
