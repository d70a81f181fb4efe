#include "libs/log_templates/template_miner.hpp"

#include <algorithm>
#include <utility>
#include <numeric>

#include "libs/log_templates/splitter.hpp"

namespace swarm::log_templates {

namespace {

constexpr std::size_t kTokenBytesMax = 256;
constexpr std::size_t kSampleBytesMax = 160;

bool fits(const std::vector<Vocabulary::TokenId>& pattern, const std::vector<Vocabulary::TokenId>& tokens) {
  for (std::size_t i = 0; i < pattern.size(); ++i)
    if (pattern[i] != tokens[i] && pattern[i] != Vocabulary::kWild) return false;
  return true;
}

}  // namespace

Vocabulary::Vocabulary() { add(std::string(1, '\0') + "any", false, true); }

Vocabulary::TokenId Vocabulary::add(std::string_view token, bool word, bool identifier) {
  const auto [at, fresh] = ids_.try_emplace(std::string(token), static_cast<TokenId>(texts_.size()));
  texts_.push_back(&at->first);
  word_.push_back(word);
  identifier_.push_back(identifier);
  bytes_ += token.size();
  return at->second;
}

Vocabulary::TokenId Vocabulary::id(std::string_view token) {
  token = token.substr(0, kTokenBytesMax);
  const auto at = ids_.find(token);
  return at != ids_.end() ? at->second : add(token, is_log_word(token), is_log_identifier(token));
}

std::optional<Vocabulary::TokenId> Vocabulary::find(std::string_view token) const {
  const auto at = ids_.find(token.substr(0, kTokenBytesMax));
  return at == ids_.end() ? std::nullopt : std::optional(at->second);
}

std::size_t TemplateMiner::TokensHash::operator()(const Tokens& tokens) const {
  std::uint64_t h = 1469598103934665603u;
  for (const auto token : tokens) h = (h ^ token) * 1099511628211u;
  return static_cast<std::size_t>(h ^ (h >> 29));
}

std::string template_id(std::string_view text) {
  std::uint64_t h = 14695981039346656037u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211u;
  std::string out(16, '0');
  for (std::size_t i = 0; i < 16; ++i) out[i] = "0123456789abcdef"[(h >> (60 - 4 * i)) & 15];
  return out;
}

// The line's tokens into current_. False when one of them was never seen, unless it is to be learnt.
bool TemplateMiner::read(std::string_view line, bool learn) {
  current_.clear();
  bool whole = true;
  for (const auto token : cutter_.cut(line)) {
    const auto id = learn ? std::optional(words_.id(token)) : words_.find(token);
    current_.push_back(id.value_or(~TokenId{0}));
    whole = whole && id.has_value();
  }
  return whole;
}

std::optional<std::uint32_t> TemplateMiner::known() const {
  if (const auto at = exact_.find(current_); at != exact_.end()) return at->second;
  if (const auto at = wild_.find(current_.size()); at != wild_.end()) {
    for (const auto i : at->second)
      if (fits(shapes_[i].tokens, current_)) return i;
  }
  return std::nullopt;
}

void TemplateMiner::add(std::string_view line) {
  read(line, true);
  const auto number = lines_++;
  if (const auto at = known()) {
    ++shapes_[*at].lines;
    return;
  }
  exact_.emplace(current_, static_cast<std::uint32_t>(shapes_.size()));
  shapes_.push_back({current_, 1, number, std::string(line.substr(0, kSampleBytesMax)), {}, 0});
  if (shapes_.size() > limits_.shapes_max || words_.bytes() > limits_.vocabulary_bytes_max) condense();
}

void TemplateMiner::split() {
  std::map<std::size_t, Splitter::Shapes> by_length;
  for (auto& shape : shapes_) by_length[shape.tokens.size()].push_back({shape.tokens, &shape.pattern});
  const Splitter splitter(words_);
  for (const auto& [length, same] : by_length) splitter.split(same, std::vector<bool>(length, false));
}

std::string TemplateMiner::text_of(const Tokens& pattern) const {
  std::string text;
  for (const auto token : pattern) text += token == Vocabulary::kWild ? std::string("<*>") : words_.text(token);
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

// Shapes become their templates; words that only the shapes held are forgotten.
void TemplateMiner::condense() {
  split();
  condensed_ = true;
  std::unordered_map<Tokens, Shape, TokensHash> merged;
  for (auto& shape : shapes_) {
    Shape& into = merged[shape.pattern];
    if (into.lines == 0 || shape.first_line < into.first_line) {
      into.first_line = shape.first_line;
      into.sample = std::move(shape.sample);
    }
    into.lines += shape.lines;
    into.tokens = shape.pattern;
  }
  std::vector<Shape> kept;
  kept.reserve(merged.size());
  for (auto& [pattern, shape] : merged) kept.push_back(std::move(shape));
  std::sort(kept.begin(), kept.end(), [](const Shape& a, const Shape& b) { return std::pair(b.lines, a.first_line) < std::pair(a.lines, b.first_line); });
  for (std::size_t i = limits_.patterns_max; i < kept.size(); ++i) other_lines_ += kept[i].lines;
  if (kept.size() > limits_.patterns_max) kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(limits_.patterns_max), kept.end());

  const Vocabulary old = std::exchange(words_, Vocabulary());
  for (auto& shape : kept) {
    for (auto& token : shape.tokens)
      if (token != Vocabulary::kWild) token = words_.id(old.text(token));
  }
  shapes_ = std::move(kept);
  index();
}

void TemplateMiner::index() {
  exact_.clear();
  wild_.clear();
  for (std::uint32_t i = 0; i < shapes_.size(); ++i) {
    const auto& tokens = shapes_[i].tokens;
    if (std::find(tokens.begin(), tokens.end(), Vocabulary::kWild) == tokens.end()) exact_.emplace(tokens, i);
    else wild_[tokens.size()].push_back(i);
  }
  const auto wilds = [&](std::uint32_t i) { return std::count(shapes_[i].tokens.begin(), shapes_[i].tokens.end(), Vocabulary::kWild); };
  for (auto& [length, list] : wild_)
    std::stable_sort(list.begin(), list.end(), [&](std::uint32_t a, std::uint32_t b) { return wilds(a) < wilds(b); });
}

std::vector<Template> TemplateMiner::finish() {
  split();
  std::map<std::string, Template> by_text;
  for (const auto& shape : shapes_) {
    auto text = text_of(shape.pattern);
    Template& found = by_text[text];
    if (found.lines == 0 || shape.first_line < found.first_line) {
      found.first_line = shape.first_line;
      found.sample = shape.sample;
    }
    found.lines += shape.lines;
    found.text = std::move(text);
  }
  std::vector<Template> out;
  for (auto& [text, found] : by_text) out.push_back(std::move(found));
  std::stable_sort(out.begin(), out.end(), [](const Template& a, const Template& b) { return a.lines > b.lines; });
  std::map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < out.size(); ++i) places.emplace(out[i].text, i);
  for (auto& shape : shapes_) shape.result = places.at(text_of(shape.pattern));
  return out;
}

std::optional<std::size_t> TemplateMiner::find(std::string_view line) {
  read(line, false);
  const auto at = known();
  return at ? std::optional(shapes_[*at].result) : std::nullopt;
}

}  // namespace swarm::log_templates
