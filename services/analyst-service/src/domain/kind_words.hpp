#pragma once

#include <string_view>

namespace swarm::analyst::domain {

/// True for words that say what kind of fault it is although they look like a user's identifier or stand in quotes:
/// types, keywords and members that a language or its standard library defines (`NoneType`, `undefined`, `u32`,
/// `Option`, `length`). Everything else of that look is taken for a name of the user's own code.
bool is_kind_word(std::string_view word);

/// True for those of them that anybody may call something of theirs, too (`key`, `open`, `filter`): alone in quotes they
/// are a name.
bool is_member_word(std::string_view word);

}  // namespace swarm::analyst::domain
