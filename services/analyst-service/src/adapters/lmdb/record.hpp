#pragma once

#include "domain/failure_group.hpp"
#include "domain/golden_rule.hpp"
#include "libs/base/result.hpp"
#include "ports/failure_store.hpp"

namespace swarm::analyst::adapters {

// Records as bytes: a format byte, then the fields in order, numbers as 8 bytes little-endian, texts with their size.
// New fields stand at the end, and older records may lack them; a record of a later format is refused.

std::string encode(const domain::KindText& kind);
std::string encode(const domain::Group& group);
std::string encode(const domain::GoldenRule& rule);
std::string encode(const domain::ScopeOutcomes& scope);
std::string encode(const domain::Totals& totals);
std::string encode(const ports::GroupRoute& route);
std::string encode(const ports::JournalEntry& entry);

/// DataLoss when the bytes are no such record.
Result<void> decode(std::string_view bytes, domain::KindText& kind);
Result<void> decode(std::string_view bytes, domain::Group& group);
Result<void> decode(std::string_view bytes, domain::GoldenRule& rule);
Result<void> decode(std::string_view bytes, domain::ScopeOutcomes& scope);
Result<void> decode(std::string_view bytes, domain::Totals& totals);
Result<void> decode(std::string_view bytes, ports::GroupRoute& out);
Result<void> decode(std::string_view bytes, ports::JournalEntry& entry);

}  // namespace swarm::analyst::adapters
