#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "domain/announced_names.hpp"
#include "domain/digest.hpp"

namespace swarm::analyst::domain {

/// Masks what varies between two occurrences of one kind of fault and keeps the words that name it: numbers become
/// `<n>`; quoted values, paths, addresses and names of the user's own code become `<*>`; types, keywords, error codes
/// and plain words stay. Masking a masked text changes nothing.
///
/// The masked names are also collected, in order, as `subjects()`: they tell two places of one kind apart when the log
/// holds no stack frames. Numbers and free text in quotes are not among them.
///
/// One pass, no allocation; the text is cut at kTextMax bytes. Not thread-safe; reuse one object per thread.
class Masker {
 public:
  static constexpr std::size_t kTextMax = 480;
  static constexpr std::size_t kLineMax = 4096;

  void clear();
  /// Appends one line, after a separator when there is text already. `named`, a view into the line, is masked whatever
  /// it looks like.
  void append(std::string_view line, std::string_view named = {});
  /// Appends text as it is.
  void append_verbatim(std::string_view text);

  std::string_view text() const { return {text_.data(), size_}; }
  Id subjects() const { return subjects_.id(); }
  std::size_t subject_count() const { return subject_count_; }

 private:
  struct Token;
  std::size_t number(std::size_t at);
  std::size_t plain_word(std::size_t at);
  std::size_t word(std::size_t at);
  std::size_t curly(std::size_t at);
  std::size_t quote(std::size_t at, std::size_t open_size, std::string_view close);
  std::size_t object(std::size_t at);
  std::size_t punctuation(std::size_t at);
  std::size_t flag(std::size_t at);
  std::size_t symbol(std::size_t at);
  std::size_t path(std::size_t at);
  bool stands_for_name(std::string_view word, std::size_t end, Announced announced) const;
  bool is_plural_mark(const Token& token) const;
  void decide(const Token& token);
  void decide_compound(const Token& token, Announced announced);
  void mask(std::string_view placeholder);
  void put(std::string_view bytes);
  void put(char c);
  void subject(std::string_view name);
  void note_member(std::string_view name);
  bool is_member(std::string_view word) const;
  bool is_matcher(std::string_view text) const;
  bool is_pointed_at(std::string_view text) const;
  bool is_indexed(const Token& token) const;
  bool is_capital_within(const Token& token) const;
  bool heads_message(const Token& token) const;
  bool ends_with(std::string_view tail) const;

  std::string_view line_;
  std::size_t line_begin_ = 0;  // of what was written for it
  std::array<char, kTextMax + 16> text_;
  std::size_t size_ = 0;
  bool keep_number_ = false;
  Announced announced_ = Announced::Nothing;  // by the word before
  Digest subjects_;
  std::size_t subject_count_ = 0;
  std::array<std::string_view, 4> members_;  // last parts of the line's masked dotted names
  std::size_t member_count_ = 0;
};

/// The part of a path that stays the same in every workspace: the file's name, with its folder unless that one looks
/// generated.
std::string_view stable_path(std::string_view path);

}  // namespace swarm::analyst::domain
