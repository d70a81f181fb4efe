#pragma once

#include <cstdint>
#include <string_view>

namespace swarm::analyst::domain {

/// What a word of a message says of the word behind it: compilers print names with and without quotes, and a plain one
/// (`variable total`) looks like any other word.
enum class Announced : std::uint8_t {
  Nothing,
  Name,     // `variable total`: a name, unless it is a word of grammar
  Quoted,   // `reading 'map'`: a name when it is quoted, even one that the language knows
  Type,     // `in Order`: a name when it begins with a capital
  Target,   // `argument to check`: as Quoted, and the last word after a `to` is a name
  Last,     // `in call to check`: a name when it is the last word of its part
  Operand,  // `cannot use total (variable of type int)`: a name when its grammar follows
};

/// What `word`, itself announced as `before`, announces. Pure.
Announced announced_by(std::string_view word, Announced before);

/// Whether a word of letters that was announced stands for a name; `rest` is the line behind it.
bool is_announced_name(Announced announced, std::string_view word, std::string_view rest);

/// Whether what follows a word says that it is a name: `total redeclared in this block`, `kit==1.2`, `a + b`. `before`
/// and `rest` are the line around it. A word of the languages is one only where nothing else can stand.
bool is_name_by_grammar(std::string_view before, std::string_view word, std::string_view rest);

}  // namespace swarm::analyst::domain
